"""Settings ← Configuration: names, types and conflicts checked once."""

from __future__ import annotations

from collections.abc import Sequence

from vinstall.errors import UsageError
from vinstall.workflows.configuration import Configuration, after_none
from vinstall.workflows.settings import Settings, SourceSettings, TargetSettings, VariantSettings

_DEFAULTS = SourceSettings()
_VARIANT_DEFAULTS = VariantSettings()

_CHOICES = {
    "index-strategy": ("first-index", "unsafe-first-match", "unsafe-best-match"),
    "keyring-provider": ("disabled", "subprocess", "auto", "import"),
    "upgrade-strategy": ("only-if-needed", "eager"),
    "resolution": ("highest", "lowest", "lowest-direct"),
    "link-mode": ("hardlink", "copy", "clone", "symlink"),
}


def build_settings(
    configuration: Configuration,
    *,
    requirements: Sequence[str] = (),
    editables: Sequence[str] = (),
    requirement_files: Sequence[str] = (),
    groups: Sequence[str] = (),
    extras: Sequence[str] = (),
    allow_sources: Sequence[str] = (),
    dry_run: bool = False,
    report: str | None = None,
) -> Settings:
    """The settings of one run.  Raises UsageError for a value or a combination that means nothing."""
    c = configuration
    only_binary, no_binary = _formats(c)
    all_releases, only_final = _releases(c)
    return Settings(
        requirements=tuple(requirements),
        editables=tuple(editables),
        requirement_files=tuple(requirement_files),
        groups=tuple(groups),
        extras=tuple(extras),
        allow_sources=tuple(allow_sources),
        constraint_files=c.texts("constraint"),
        override_files=c.texts("override"),
        sources=_sources(c),
        target=_target(c),
        variants=_variants(c),
        pre=c.flag("pre"),
        all_releases=all_releases,
        only_final=only_final,
        upgrade=c.flag("upgrade"),
        upgrade_packages=frozenset(c.texts("upgrade-package")),
        upgrade_strategy=_choice(c, "upgrade-strategy") or "only-if-needed",
        reinstall=c.flag("reinstall"),
        reinstall_packages=frozenset(c.texts("reinstall-package")),
        no_deps=c.flag("no-deps"),
        only_deps=c.flag("only-deps"),
        resolution=_choice(c, "resolution") or "highest",
        exclude_newer=c.text("exclude-newer"),
        exclude_newer_for=c.texts("exclude-newer-package"),
        require_hashes=c.flag("require-hashes"),
        only_binary=only_binary,
        no_binary=no_binary,
        prefer_binary=c.flag("prefer-binary"),
        build_isolation=not c.flag("no-build-isolation"),
        build_constraint_files=c.texts("build-constraint"),
        config_settings=c.texts("config-settings"),
        compile=c.flag("compile"),
        link_mode=_choice(c, "link-mode"),
        dry_run=dry_run,
        report=report,
        cache_dir=c.path("cache-dir"),
        no_cache=c.flag("no-cache"),
        refresh=c.flag("refresh"),
    )


def _sources(c: Configuration) -> SourceSettings:
    return SourceSettings(
        index_url=c.text("index-url"),
        extra_index_urls=c.texts("extra-index-url"),
        no_index=c.flag("no-index"),
        find_links=c.texts("find-links"),
        index_strategy=_choice(c, "index-strategy") or "first-index",
        index_for=c.texts("index-for"),
        offline=c.flag("offline"),
        trusted_hosts=c.texts("trusted-host"),
        cert=c.path("cert"),
        client_cert=c.path("client-cert"),
        proxy=c.text("proxy"),
        keyring_provider=_choice(c, "keyring-provider"),
        timeout=c.number("timeout", _DEFAULTS.timeout),
        retries=int(c.number("retries", _DEFAULTS.retries)),
    )


def _target(c: Configuration) -> TargetSettings:
    places = [name for name in ("python", "system") if name in c.values and c.values[name].raw]
    if len(places) > 1:
        raise UsageError("`--python` and `--system` both name the environment", hint="give one")
    return TargetSettings(
        python=c.text("python"),
        target=c.path("target"),
        prefix=c.path("prefix"),
        root=c.path("root"),
        user=c.flag("user"),
        system=c.flag("system"),
        break_system_packages=c.flag("break-system-packages"),
        python_version=c.text("python-version"),
        python_platform=c.text("python-platform"),
        platforms=c.texts("platform"),
        abis=c.texts("abi"),
        implementation=c.text("implementation"),
    )


def _variants(c: Configuration) -> VariantSettings:
    if c.flag("no-variants") and c.texts("variant"):
        raise UsageError(
            "`--no-variants` and `--variant` contradict each other",
            hint="`--variant null` asks for the null variant",
        )
    return VariantSettings(
        variants=not c.flag("no-variants"),
        labels=tuple(_label(text) for text in c.texts("variant")),
        prefer=c.texts("prefer"),
        require=c.texts("require"),
        enable_providers=frozenset(c.texts("enable-provider")),
        disable_providers=frozenset(c.texts("disable-provider")),
        trust_providers=c.texts("trust-provider"),
        provider_timeout=c.number("provider-timeout", _VARIANT_DEFAULTS.provider_timeout),
        host=c.path("host"),
        reselect=c.flag("reselect"),
    )


def _label(text: str) -> tuple[str | None, str]:
    """`[PKG=]LABEL` as (project or None, label)."""
    project, separator, label = text.rpartition("=")
    if not label or (separator and not project):
        raise UsageError(
            f"`--variant {text}` names no label", hint="write `PROJECT=LABEL` or `LABEL`"
        )
    return project or None, label


def _choice(c: Configuration, name: str) -> str | None:
    text = c.text(name)
    if text is not None and text not in _CHOICES[name]:
        known = ", ".join(f"`{choice}`" for choice in _CHOICES[name])
        raise UsageError(f"{c.values[name].origin}: `{text}` is none of {known}")
    return text


def _formats(c: Configuration) -> tuple[frozenset[str], frozenset[str]]:
    """What `--only-binary` and `--no-binary` cover."""
    return _opposites(c, "only-binary", "no-binary", "nothing could be chosen for it; name it once")


def _releases(c: Configuration) -> tuple[frozenset[str], frozenset[str]]:
    """What `--all-releases` and `--only-final` cover; `--pre` says as much already."""
    found = _opposites(c, "all-releases", "only-final", "name it once")
    if c.flag("pre") and any(found):
        name = "--all-releases" if found[0] else "--only-final"
        raise UsageError(
            f"`--pre` and `{name}` contradict each other",
            hint="`--all-releases :all:` is what `--pre` means",
        )
    return found


def _opposites(
    c: Configuration, first: str, second: str, hint: str
) -> tuple[frozenset[str], frozenset[str]]:
    """The projects of two options of which each undoes the other."""
    one, other = frozenset(after_none(c.texts(first))), frozenset(after_none(c.texts(second)))
    both = sorted(one & other)
    if both:
        raise UsageError(f"`--{first}` and `--{second}` both name `{both[0]}`", hint=hint)
    return one, other
