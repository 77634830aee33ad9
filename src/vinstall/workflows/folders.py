"""Where vinstall keeps its own files, by the customs of the platform."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

_NAME = "vinstall"


def user_cache_folder(environ: Mapping[str, str]) -> Path:
    """What may be deleted any time."""
    if sys.platform == "linux":
        return _xdg(environ, "XDG_CACHE_HOME", ".cache")
    import platformdirs

    return Path(platformdirs.user_cache_dir(_NAME, appauthor=False))


def user_configuration_folder(environ: Mapping[str, str]) -> Path:
    """Where the user keeps `vinstall.toml`."""
    if sys.platform == "linux":
        return _xdg(environ, "XDG_CONFIG_HOME", ".config")
    import platformdirs

    return Path(platformdirs.user_config_dir(_NAME, appauthor=False))


def user_data_folder(environ: Mapping[str, str]) -> Path:
    """What must not be lost, such as the record of trusted plugins."""
    if sys.platform == "linux":
        return _xdg(environ, "XDG_DATA_HOME", ".local/share")
    import platformdirs

    return Path(platformdirs.user_data_dir(_NAME, appauthor=False))


def _xdg(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """XDG base directories: a relative path in the variable is to be ignored."""
    named = environ.get(variable, "")
    home = Path(named) if named.startswith("/") else home_folder(environ) / default
    return home / _NAME


def home_folder(environ: Mapping[str, str]) -> Path:
    """The user's home."""
    return Path(environ.get("HOME") or Path.home())
