"""Plugins of variant providers: installed from plain wheels into a folder of the cache, once.

Only plugins that the user trusts come here (PEP 850; contract, section 3, rule 7).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.errors import FormatError
from vinstall.formats.requirement import parse_requirement
from vinstall.providers.consent import ConsentBook
from vinstall.providers.fingerprint import host_fingerprint
from vinstall.providers.machine import Machine
from vinstall.providers.plugin import IsolatedPluginRunner, PreparedPlugin
from vinstall.resolution.model import Request
from vinstall.target.discover import Place, Surroundings, discover_target
from vinstall.target.environment import Target
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import Rooms
from vinstall.workflows.folders import user_data_folder
from vinstall.workflows.policies import Hashes
from vinstall.workflows.side_installation import Side, install_beside

_FACTS = "prepared.json"
"""Written last: a folder without it is incomplete."""


def plugin_runner(rooms: Rooms, machine: Machine) -> IsolatedPluginRunner | None:
    """Who runs plugins for `machine`; None where the user trusts none."""
    if not rooms.settings.variants.trust_providers:
        return None
    environ = rooms.invocation.environ
    return IsolatedPluginRunner(
        prepare=PluginInstaller(rooms=rooms),
        consent=ConsentBook(path=user_data_folder(environ) / "trusted-plugins.json"),
        environ=environ,
        memory=rooms.remembered(),
        fingerprint=host_fingerprint(machine),
        seconds=rooms.settings.variants.provider_timeout,
    )


@frozen
class PluginInstaller:
    """Makes the folder of a plugin."""

    rooms: Rooms

    def __call__(
        self, name: NormalizedName, version: Version, sha256: str | None
    ) -> PreparedPlugin:
        """The plugin's release and its dependencies in one folder; kept for the next time."""
        python = self.rooms.invocation.python
        key = json.dumps([name, str(version), sha256, str(python)])
        folder = self.rooms.cache.folder("plugins") / hashlib.sha256(key.encode()).hexdigest()
        facts = _read_facts(folder)
        if facts is None:
            facts = self._install(folder, name, version, sha256)
        return PreparedPlugin(
            folder=folder / "site", python=python, sha256=facts[0], digest=facts[1]
        )

    def _install(
        self, folder: Path, name: NormalizedName, version: Version, sha256: str | None
    ) -> tuple[str, str]:
        """Install into `folder`; the hash of the plugin's wheel, and one over all wheels."""
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "site").mkdir(parents=True)
        hashes: dict[NormalizedName, Hashes] = {}
        if sha256 is not None:
            hashes[name] = frozenset({("sha256", sha256)})
        rooms = replace(
            self.rooms,
            settings=replace(self.rooms.settings, only_binary=frozenset({":all:"})),
        )
        stored = install_beside(
            rooms,
            [
                Request(
                    requirement=parse_requirement(f"{name}=={version}"), origin="a trusted plugin"
                )
            ],
            self._target(folder / "site"),
            Side(builder=None, variants=False, hashes=hashes),
        )
        found = stored[name].sha256
        together = "\n".join(sorted(wheel.sha256 for wheel in stored.values()))
        digest = hashlib.sha256(together.encode()).hexdigest()
        (folder / _FACTS).write_text(json.dumps([found, digest]), "utf-8")
        return found, digest

    def _target(self, site: Path) -> Target:
        invocation = self.rooms.invocation
        return discover_target(
            Place(python=str(invocation.python), target=site),
            Surroundings(environ=invocation.environ, cwd=invocation.folder, own=None),
        )


def _read_facts(folder: Path) -> tuple[str, str] | None:
    try:
        found, digest = json.loads((folder / _FACTS).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FormatError(f"`{folder / _FACTS}` cannot be read") from error
    return str(found), str(digest)
