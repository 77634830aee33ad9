"""Configuration: the values of all options, from every layer, each with its origin.

Strongest first: the command line, `VINSTALL_*`, `UV_*` (indexes and `UV_OFFLINE`), `PIP_*`,
`vinstall.toml` or `[tool.vinstall]` of the project, `vinstall.toml` of the user, pip's files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from vinstall.errors import UsageError
from vinstall.net.redaction import redact
from vinstall.values import Row, frozen
from vinstall.workflows.folders import user_configuration_folder
from vinstall.workflows.option_table import (
    OPTIONS,
    Kind,
    Option,
    RawValue,
    check_toml_value,
    parse_value,
)
from vinstall.workflows.pip_configuration import read_pip_configuration

_BY_NAME = {option.name: option for option in OPTIONS}
_BY_PIP_NAME = {pip: option for option in OPTIONS for pip in option.pip}


class Value(Row):
    """One value and where it was set."""

    raw: RawValue
    origin: str
    """For the user: "`--index-url`", "`PIP_INDEX_URL`", a file; several joined by commas."""


class ConfigurationInput(Row):
    """What configuration depends on beside the command line."""

    environ: Mapping[str, str]
    folder: Path
    """The current folder: projects' files are looked for here and above."""
    prefix: Path
    """The environment whose `pip.conf` counts."""
    user_folder: Path
    """The user's configuration folder for vinstall."""


def configuration_input(
    environ: Mapping[str, str], folder: Path, own_prefix: Path
) -> ConfigurationInput:
    """The inputs of a run in `folder`; `own_prefix` is the environment vinstall runs in."""
    active = environ.get("VIRTUAL_ENV") or environ.get("CONDA_PREFIX")
    return ConfigurationInput(
        environ=environ,
        folder=folder,
        prefix=Path(active) if active else own_prefix,
        user_folder=user_configuration_folder(environ),
    )


@frozen
class Configuration:
    """What was set, by option name; options left alone are absent."""

    values: Mapping[str, Value]

    def flag(self, name: str) -> bool:
        """Whether the flag is set."""
        value = self.values.get(name)
        return value is not None and value.raw is True

    def text(self, name: str) -> str | None:
        """The text, or None where it was not set or is empty."""
        value = self.values.get(name)
        return str(value.raw) if value is not None and value.raw != "" else None

    def path(self, name: str) -> Path | None:
        """The path, `~` expanded; or None."""
        text = self.text(name)
        return Path(text).expanduser() if text is not None else None

    def number(self, name: str, default: float) -> float:
        """The number."""
        value = self.values.get(name)
        return value.raw if value is not None and isinstance(value.raw, int | float) else default

    def texts(self, name: str) -> tuple[str, ...]:
        """The items of a list, in order."""
        value = self.values.get(name)
        return value.raw if value is not None and isinstance(value.raw, tuple) else ()


def read_configuration(
    flags: Mapping[str, RawValue], inputs: ConfigurationInput, *, isolated: bool = False
) -> Configuration:
    """All layers merged; `flags` holds what the command line set, by option name.

    A value of a stronger layer replaces one of a weaker layer, save that the items of a list
    typed on the command line come before those configured (as pip adds them).
    `isolated`: only the command line counts.  Raises UsageError naming file or variable.
    """
    values: dict[str, Value] = {}
    if not isolated:
        for layer in (
            _pip_files(inputs),
            _toml_layer(_user_file(inputs), personal=True),
            _toml_layer(_project_file(inputs.folder), personal=False),
            _pip_variables(inputs.environ),
            _uv_variables(inputs.environ),
            _own_variables(inputs.environ),
        ):
            values.update(layer)
    for name, raw in flags.items():
        origin = f"`--{name}`"
        weaker = values.get(name)
        if isinstance(raw, tuple) and weaker is not None and isinstance(weaker.raw, tuple):
            values[name] = _added(raw, weaker, origin)
        else:
            values[name] = Value(raw, origin)
    return Configuration(values=values)


def _added(raw: tuple[str, ...], weaker: Value, origin: str) -> Value:
    """The items of the command line and those configured, unless `:none:` takes these back."""
    if ":none:" in raw or not isinstance(weaker.raw, tuple):
        return Value(raw, origin)
    return Value((*raw, *after_none(weaker.raw)), f"{origin}, {weaker.origin}")


