"""How well the platform compatibility tags of a wheel fit a target.  Spec: PEP 425, PEP 427."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vinstall.errors import FormatError
from vinstall.formats.wheel_name import parse_wheel_name


def best_rank(tags: Iterable[str], target: Mapping[str, int]) -> int | None:
    """The rank of the best of `tags` on the target, 0 the most preferred; None where none fits.

    `target` maps `python-abi-platform` to its rank, as `Target.tags` does.
    """
    return min([target[tag] for tag in tags if tag in target], default=None)


class TagFilter:
    """Tells by names of wheels how well they fit a target.  Threads may share one."""

    def __init__(self, target: Mapping[str, int]) -> None:
        """`target` as for `best_rank`."""
        self._target = target
        self._known: dict[str, int | None] = {}
        """By what follows the version in a name; a page has few of these."""

    def rank(self, filename: str) -> int | None:
        """What `best_rank` says of a wheel; None also for one whose name cannot be read.

        Where the tags are known already, or one alone, nothing else of the name is looked at.
        """
        rest = filename.split("-", 2)[-1]
        try:
            return self._known[rest]
        except KeyError:
            pass
        rank = self._target.get(rest.removesuffix(".whl"))  # a single tag, as most names have
        if rank is None:
            try:
                rank = best_rank(parse_wheel_name(filename).tags, self._target)
            except FormatError:
                return None
        self._known[rest] = rank
        return rank

    def may_admit(self, filename: str) -> bool:
        """False for a wheel that `rank` has none for."""
        return self.rank(filename) is not None
