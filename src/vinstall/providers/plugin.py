"""IsolatedPluginRunner: asks a plugin the user trusts, far away from everything else.

The plugin is installed from plain wheels into a folder of its own (by what `prepare` does), run by
a stand-alone script in a process with little to see and limits on time and output, and believed
only as far as its answer is well-formed.  Nothing it does ends an installation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.errors import FormatError, IntegrityError, VinstallError
from vinstall.formats.support import NamespaceAnswer, NamespaceSupport
from vinstall.pattern import pattern
from vinstall.providers.consent import ConsentBook
from vinstall.providers.plugin_answer import parse_plugin_answer, plain
from vinstall.providers.plugin_process import clean_environ, run_plugin
from vinstall.providers.provider import PluginQuestion
from vinstall.providers.trust import TrustedPlugin
from vinstall.values import field, frozen

_REVISION = 1
"""Raised when the script or the reading of its answers changes; part of the key of answers."""

_API = pattern(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)?)?")


@frozen
class PreparedPlugin:
    """A plugin ready to be run."""

    folder: Path
    """Holds the plugin and its dependencies; all that is on `sys.path` beside the standard library."""
    python: Path
    """The interpreter to run it with, 3.8 or later."""
    sha256: str
    """Of the plugin's own wheel, as installed, in lower-case hex."""
    digest: str
    """The same for the same files in `folder`: a hash over the hashes of all wheels in it."""


class PreparePlugin(Protocol):
    """Makes the folder of a plugin; the workflows know how."""

    def __call__(
        self, name: NormalizedName, version: Version, sha256: str | None
    ) -> PreparedPlugin:
        """The plugin's release `name==version` and its dependencies, installed into one folder.

        From plain wheels only, with every hash checked that is known; where `sha256` is given, the
        plugin's own wheel has to have it.  Cheap where it was done before.  Raises VinstallError.
        """
        ...


class AnswerMemory(Protocol):
    """Where answers are remembered."""

    def get(self, key: str) -> bytes | None:
        """The bytes stored under `key`, or None."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Store `data` under `key`; failures are silent."""
        ...


@frozen
class IsolatedPluginRunner:
    """The PluginRunner of an installation."""

    prepare: PreparePlugin
    consent: ConsentBook
    environ: Mapping[str, str] = field(shown=False)
    memory: AnswerMemory | None = None
    """None: every run asks anew."""
    fingerprint: str | None = None
    """Of the machine, `fingerprint.host_fingerprint`; None: every run asks anew."""
    seconds: float = 20.0
    """How long a plugin may take."""

    def ask(self, question: PluginQuestion) -> NamespaceAnswer:
        """What the plugin says this machine supports.  Never raises: the answer has the warnings.

        Costs the installation of the plugin the first time, then a process, or a small file where
        the answer is remembered.
        """
        plugin = question.plugin
        label = f"the plugin `{plugin}` for `{question.namespace}`"
        try:
            prepared = self._prepared(plugin)
        except VinstallError as error:
            fault = "; ".join((error.message, *error.context))
            return _failed(f"{label} could not be prepared: {fault}")
        try:
            features, remembered = self._features(question, prepared)
        except FormatError as error:
            return _failed(f"{label} {error.message}")
        source = "remembered" if remembered else "asked"
        return NamespaceAnswer(features=features, how=f"plugin {plugin} ({source})")

    def _prepared(self, plugin: TrustedPlugin) -> PreparedPlugin:
        expected = plugin.sha256 or self.consent.recorded(plugin)
        prepared = self.prepare(plugin.name, plugin.version, expected)
        if expected is not None and prepared.sha256 != expected:
            raise IntegrityError(
                f"its wheel has the hash sha256:{prepared.sha256}, another is trusted"
            )
        self.consent.record(plugin, prepared.sha256)
        return prepared

    def _features(
        self, question: PluginQuestion, prepared: PreparedPlugin
    ) -> tuple[NamespaceSupport, bool]:
        """The features, and whether they were remembered.  Raises FormatError."""
        environ = clean_environ(self.environ)
        request = _request(question.plugin_api, prepared.folder)
        key = self._key(question, prepared, environ)
        remembered = self._remembered(key, question.namespace)
        if remembered is not None:
            return remembered, True
        outcome = run_plugin(prepared.python, request, environ, self.seconds)
        if outcome.fault is not None:
            raise FormatError(outcome.fault)
        features = parse_plugin_answer(outcome.answer, question.namespace)
        if key is not None and self.memory is not None:
            self.memory.put(key, outcome.answer)
        return features, False

    def _remembered(self, key: str | None, namespace: str) -> NamespaceSupport | None:
        content = None if key is None or self.memory is None else self.memory.get(key)
        if content is None:
            return None
        try:
            return parse_plugin_answer(content, namespace)
        except FormatError:
            return None

    def _key(
        self, question: PluginQuestion, prepared: PreparedPlugin, environ: Mapping[str, str]
    ) -> str | None:
        """A hash of everything the answer depends on; None where that cannot be known."""
        if self.fingerprint is None:
            return None
        try:
            interpreter = prepared.python.stat()
        except OSError:
            return None
        inputs = (
            _REVISION,
            question.namespace,
            question.plugin_api,
            prepared.digest,
            str(prepared.python),
            interpreter.st_size,
            interpreter.st_mtime_ns,
            self.fingerprint,
            sorted(environ.items()),
        )
        return f"plugin-{hashlib.sha256(json.dumps(inputs).encode()).hexdigest()}"


def _request(plugin_api: str, folder: Path) -> str:
    """The request for the script.  Raises FormatError for an API that is no object reference."""
    match = _API.fullmatch(plugin_api)
    if match is None:
        raise FormatError(f"cannot be asked: `{plain(plugin_api)}` is no object reference")
    return json.dumps({"folder": str(folder), "module": match[1], "object": match[2] or ""})


def _failed(warning: str) -> NamespaceAnswer:
    return NamespaceAnswer(unavailable=warning, warnings=(warning,), unanswered=True)
