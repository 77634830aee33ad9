"""What must not be silent about variants that go with some versions of other projects.

Spec: contract, section 2 ("an older release chosen only for variant reasons is never silent") and
section 7 (`abi_dependency`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.catalog import Catalog
from vinstall.formats.requirement import Requirement
from vinstall.resolution.candidate import Binding, Candidate
from vinstall.resolution.model import Pin
from vinstall.resolution.sentence import shown
from vinstall.selection.release import Choice
from vinstall.selection.wording import either

_LOOKED_AT = 5
"""Releases of a project that are looked at, the newest first; each may cost a request."""
_SHOWN = 3


def older_for_others(
    pin: Pin,
    newer: Iterable[Version],
    bindings: Sequence[tuple[Candidate, Binding]],
    catalog: Catalog,
) -> Iterator[str]:
    """The notice that `pin` is not the newest, for the variants of others would not go with that.

    `bindings` are the limits on its version, each with who sets it; `newer` are the versions above
    it that everything else admits, the newest first.
    """
    if not bindings:
        return
    for version in islice(newer, _LOOKED_AT):
        against = [_sentence(by, limit) for by, limit in bindings if not limit.admits(version)]
        if not against:
            return
        if _can_be_used(catalog.choices(pin.name, version)):
            yield _line(pin, version, against)
            return


def older_for_its_own(
    pin: Pin,
    newer: Iterable[Version],
    *,
    goes_with: Callable[[Requirement], bool],
    there: Mapping[NormalizedName, Version],
    catalog: Catalog,
) -> Iterator[str]:
    """The notice that `pin` is not the newest, for no variant of that goes with the answer.

    `goes_with` says whether the answer keeps a limit; `there` are the versions in it.
    """
    for version in islice(newer, _LOOKED_AT):
        choices = catalog.choices(pin.name, version)
        if not _can_be_used(choices):
            continue
        violated = list(_violated(choices, goes_with))
        if len(violated) < len(choices):
            return
        against = list(dict.fromkeys(violated))
        wanted = [f"`{label}` goes with {shown(limit)}" for label, limit in against[:_SHOWN]]
        if len(against) > _SHOWN:
            wanted.append(f"{len(against) - _SHOWN} others do not fit either")
        names = dict.fromkeys(limit.name for _, limit in against)
        found = [
            f"`{name}` is {there[name]}" if name in there else f"`{name}` is not asked for"
            for name in names
        ]
        yield _line(pin, version, [*wanted, either(found, "and")])
        return


def _sentence(by: Candidate, limit: Binding) -> str:
    """What a variant of the answer is made for."""
    made = by.choice or by.installed
    variant = f"`{made.label}` of " if made is not None and made.label is not None else ""
    return f"{variant}{limit.by} goes with {shown(limit.requirement)}"


def _can_be_used(choices: Sequence[Choice]) -> bool:
    return bool(choices) and choices[0].artifact.file.yanked is None


def _violated(
    choices: Iterable[Choice], goes_with: Callable[[Requirement], bool]
) -> Iterator[tuple[str | None, Requirement]]:
    """Each choice that does not go with the answer, by label, with the first limit against it."""
    for choice in choices:
        limit = next((one for one in choice.constraints if not goes_with(one)), None)
        if limit is not None:
            yield choice.label, limit


def _line(pin: Pin, version: Version, why: Iterable[str]) -> str:
    return f"`{pin.name}` {pin.version} instead of {version}: {'; '.join(why)}"
