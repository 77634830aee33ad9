"""The options of the commands, in sections, and what the user typed as configuration flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vinstall.errors import UsageError
from vinstall.workflows.option_table import OPTIONS, Kind, RawValue, parse_value

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Decorator = Callable[[_Command], _Command]

_TABLE = {option.name.replace("-", "_"): option for option in OPTIONS}

_CAN_BE_UNSAID = frozenset({"compile"})
"""Flags that have a flag for the contrary."""

_NEVER_EMPTY = frozenset(
    ("python", "target", "prefix", "root", "index-url", "cache-dir", "host", "cert", "client-cert")
)
"""An empty one would quietly mean another place than the one that was to be named."""


class SectionedOption(click.Option):
    """An option that knows its section of the help page."""

    def __init__(
        self,
        *args: Any,
        section: str = "Options",
        help: str | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.help = help  # what click is given it lays out anew, with a module of many others

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Paths, where the value is one; the shell knows them."""
        wanted = {*(self.metavar or "").split("|")}
        kind = "file" if wanted & {"FILE", "PATH"} else "dir" if "DIR" in wanted else None
        if kind is None:
            return super().shell_complete(ctx, incomplete)
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=kind)]


def _show_help(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(context.get_help(), color=context.color)
        context.exit()


_HELP = SectionedOption(
    ["-h", "--help"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_help,
    help="Show this message and exit.",
    section="Help",
)


class OwnHelp(click.Command):
    """A command with a `--help` made once; click's is made for each, and looks for translations."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:  # noqa: ARG002
        return _HELP


class SectionedCommand(OwnHelp):
    """A command whose help page lists its options by section."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # the parser does not always say whose words they were
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", "Help"), []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


def flags(parameters: Mapping[str, Any]) -> dict[str, RawValue]:
    """What the command line set, by option name; parameters that are no configuration are left out."""
    found: dict[str, RawValue] = {}
    for name, value in parameters.items():
        option = _TABLE.get(name)
        if option is None or value is None or value == ():
            continue
        if value is False and option.name not in _CAN_BE_UNSAID:
            continue
        if isinstance(value, tuple):
            separates = option.kind is Kind.NAMES
            found[option.name] = tuple(
                item
                for text in value
                for item in (text.split(",") if separates else [text])
                if item
            )
        elif isinstance(value, str):
            if not value and option.name in _NEVER_EMPTY:
                raise UsageError(
                    f"`--{option.name}` is given without a value",
                    hint="is the variable that should hold it empty? Leave the option out for the default",
                )
            try:
                found[option.name] = parse_value(option.kind, value)
            except ValueError as error:
                raise UsageError(f"`--{option.name}`: {error}") from error
        else:
            found[option.name] = value
    return found


def _section(title: str, *options: tuple[tuple[str, ...], dict[str, Any]]) -> _Decorator[_Command]:
    def decorate(command: _Command) -> _Command:
        for names, attributes in reversed(options):
            command = click.option(*names, cls=SectionedOption, section=title, **attributes)(
                command
            )
        return command

    return decorate


def _flag(*names: str, help: str) -> tuple[tuple[str, ...], dict[str, Any]]:  # noqa: A002
    return names, {"is_flag": True, "help": help}


def _one(*names: str, metavar: str, help: str) -> tuple[tuple[str, ...], dict[str, Any]]:  # noqa: A002
    return names, {"metavar": metavar, "help": help}


def _many(*names: str, metavar: str, help: str) -> tuple[tuple[str, ...], dict[str, Any]]:  # noqa: A002
    return names, {"metavar": metavar, "multiple": True, "help": help}


def choose_format(*formats: str) -> _Decorator[_Command]:
    """`--format`, the first of `formats` being the default."""
    attributes = {
        "type": click.Choice(formats),
        "default": formats[0],
        "help": "Form of the output.",
    }
    return _section("Output", (("--format", "form"), attributes))


requirement_options: _Decorator[Any] = _section(
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

lock_options: _Decorator[Any] = _section(
    "What of a lock",
    _many("--extra", metavar="NAME", help="An extra of the lock, or of a `pyproject.toml`."),
    _many(
        "--allow-source", metavar="URL|DIR", help="Read nothing of a lock that is not below this."
    ),
)

variant_options: _Decorator[Any] = _section(
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

source_options: _Decorator[Any] = _section(
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

network_options: _Decorator[Any] = _section(
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

target_options: _Decorator[Any] = _section(
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

plan_options: _Decorator[Any] = _section(
    "Output",
    _flag("--dry-run", help="Show what would be done; change nothing."),
    _one("--report", metavar="FILE", help="Write a report in pip's form; `-` for standard output."),
)

talk_options: _Decorator[Any] = _section(
    "Output",
    _flag("-q", "--quiet", help="Say only what is wrong."),
    (
        ("-v", "--verbose"),
        {"count": True, "help": "Say what was decided and why; `-vv` adds times."},
    ),
    _flag("--no-color", help="No colours; as the variable `NO_COLOR` does."),
    _flag("--isolated", help="Ignore configuration files and variables."),
)

_EXPORT = _one("--export", metavar="FILE", help="Write a host file; `-` for standard output.")

export_option: _Decorator[Any] = _section("Output", _EXPORT)

host_options: _Decorator[Any] = _section(
    "Output",
    _EXPORT,
    _one("-p", "--python", metavar="PATH|VERSION", help="Describe this Python."),
)
