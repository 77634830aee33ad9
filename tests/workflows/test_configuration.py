"""Every layer of configuration, and which one wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.errors import UsageError
from vinstall.workflows.configuration import (
    Configuration,
    ConfigurationInput,
    Value,
    configuration_input,
    read_configuration,
    shown_value,
)
from vinstall.workflows.option_table import OPTIONS, Kind, RawValue, parse_value

URL = "https://index.example/simple/"


@pytest.fixture
def place(tmp_path: Path) -> ConfigurationInput:
    """A folder, an environment and a home without any configuration."""
    for name in ("project", "environment", "config", "home", "system"):
        (tmp_path / name).mkdir()
    return ConfigurationInput(
        environ={"HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "system")},
        folder=tmp_path / "project",
        prefix=tmp_path / "environment",
        user_folder=tmp_path / "config",
    )


def read(
    place: ConfigurationInput,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, RawValue] | None = None,
    *,
    isolated: bool = False,
) -> Configuration:
    """The configuration in `place` with more variables and flags.  System files of pip do not count."""
    added = {**place.environ, **(environ or {})}
    found = read_configuration(flags or {}, place._replace(environ=added), isolated=isolated)
    kept = {
        name: value for name, value in found.values.items() if "/etc/pip.conf" not in value.origin
    }
    return Configuration(values=kept)


def write_pip_conf(folder: Path, text: str) -> Path:
    """`pip.conf` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pip.conf"
    path.write_text(text)
    return path


class TestOrder:
    """Flags > `VINSTALL_*` > `UV_*` > `PIP_*` > project file > user file > pip's files."""

    def test_each_layer_gives_way_to_the_stronger_one(self, place: ConfigurationInput) -> None:
        pip_file = write_pip_conf(place.prefix, "[global]\ntimeout = 1\n")
        seen = [read(place).values["timeout"]]
        user = place.user_folder / "vinstall.toml"
        user.write_text("timeout = 2")
        seen.append(read(place).values["timeout"])
        project = place.folder / "vinstall.toml"
        project.write_text("timeout = 3")
        seen.append(read(place).values["timeout"])
        seen.append(read(place, {"PIP_TIMEOUT": "4"}).values["timeout"])
        both = {"PIP_TIMEOUT": "4", "VINSTALL_TIMEOUT": "6"}
        seen.append(read(place, both).values["timeout"])
        seen.append(read(place, both, {"timeout": 7.0}).values["timeout"])
        assert seen == [
            Value(1.0, f"`{pip_file}`"),
            Value(2.0, f"`{user}`"),
            Value(3.0, f"`{project}`"),
            Value(4.0, "`PIP_TIMEOUT`"),
            Value(6.0, "`VINSTALL_TIMEOUT`"),
            Value(7.0, "`--timeout`"),
        ]

    def test_uv_variables_stand_between_ours_and_pips(self, place: ConfigurationInput) -> None:
        environ = {
            "PIP_INDEX_URL": "https://pip.example/",
            "UV_DEFAULT_INDEX": "https://uv.example/",
        }
        assert read(place, environ).values["index-url"] == Value(
            "https://uv.example/", "`UV_DEFAULT_INDEX`"
        )
        environ["VINSTALL_INDEX_URL"] = URL
        assert read(place, environ).text("index-url") == URL

    def test_isolated_leaves_the_command_line_alone(self, place: ConfigurationInput) -> None:
        write_pip_conf(place.prefix, "[global]\ntimeout = 1\n")
        (place.folder / "vinstall.toml").write_text("retries = 3")
        found = read(place, {"VINSTALL_PRE": "1"}, {"offline": True}, isolated=True)
        assert found.values == {"offline": Value(True, "`--offline`")}

    def test_an_empty_variable_is_no_value(self, place: ConfigurationInput) -> None:
        assert read(place, {"PIP_INDEX_URL": "", "VINSTALL_PRE": "", "UV_INDEX": ""}).values == {}

    def test_none_takes_back_what_is_configured(self, place: ConfigurationInput) -> None:
        inputs = place._replace(environ={**place.environ, "PIP_ONLY_BINARY": "a"})
        assert read_configuration({"only-binary": ("b",)}, inputs).texts("only-binary") == (
            "b",
            "a",
        )
        found = read_configuration({"only-binary": (":none:", "b")}, inputs)
        assert found.texts("only-binary") == (":none:", "b")

    def test_a_typed_list_comes_before_the_configured_one(self, place: ConfigurationInput) -> None:
        environ = {"PIP_EXTRA_INDEX_URL": "https://b.example/ https://c.example/"}
        found = read(place, environ, {"extra-index-url": ("https://a.example/",)})
        assert found.values["extra-index-url"] == Value(
            ("https://a.example/", "https://b.example/", "https://c.example/"),
            "`--extra-index-url`, `PIP_EXTRA_INDEX_URL`",
        )


