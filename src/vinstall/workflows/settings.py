"""Settings: every option once, frozen; built by the command line and by configuration."""

from __future__ import annotations

from pathlib import Path

from vinstall.values import field, frozen


@frozen
class SourceSettings:
    """Where files come from."""

    index_url: str | None = None
    """None: the one pip would use."""
    extra_index_urls: tuple[str, ...] = ()
    no_index: bool = False
    find_links: tuple[str, ...] = ()
    index_strategy: str = "first-index"
    index_for: tuple[str, ...] = ()
    """`--index-for`: `PATTERN=URL`, first match wins."""
    offline: bool = False
    trusted_hosts: tuple[str, ...] = ()
    cert: Path | None = None
    client_cert: Path | None = None
    proxy: str | None = None
    keyring_provider: str | None = None
    """`subprocess` asks the `keyring` program for passwords; None and `disabled` do not."""
    timeout: float = 30.0
    """Seconds without a byte."""
    retries: int = 4


@frozen
class TargetSettings:
    """Where it goes."""

    python: str | None = None
    """`--python`: a path or a version."""
    target: Path | None = None
    """`--target`: a folder."""
    prefix: Path | None = None
    root: Path | None = None
    user: bool = False
    system: bool = False
    break_system_packages: bool = False
    python_version: str | None = None
    """`--python-version`: the Python to choose for, instead of the target's own."""
    python_platform: str | None = None
    """`--python-platform`: the platform to choose for, instead of this machine's."""
    platforms: tuple[str, ...] = ()
    """`--platform`: the platform tags wheels may have, in pip's sense."""
    abis: tuple[str, ...] = ()
    implementation: str | None = None


@frozen
class VariantSettings:
    """The user's say on variants (contract, section 5)."""

    variants: bool = True
    labels: tuple[tuple[str | None, str], ...] = ()
    """`--variant`: (project or None for all, label)."""
    prefer: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    enable_providers: frozenset[str] = frozenset()
    disable_providers: frozenset[str] = frozenset()
    trust_providers: tuple[str, ...] = ()
    provider_timeout: float = 20.0
    """Seconds a plugin may take."""
    host: Path | None = None
    reselect: bool = False
    """Replace an installed variant that still runs but is no longer the best."""


@frozen
class Settings:
    """All options of one run."""

    requirements: tuple[str, ...] = ()
    """As typed: dependency specifiers, paths, URLs."""
    editables: tuple[str, ...] = ()
    requirement_files: tuple[str, ...] = ()
    constraint_files: tuple[str, ...] = ()
    override_files: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """`--group`: `NAME` or `PATH:NAME` (PEP 735)."""
    extras: tuple[str, ...] = ()
    """Of a lock (PEP 751) or of a `pyproject.toml` among the requirements files."""
    allow_sources: tuple[str, ...] = ()
    """URL prefixes and folders a lock may name; empty: the web, and what lies beside the lock."""
    exact: bool = False
    """Remove what is not asked for: `vinstall sync`."""
    sources: SourceSettings = field(default_factory=SourceSettings)
    target: TargetSettings = field(default_factory=TargetSettings)
    variants: VariantSettings = field(default_factory=VariantSettings)
    pre: bool = False
    all_releases: frozenset[str] = frozenset()
    """Projects, or `:all:`, whose pre-releases are welcome."""
    only_final: frozenset[str] = frozenset()
    """Projects, or `:all:`, whose pre-releases are not."""
    upgrade: bool = False
    upgrade_packages: frozenset[str] = frozenset()
    upgrade_strategy: str = "only-if-needed"
    reinstall: bool = False
    reinstall_packages: frozenset[str] = frozenset()
    no_deps: bool = False
    only_deps: bool = False
    resolution: str = "highest"
    exclude_newer: str | None = None
    """As typed: a date, a time or a duration."""
    exclude_newer_for: tuple[str, ...] = ()
    """As typed: `PROJECT=WHEN`, where WHEN may be `none`."""
    require_hashes: bool = False
    only_binary: frozenset[str] = frozenset()
    """Project names, or `:all:`."""
    no_binary: frozenset[str] = frozenset()
    prefer_binary: bool = False
    build_isolation: bool = True
    build_constraint_files: tuple[str, ...] = ()
    config_settings: tuple[str, ...] = ()
    """As typed: `KEY=VALUE`."""
    build_variables: tuple[tuple[str, str], ...] = ()
    """Environment variables that are set for build backends: name, value."""
    compile: bool = False
    link_mode: str | None = None
    """None: hard links where the file system has them, else copies."""
    dry_run: bool = False
    report: str | None = None
    """A path, or `-` for standard output."""
    cache_dir: Path | None = None
    """None: the platform's cache folder."""
    no_cache: bool = False
    refresh: bool = False
