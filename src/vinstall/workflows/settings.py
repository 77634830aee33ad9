"""Settings: every option once, frozen; built by the command line and by configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """Where files come from."""

    index_url: str | None = None
    """None: the one pip would use."""
    extra_index_urls: tuple[str, ...] = ()
    no_index: bool = False
    find_links: tuple[str, ...] = ()
    offline: bool = False
    trusted_hosts: tuple[str, ...] = ()
    cert: Path | None = None
    client_cert: Path | None = None
    proxy: str | None = None
    timeout: float = 30.0
    """Seconds without a byte."""
    retries: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    host: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All options of one run."""

    requirements: tuple[str, ...] = ()
    """As typed: dependency specifiers, paths, URLs."""
    requirement_files: tuple[str, ...] = ()
    constraint_files: tuple[str, ...] = ()
    sources: SourceSettings = field(default_factory=SourceSettings)
    target: TargetSettings = field(default_factory=TargetSettings)
    variants: VariantSettings = field(default_factory=VariantSettings)
    pre: bool = False
    upgrade: bool = False
    require_hashes: bool = False
    only_binary: frozenset[str] = frozenset()
    """Project names, or `:all:`."""
    no_binary: frozenset[str] = frozenset()
    prefer_binary: bool = False
    dry_run: bool = False
    report: str | None = None
    """A path, or `-` for standard output."""
    cache_dir: Path | None = None
    """None: the platform's cache folder."""
    no_cache: bool = False
    refresh: bool = False
