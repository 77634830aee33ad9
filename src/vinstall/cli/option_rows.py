"""The options that several commands have, in sections: as data, for click and for what does without."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    OptionRow: TypeAlias = tuple[tuple[str, ...], dict[str, Any]]
    """The names of an option as they are typed, and what else `click.option` is to know."""
    Section: TypeAlias = tuple[str, tuple[OptionRow, ...]]
    """A title of the help page, and the options below it."""


def _section(title: str, *options: OptionRow) -> Section:
    return title, options


def _flag(*names: str, help: str) -> OptionRow:  # noqa: A002
    return names, {"is_flag": True, "help": help}


def _one(*names: str, metavar: str, help: str) -> OptionRow:  # noqa: A002
    return names, {"metavar": metavar, "help": help}


def _many(*names: str, metavar: str, help: str) -> OptionRow:  # noqa: A002
    return names, {"metavar": metavar, "multiple": True, "help": help}


REQUIREMENT = _section(
    "What to install",
    _many(
        "-r",
        "--requirement",
        metavar="FILE",
        help="Install what a requirements file or a lock lists; `-` is standard input.",
    ),
    _many("-c", "--constraint", metavar="FILE", help="Allow only the versions this file names."),
    _many(
        "-e", "--editable", metavar="PATH", help="Install a source tree so that edits take effect."
    ),
    _many("--group", metavar="[PATH:]NAME", help="Install a dependency group of `pyproject.toml`."),
    _many(
        "--override", metavar="FILE", help="Requirements that replace what other projects ask for."
    ),
    _many(
        "--requirements-from-script",
        metavar="FILE",
        help="Install what a script declares (PEP 723); `-r` does so too.",
    ),
    _flag("--pre", help="Allow pre-releases."),
    _many("--all-releases", metavar="PROJECT", help="As `--pre`, for this project; or `:all:`."),
    _many("--only-final", metavar="PROJECT", help="No pre-release of this project; or of `:all:`."),
    _flag("-U", "--upgrade", help="Replace what is installed by the newest that fits."),
    _many(
        "-P", "--upgrade-package", metavar="PROJECT", help="As `--upgrade`, for this project alone."
    ),
    _one("--upgrade-strategy", metavar="WHICH", help="`only-if-needed` (default) or `eager`."),
    _flag(
        "--reinstall",
        "--force-reinstall",
        "-I",
        "--ignore-installed",
        help="Install again what is installed already.",
    ),
    _many(
        "--reinstall-package", metavar="PROJECT", help="As `--reinstall`, for this project alone."
    ),
    _flag("--no-deps", help="Leave dependencies out."),
    _flag("--only-deps", help="Install the dependencies alone."),
    _one(
        "--resolution",
        metavar="HOW",
        help="`highest` (default), `lowest` or `lowest-direct` versions.",
    ),
    _one(
        "--exclude-newer",
        "--uploaded-prior-to",
        metavar="WHEN",
        help="Ignore files uploaded after a date, or within a duration.",
    ),
    _many(
        "--exclude-newer-package",
        metavar="PROJECT=WHEN",
        help="As above, for one project; `none` exempts it.",
    ),
    _flag("--require-hashes", help="Refuse whatever has no hash in the requirements."),
)

LOCK = _section(
    "What of a lock",
    _many("--extra", metavar="NAME", help="An extra of the lock, or of a `pyproject.toml`."),
    _many(
        "--allow-source", metavar="URL|DIR", help="Read nothing of a lock that is not below this."
    ),
)

VARIANT = _section(
    "Variants",
    _many(
        "--variant",
        metavar="[PROJECT=]LABEL",
        help="Demand a label; `null` is the build for any machine.",
    ),
    _flag("--no-variants", help="Choose as if there were no variants."),
    _many("--prefer", metavar="NS[::FEATURE[::VALUE]]", help="Rank variants that use this first."),
    _many(
        "--require", metavar="NAMESPACE", help="Fail rather than fall back to a build without it."
    ),
    _many("--enable-provider", metavar="NAMESPACE", help="Ask a provider that is optional."),
    _many("--disable-provider", metavar="NAMESPACE", help="Treat the namespace as not supported."),
    _many("--trust-provider", metavar="NAME==VERSION[@sha256:…]", help="Allow this plugin to run."),
    _one("--provider-timeout", metavar="SECONDS", help="Give a plugin up after this long (20)."),
    _one("--host", metavar="FILE", help="Choose for the host described here; nothing is probed."),
    _flag("--reselect", help="Replace installed variants that are no longer the best."),
)

SOURCE = _section(
    "Where files come from",
    _one("-i", "--index-url", metavar="URL", help="The index to use instead of the default one."),
    _many(
        "--extra-index-url",
        metavar="URL",
        help="A further index; the first that knows a project answers.",
    ),
    _flag("--no-index", help="Ask no index, only `--find-links`."),
    _many("-f", "--find-links", metavar="PATH|URL", help="A folder or page that lists files."),
    _one(
        "--index-strategy",
        metavar="HOW",
        help="`first-index` (default), `unsafe-first-match`, `unsafe-best-match`.",
    ),
    _many("--index-for", metavar="PATTERN=URL", help="The one index for the projects that match."),
    _many(
        "--only-binary",
        metavar="PROJECT",
        help="Never build this project from source; `:all:` for all.",
    ),
    _many(
        "--no-binary",
        metavar="PROJECT",
        help="Always build this project from source; `:all:` for all.",
    ),
    _flag("--prefer-binary", help="Prefer an older wheel to a newer source distribution."),
    _flag("--no-build-isolation", help="Build in the environment itself."),
    _many("--build-constraint", metavar="FILE", help="Constraints for what builds need."),
    _many("-C", "--config-settings", metavar="KEY=VALUE", help="A setting for the build backend."),
)

NETWORK = _section(
    "Network and cache",
    _flag("--offline", help="Use the cache and local files alone."),
    _many(
        "--trusted-host",
        metavar="HOST",
        help="Do without a valid certificate, or without TLS, here.",
    ),
    _one("--cert", metavar="FILE", help="Certificates to trust instead of the system's."),
    _one("--client-cert", metavar="FILE", help="The certificate to show to servers."),
    _one("--proxy", metavar="URL", help="The proxy to use."),
    _one(
        "--keyring-provider",
        metavar="HOW",
        help="`subprocess` asks the `keyring` program for passwords.",
    ),
    _one("--timeout", metavar="SECONDS", help="Give up after this long without a byte."),
    _one("--retries", metavar="N", help="Try again this often."),
    _one("--cache-dir", metavar="DIR", help="The cache folder."),
    _flag("--no-cache", "--no-cache-dir", help="Read and keep no cache."),
    _flag("--refresh", help="Ask again for what is cached."),
)

TARGET = _section(
    "Where it goes",
    _one("-p", "--python", metavar="PATH|VERSION", help="The environment's interpreter."),
    _one("-t", "--target", metavar="DIR", help="Install into a folder."),
    _one("--prefix", metavar="DIR", help="Install below this prefix."),
    _one("--root", metavar="DIR", help="Put everything below this folder."),
    _flag("--user", help="Install for this user alone."),
    _flag("--system", help="Install into the system's Python."),
    _flag("--break-system-packages", help="Even where the system manages it."),
    _one(
        "--python-version",
        metavar="VERSION",
        help="Choose for this Python (wheels only, with `--target`).",
    ),
    _one(
        "--python-platform",
        metavar="PLATFORM",
        help="Choose for this platform (wheels only, with `--target`).",
    ),
    _many(
        "--platform",
        metavar="TAG",
        help="As pip: wheels with this platform tag; may be given several times.",
    ),
    _many("--abi", metavar="TAG", help="As pip: wheels with this ABI; may be given several times."),
    _one(
        "--implementation",
        metavar="WHICH",
        help="As pip: wheels for this implementation, `cp` or `pp`; `py` for none.",
    ),
    _one("--link-mode", metavar="HOW", help="`hardlink`, `copy`, `clone` or `symlink`."),
    (("--compile/--no-compile",), {"default": None, "help": "Compile to bytecode."}),
)

PLAN = _section(
    "Output",
    _flag("--dry-run", help="Show what would be done; change nothing."),
    _one("--report", metavar="FILE", help="Write a report in pip's form; `-` for standard output."),
)

TALK = _section(
    "Output",
    _flag("-q", "--quiet", help="Say only what is wrong."),
    (
        ("-v", "--verbose"),
        {"count": True, "help": "Say what was decided and why; `-vv` adds times."},
    ),
    _flag("--no-color", help="No colours; as the variable `NO_COLOR` does."),
    _flag("--isolated", help="Ignore configuration files and variables."),
)

EXPORT = _section(
    "Output", _one("--export", metavar="FILE", help="Write a host file; `-` for standard output.")
)
DESCRIBED = _section(
    "Output",
    *EXPORT[1],
    _one("-p", "--python", metavar="PATH|VERSION", help="Describe this Python."),
)

INSTALL = (REQUIREMENT, LOCK, VARIANT, SOURCE, TARGET, NETWORK, PLAN, TALK)
"""What `vinstall install` has, in the order of its help page."""