class TestPipFiles:
    """pip's user guide, "Configuration Files"."""

    def test_the_levels_and_sections_override_in_pips_order(
        self, place: ConfigurationInput
    ) -> None:
        home = Path(place.environ["HOME"])
        write_pip_conf(
            Path(place.environ["XDG_CONFIG_DIRS"]) / "pip", "[global]\nretries = 1\nproxy = a\n"
        )
        write_pip_conf(home / ".pip", "[global]\nretries = 2\ntimeout = 2\n")
        write_pip_conf(home / ".config" / "pip", "[global]\nretries = 3\n[install]\ntimeout = 9\n")
        write_pip_conf(place.prefix, "[global]\nretries = 4\ntimeout = 4\n")
        found = read(place)
        assert (found.number("retries", 0), found.number("timeout", 0), found.text("proxy")) == (
            4,
            9,
            "a",
        )

    def test_a_named_file_replaces_the_users(
        self, place: ConfigurationInput, tmp_path: Path
    ) -> None:
        write_pip_conf(Path(place.environ["HOME"]) / ".pip", "[global]\nretries = 2\n")
        named = write_pip_conf(tmp_path / "named", "[global]\ntimeout = 5\n")
        found = read(place, {"PIP_CONFIG_FILE": str(named)})
        assert found.values == {"timeout": Value(5.0, f"`{named}`")}

    def test_the_null_device_means_no_files(self, place: ConfigurationInput) -> None:
        write_pip_conf(place.prefix, "[global]\nretries = 4\n")
        assert read(place, {"PIP_CONFIG_FILE": os.devnull}).values == {}

    def test_lists_may_stand_on_several_lines(self, place: ConfigurationInput) -> None:
        write_pip_conf(
            place.prefix,
            "[global]\nextra-index-url =\n    https://a.example/\n    https://b.example/\n",
        )
        assert read(place).texts("extra-index-url") == ("https://a.example/", "https://b.example/")

    def test_names_may_have_underscores_and_unknown_ones_are_pips_business(
        self, place: ConfigurationInput
    ) -> None:
        write_pip_conf(
            place.prefix,
            "[global]\nno_index = yes\ndisable-pip-version-check = 1\n[list]\nformat = x\n",
        )
        assert {name: value.raw for name, value in read(place).values.items()} == {"no-index": True}

    def test_a_broken_file_is_named(self, place: ConfigurationInput) -> None:
        path = write_pip_conf(place.prefix, "no section\n")
        with pytest.raises(UsageError) as caught:
            read(place)
        assert caught.value.message == f"`{path}` cannot be read as a pip configuration file"
        assert "no section headers" in caught.value.context[0]

    def test_a_bad_value_is_told_with_file_and_key(self, place: ConfigurationInput) -> None:
        path = write_pip_conf(place.prefix, "[global]\ndefault-timeout = soon\n")
        with pytest.raises(UsageError) as caught:
            read(place)
        assert (
            caught.value.message
            == f"`{path}` (`default-timeout`): `soon` is not a number of seconds"
        )


class TestUvVariables:
    def test_both_lists_count(self, place: ConfigurationInput) -> None:
        environ = {
            "UV_INDEX": f"internal={URL} https://b.example/?a=b",
            "UV_EXTRA_INDEX_URL": "/srv/index",
        }
        assert read(place, environ).values["extra-index-url"] == Value(
            (f"internal={URL}", "https://b.example/?a=b", "/srv/index"),
            "`UV_INDEX`, `UV_EXTRA_INDEX_URL`",
        )

    def test_offline(self, place: ConfigurationInput) -> None:
        assert read(place, {"UV_OFFLINE": "1"}).flag("offline")

    def test_a_malformed_flag_is_an_error(self, place: ConfigurationInput) -> None:
        with pytest.raises(UsageError) as caught:
            read(place, {"UV_OFFLINE": "perhaps"})
        assert caught.value.message == "`UV_OFFLINE`: `perhaps` is neither yes nor no"