def after_none(items: tuple[str, ...]) -> tuple[str, ...]:
    """What is left of a list of projects: `:none:` takes back what stands before it (pip)."""
    return items[max((n for n, item in enumerate(items, 1) if item == ":none:"), default=0) :]


def _parse(option: Option, text: str, origin: str) -> Value:
    try:
        return Value(parse_value(option.kind, text), origin)
    except ValueError as error:
        raise UsageError(f"{origin}: {error}") from error


def _pip_files(inputs: ConfigurationInput) -> Iterator[tuple[str, Value]]:
    for file, key, text in read_pip_configuration(inputs.environ, inputs.prefix):
        option = _BY_PIP_NAME.get(key)
        if option is not None:
            value = _parse(option, text, f"`{file}` (`{key}`)")
            yield option.name, Value(value.raw, f"`{file}`")


def _pip_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    for option in OPTIONS:
        for name in reversed(option.pip):
            variable = "PIP_" + name.upper().replace("-", "_")
            if environ.get(variable):
                yield option.name, _parse(option, environ[variable], f"`{variable}`")


def _uv_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    for option in OPTIONS:
        given = [
            _parse(option, environ[name], f"`{name}`") for name in option.uv if environ.get(name)
        ]
        if not given:
            continue
        if option.kind is Kind.LIST:
            items = [item for value in given if isinstance(value.raw, tuple) for item in value.raw]
            yield option.name, Value(tuple(items), ", ".join(value.origin for value in given))
        else:
            yield option.name, given[0]


def _own_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    for option in OPTIONS:
        if environ.get(option.variable):
            yield option.name, _parse(option, environ[option.variable], f"`{option.variable}`")


def _user_file(inputs: ConfigurationInput) -> Path | None:
    path = inputs.user_folder / "vinstall.toml"
    return path if path.is_file() else None


def _project_file(folder: Path) -> Path | None:
    """The nearest `vinstall.toml`, or `pyproject.toml` with a `[tool.vinstall]`, here or above."""
    for place in (folder, *folder.parents):
        if (place / "vinstall.toml").is_file():
            return place / "vinstall.toml"
        project = place / "pyproject.toml"
        if project.is_file() and "[tool.vinstall" in project.read_text("utf-8", errors="replace"):
            return project
    return None


def _toml_layer(path: Path | None, *, personal: bool) -> Iterator[tuple[str, Value]]:
    if path is None:
        return
    for key, raw in _toml_table(path).items():
        option = _BY_NAME.get(key.replace("_", "-"))
        if option is None:
            raise UsageError(
                f"`{path}` sets `{key}`, which is no option",
                hint="`vinstall install --help` lists the options",
            )
        if option.personal and not personal:
            raise UsageError(
                f"`{path}` sets `{key}`, which a project must not decide for its users",
                hint=f"set it in your own `vinstall.toml`, by `{option.variable}` or on the command line",
            )
        try:
            value = check_toml_value(option.kind, raw)
        except ValueError as error:
            raise UsageError(f"`{path}`: `{key}`: {error}") from error
        yield option.name, Value(_relative_to(path.parent, option, value), f"`{path}`")


def _relative_to(folder: Path, option: Option, value: RawValue) -> RawValue:
    """Paths in a file are meant from the file's folder, not from where the user stands."""
    if option.kind is Kind.PATH:
        return str(folder / Path(str(value)).expanduser())
    if option.name in ("find-links", "constraint", "override", "build-constraint"):
        items = value if isinstance(value, tuple) else ()
        return tuple(item if "://" in item else str(folder / item) for item in items)
    return value


def _toml_table(path: Path) -> Mapping[str, object]:
    import tomllib

    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"`{path}` cannot be read as TOML", context=(str(error),)) from error
    if path.name == "pyproject.toml":
        document = document.get("tool", {}).get("vinstall", {})
    if not isinstance(document, dict):
        raise UsageError(f"`{path}`: `tool.vinstall` is not a table")
    return document


def shown_value(value: Value) -> bool | str | int | float | list[str]:
    """The value as it may be shown: lists as lists, secrets in URLs replaced by stars."""
    raw = value.raw
    if isinstance(raw, tuple):
        return [redact(item) for item in raw]
    return redact(raw) if isinstance(raw, str) else raw
