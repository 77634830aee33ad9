"""The choice where no label can have a say: the wheel with the best tag, and no other is looked at.

Nearly all projects have no variants, and most releases one wheel that fits best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import overload

from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice, Wheel
from vinstall.selection.releases import ReleaseIndex
from vinstall.selection.tags import TagFilter
from vinstall.selection.usable import refusal


def plain_choice(
    index: ReleaseIndex,
    version: Version,
    *,
    tags: TagFilter,
    python: Version,
    policy: SelectionPolicy,
    rejected: Callable[[], Sequence[Rejection]],
) -> Choice | None:
    """What `choose` would choose of this release, where that is plain; None where it is to be asked.

    `rejected` finds out why not the other files, should anybody ask.  Costs half a microsecond a
    wheel.
    """
    if index.has_labels or not policy.wheels or policy.hashes or policy.require_hashes:
        return None
    files = index.wheels(version)
    ranks = [tags.rank(file.filename) for file in files]
    best = min([rank for rank in ranks if rank is not None], default=None)
    if best is None or ranks.count(best) > 1:
        return None
    file = files[ranks.index(best)]
    if file.yanked is not None or refusal(file, python, policy) is not None:
        return None
    try:
        name = parse_wheel_name(file.filename)
    except FormatError:
        return None
    wheel = Wheel(name, file, index.page.source)
    return Choice(artifact=wheel, rejected=_Rejections(rejected), without_labels=True)


class _Rejections(Sequence[Rejection]):
    """Found out when somebody looks at them."""

    def __init__(self, find: Callable[[], Sequence[Rejection]]) -> None:
        self._find = find

    @cached_property
    def _found(self) -> tuple[Rejection, ...]:
        return tuple(self._find())

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, at: int) -> Rejection: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Rejection, ...]: ...
    def __getitem__(self, at: int | slice) -> Rejection | tuple[Rejection, ...]:
        return self._found[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._found == tuple(other)

    def __hash__(self) -> int:
        return hash(self._found)
