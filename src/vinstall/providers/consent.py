"""ConsentBook: which plugin files the user has allowed to run, by name, version and hash.

`--trust-provider NAME==VERSION` trusts the file that is there under that name the first time; from
then on another file under the same name and version does not run, unless the user names its hash.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from vinstall.errors import FormatError, SourceError
from vinstall.formats.json_object import as_object, as_string, parse_json_object
from vinstall.providers.trust import TrustedPlugin
from vinstall.values import frozen

_FORMAT = 1


@frozen
class ConsentBook:
    """A small JSON file; it need not exist."""

    path: Path

    def recorded(self, plugin: TrustedPlugin) -> str | None:
        """The hash that was recorded for the plugin's name and version, or None.

        Raises FormatError for a file that does not follow its format, SourceError for one that
        cannot be read.
        """
        return self._read().get(str(plugin))

    def record(self, plugin: TrustedPlugin, sha256: str) -> None:
        """Remember `sha256` for the plugin's name and version.  Raises as `recorded` does."""
        entries = self._read()
        if entries.get(str(plugin)) == sha256:
            return
        entries[str(plugin)] = sha256
        document = {
            "format": _FORMAT,
            "plugins": [
                {"plugin": name, "sha256": digest} for name, digest in sorted(entries.items())
            ],
        }
        try:
            _replace(self.path, json.dumps(document, indent=2) + "\n")
        except OSError as error:
            raise SourceError(f"`{self.path}` cannot be written: {error.strerror}") from error

    def _read(self) -> dict[str, str]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SourceError(f"`{self.path}` cannot be read: {error.strerror}") from error
        try:
            return _parse(content)
        except FormatError as error:
            raise FormatError(
                f"`{self.path}` is no record of trusted plugins: {error.message}",
                hint="remove the file to start a new one",
            ) from error


def _parse(content: bytes) -> dict[str, str]:
    document = parse_json_object(content)
    if document.get("format") != _FORMAT:
        raise FormatError(f"is not {_FORMAT}", path="format")
    plugins = document.get("plugins")
    if not isinstance(plugins, list):
        raise FormatError("is not a list", path="plugins")
    entries = {}
    for place, item in enumerate(plugins):
        path = f"plugins.{place}"
        entry = as_object(item, path)
        name = as_string(entry.get("plugin"), f"{path}.plugin")
        entries[name] = as_string(entry.get("sha256"), f"{path}.sha256")
    return entries


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
