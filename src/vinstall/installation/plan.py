"""Plan: what a resolution changes in an environment.  Pure, apart from what a predicate reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from packaging.utils import NormalizedName

from vinstall.resolution.model import Pin, Resolution
from vinstall.selection.release import SourceDistribution
from vinstall.target.installed import InstalledDistribution, InstalledSet
from vinstall.values import frozen


@frozen
class Plan:
    """One change of an environment; every name occurs once, duplicates in `remove` apart."""

    install: tuple[Pin, ...] = ()
    replace: tuple[tuple[InstalledDistribution, Pin], ...] = ()
    keep: tuple[InstalledDistribution, ...] = ()
    """Asked for and there already."""
    remove: tuple[InstalledDistribution, ...] = ()

    @property
    def pins(self) -> tuple[Pin, ...]:
        """What has to be fetched: new ones first, then replacements."""
        return (*self.install, *(pin for _, pin in self.replace))

    @property
    def leaving(self) -> tuple[InstalledDistribution, ...]:
        """What is there now and will not be: replaced first, then removed."""
        return (*(old for old, _ in self.replace), *self.remove)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.install or self.replace or self.remove)


def _never(_old: InstalledDistribution, _pin: Pin) -> bool:
    return False


def make_plan(
    resolution: Resolution,
    installed: InstalledSet,
    *,
    must_replace: Callable[[InstalledDistribution, Pin], bool] = _never,
    exact: bool = False,
    protected: frozenset[NormalizedName] = frozenset(),
) -> Plan:
    """The way from what is installed to `resolution`; each part sorted as the resolution is.

    A distribution that is there at the pinned version, and from the pinned URL where there is
    one, is kept unless `must_replace` says otherwise (`--reinstall`, a variant that no longer
    fits).  `exact`: what the resolution does not name is removed, `protected` names apart.  What
    is seen but not part of the environment is shadowed, never removed.
    """
    install: list[Pin] = []
    replace: list[tuple[InstalledDistribution, Pin]] = []
    keep = [old for kept in resolution.kept if (old := installed.get(kept.name)) is not None]
    for pin in resolution.pins:
        old = installed.get(pin.name)
        if old is not None and is_same(old, pin) and not must_replace(old, pin):
            keep.append(old)
        elif old is not None and old.local:
            replace.append((old, pin))
        else:
            install.append(pin)
    changing = {old.name for old, _ in replace}
    remove = list(_surplus(resolution, installed, protected)) if exact else []
    changing |= {old.name for old in remove}
    remove += [other for other in installed.duplicates if other.name in changing]
    return Plan(
        install=tuple(install), replace=tuple(replace), keep=tuple(keep), remove=tuple(remove)
    )


def _surplus(
    resolution: Resolution, installed: InstalledSet, protected: frozenset[NormalizedName]
) -> Iterator[InstalledDistribution]:
    wanted = {pin.name for pin in resolution.pins} | {kept.name for kept in resolution.kept}
    for old in sorted(installed, key=lambda old: old.name):
        if old.local and old.name not in wanted | protected:
            yield old


def is_same(old: InstalledDistribution, pin: Pin) -> bool:
    """Whether what is installed is what `pin` would install, as far as pip looks.

    Folders and source archives on this machine may have changed under the same version; a wheel
    file of the same version has not.  Reads `direct_url.json` for a pin with a URL.
    """
    if old.version != pin.version:
        return False
    if pin.direct_url is None:
        return True
    artifact = pin.choice.artifact
    local = artifact.file.url.startswith("file:")
    if isinstance(artifact, SourceDistribution):
        return not local and not artifact.editable and _recorded_url(old) == _plain(pin.direct_url)
    return local or _recorded_url(old) == _plain(pin.direct_url)


def _recorded_url(old: InstalledDistribution) -> str | None:
    recorded = old.direct_url() or {}
    url = recorded.get("url")
    vcs = recorded.get("vcs_info")
    if isinstance(vcs, dict) and isinstance(url, str):
        # A branch moves on: only a commit that was asked for by name is the same for ever.
        commit, revision = vcs.get("commit_id"), vcs.get("requested_revision")
        return f"{vcs.get('vcs')}+{url}@{commit}" if commit == revision else None
    return url if isinstance(url, str) else None


def _plain(url: str) -> str:
    from vinstall.installation.origin import without_credentials

    return without_credentials(url.partition("#")[0])
