"""Wheels of the store into an environment where nothing is in their way, from plain text.

For a run that knows what it would do before it has asked anything: it has looked up what an earlier
one found out.  Where there is anything to be decided or told, nothing is done, and the long way
decides and tells.
"""

from __future__ import annotations

from vinstall.cache.folder_lock import FolderLock, try_lock
from vinstall.cache.integrity import Inspection
from vinstall.cache.store import Store
from vinstall.installation.destination import Destination
from vinstall.values import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from vinstall.cache.integrity import Tree
    from vinstall.cache.store import Bytecode, StoredWheel
    from vinstall.installation.assembly import Incoming

    Stored = tuple[StoredWheel, Bytecode | None]
    """A wheel, and its compiled modules where they are wanted."""

_HEAVY = 150_000
"""What is known of wheels, in bytes, from which on a process that looks is worth its start."""

__all__ = ("Destination", "FolderLock", "Newcomer", "install_directly", "try_lock")


class Newcomer(Row):
    """One distribution that is to be there and is not."""

    name: str
    """Normalized."""
    version: str
    sha256: str
    """Of its wheel."""
    filename: str
    """Of its wheel: the one that the store must know it by."""
    requested: bool
    """Named by the user (PEP 376 REQUESTED)."""
    origin: tuple[str, bytes] | None
    """Name and content of `direct_url.json` or `provenance_url.json`."""


def install_directly(
    store_root: str,
    newcomers: Sequence[Newcomer],
    destination: Destination,
    *,
    link_mode: str | None = None,
    bytecode_kind: str | None = None,
) -> bool:
    """Put `newcomers` into an environment that has none of them; whether that was possible.

    The caller holds the lock of the environment and has seen that no change of it was interrupted.
    `bytecode_kind`: compiled modules come along (`bytecode.bytecode_kind`).  False: a wheel or its
    bytecode is not in the store, or was changed there (and was dropped), or something is in the way;
    nothing has changed.  Raises InstallationError where that is impossible; nothing has changed.
    """
    store = Store(store_root)
    much = _is_much(store, newcomers)
    inspection = Inspection(lambda: _trees(_load(store, newcomers, bytecode_kind)), many=much)
    # While the other process looks, the rest of the code is loaded.
    from vinstall.installation.change import Change, Obstructed
    from vinstall.installation.transfer import Linker, default_mode

    found: list[Stored] = []
    try:
        found = _load(store, newcomers, bytecode_kind)
        if len(found) < len(newcomers):
            return False
        linker = Linker(link_mode or default_mode(), keep_times=bytecode_kind is not None)
        change = Change(_incoming(newcomers, found), destination, linker)
        change.prepare()
        change.carry_out(lambda: _confirm(inspection))
    except Obstructed:
        return False
    except _Damaged:
        store.drop_damaged([wheel for wheel, _ in found])
        return False
    finally:
        inspection.stop()
    return True


class _Damaged(Exception):
    """A file of the store is not as it was written."""


def _confirm(inspection: Inspection) -> None:
    if not inspection.passed():
        raise _Damaged


def _is_much(store: Store, newcomers: Sequence[Newcomer]) -> bool:
    """Whether there are a thousand files or more."""
    weight = 0
    for newcomer in newcomers:
        weight += store.weight(newcomer.sha256)
        if weight >= _HEAVY:
            return True
    return False


def _load(store: Store, newcomers: Sequence[Newcomer], kind: str | None) -> list[Stored]:
    """What the store has of `newcomers`, not looked at yet, up to the first that it has not whole."""
    found: list[Stored] = []
    for newcomer in newcomers:
        wheel = store.load(newcomer.sha256)
        if wheel is None or wheel.filename != newcomer.filename:
            break
        bytecode = store.load_bytecode(wheel, kind) if kind is not None else None
        if kind is not None and bytecode is None:
            break
        found.append((wheel, bytecode))
    return found


def _incoming(newcomers: Sequence[Newcomer], found: Sequence[Stored]) -> list[Incoming]:
    from vinstall.installation.assembly import Incoming

    return [
        Incoming(newcomer.name, wheel, newcomer.requested, newcomer.origin, bytecode)
        for newcomer, (wheel, bytecode) in zip(newcomers, found, strict=True)
    ]


def _trees(found: Sequence[Stored]) -> list[Tree]:
    """What has to be looked at."""
    trees: list[Tree] = [(wheel.path, wheel.groups) for wheel, _ in found]
    trees += [(bytecode.path, bytecode.groups) for _, bytecode in found if bytecode]
    return trees
