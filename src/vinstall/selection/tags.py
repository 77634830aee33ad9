"""How well the platform compatibility tags of a wheel fit a target.  Spec: PEP 425, PEP 427."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def best_rank(tags: Iterable[str], target: Mapping[str, int]) -> int | None:
    """The rank of the best of `tags` on the target, 0 the most preferred; None where none fits.

    `target` maps `python-abi-platform` to its rank, as `Target.tags` does.
    """
    return min([target[tag] for tag in tags if tag in target], default=None)