class TestTomlFiles:
    def test_the_nearest_file_above_counts(self, place: ConfigurationInput) -> None:
        (place.folder / "vinstall.toml").write_text("retries = 1")
        deep = place.folder / "a" / "b"
        deep.mkdir(parents=True)
        (place.folder / "a" / "pyproject.toml").write_text("[tool.vinstall]\nretries = 2\n")
        assert read(place._replace(folder=deep)).number("retries", 0) == 2

    def test_a_pyproject_without_our_table_is_passed_by(self, place: ConfigurationInput) -> None:
        (place.folder / "vinstall.toml").write_text("retries = 1")
        inner = place.folder / "inner"
        inner.mkdir()
        (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
        assert read(place._replace(folder=inner)).number("retries", 0) == 1

    def test_paths_are_meant_from_the_files_folder(self, place: ConfigurationInput) -> None:
        path = place.folder / "vinstall.toml"
        path.write_text("cert = 'ca.pem'\nfind-links = ['wheels', 'https://a.example/']\n")
        inner = place.folder / "inner"
        inner.mkdir()
        found = read(place._replace(folder=inner))
        assert found.path("cert") == place.folder / "ca.pem"
        assert found.texts("find-links") == (str(place.folder / "wheels"), "https://a.example/")

    def test_an_unknown_key_is_an_error(self, place: ConfigurationInput) -> None:
        path = place.folder / "vinstall.toml"
        path.write_text("index-urls = []")
        with pytest.raises(UsageError) as caught:
            read(place)
        assert caught.value.message == f"`{path}` sets `index-urls`, which is no option"

    def test_a_project_cannot_consent_for_its_users(self, place: ConfigurationInput) -> None:
        path = place.folder / "vinstall.toml"
        path.write_text("trust-provider = ['x==1']")
        with pytest.raises(UsageError) as caught:
            read(place)
        assert caught.value.message == (
            f"`{path}` sets `trust-provider`, which a project must not decide for its users"
        )
        own = place.user_folder / "vinstall.toml"
        path.rename(own)
        assert read(place).texts("trust-provider") == ("x==1",)

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("pre = 1", "`pre`: expected `true` or `false`"),
            ("retries = true", "`retries`: expected a whole number"),
            ("retries = -1", "`retries`: expected a whole number"),
            ("timeout = 0", "`timeout`: `0` is not a number of seconds"),
            ("timeout = inf", "`timeout`: `inf` is not a number of seconds"),
            ("index-url = ['a']", "`index-url`: expected a text"),
            ("cert = 3", "`cert`: expected a path"),
            ("find-links = [1]", "`find-links`: expected a list of texts"),
        ],
    )
    def test_a_value_of_another_type_is_told(
        self, place: ConfigurationInput, line: str, expected: str
    ) -> None:
        path = place.folder / "vinstall.toml"
        path.write_text(line)
        with pytest.raises(UsageError) as caught:
            read(place)
        assert caught.value.message == f"`{path}`: {expected}"

    def test_a_file_that_is_no_toml_is_named(self, place: ConfigurationInput) -> None:
        path = place.folder / "vinstall.toml"
        path.write_text("= 1")
        with pytest.raises(UsageError) as caught:
            read(place)
        assert caught.value.message == f"`{path}` cannot be read as TOML"


class TestSurroundings:
    def test_the_active_environments_pip_conf_counts(self, tmp_path: Path) -> None:
        own = tmp_path / "own"
        assert configuration_input({}, tmp_path, own).prefix == own
        assert configuration_input({"CONDA_PREFIX": "/conda"}, tmp_path, own).prefix == Path(
            "/conda"
        )
        both = {"CONDA_PREFIX": "/conda", "VIRTUAL_ENV": "/venv"}
        assert configuration_input(both, tmp_path, own).prefix == Path("/venv")


class TestShownValue:
    def test_credentials_are_not_shown(self) -> None:
        value = Value(("https://user:secret@index.example/", "/folder"), "x")
        assert shown_value(value) == ["https://****@index.example/", "/folder"]
        assert (
            shown_value(Value("http://token@proxy.example:80", "x"))
            == "http://****@proxy.example:80"
        )


class TestParseValue:
    @given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1)))
    def test_white_space_separates_the_items_of_a_list(self, items: list[str]) -> None:
        assert parse_value(Kind.LIST, "  ".join(items)) == tuple(items)

    @given(st.lists(st.text("abc-", min_size=1)))
    def test_commas_separate_names(self, items: list[str]) -> None:
        assert parse_value(Kind.NAMES, ",".join(items)) == tuple(items)

    @given(st.integers(min_value=0, max_value=10**6))
    def test_whole_numbers(self, number: int) -> None:
        assert parse_value(Kind.INTEGER, f" {number} ") == number

    @pytest.mark.parametrize("text", ["-1", "1.5", "", "²", "x"])
    def test_other_numbers_are_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not a whole number"):
            parse_value(Kind.INTEGER, text)


class TestTable:
    def test_no_name_and_no_foreign_name_stands_twice(self) -> None:
        names = [option.name for option in OPTIONS]
        pip = [name for option in OPTIONS for name in option.pip]
        uv = [name for option in OPTIONS for name in option.uv]
        assert all(len(set(group)) == len(group) for group in (names, pip, uv))
