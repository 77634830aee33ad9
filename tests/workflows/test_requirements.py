"""Words, files and groups into what the resolver is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.utils import NormalizedName, canonicalize_name

from vinstall.errors import SourceError, UsageError
from vinstall.formats.marker import MarkerContext
from vinstall.formats.requirement import render_requirement
from vinstall.workflows.requirements import (
    Asked,
    Hashes,
    collect_settings,
    read_requirements,
    requests,
    with_file_options,
)
from vinstall.workflows.settings import Settings, SourceSettings

SHA = "0" * 64


def read(
    settings: Settings,
    files: Mapping[str, str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path = Path("/here"),
) -> Asked:
    """What `settings` ask for, with `files` by location."""

    def load(location: str) -> bytes:
        if location not in (files or {}):
            raise SourceError(f"`{location}` does not exist")
        return (files or {})[location].encode()

    return read_requirements(settings, load=load, environ=environ or {}, folder=folder)


def asked(found: Asked, folder: Path = Path("/here")) -> list[tuple[str, str | None]]:
    """Each request as one line, with its origin."""

    def name_location(url: str, editable: bool) -> NormalizedName:
        return canonicalize_name("edited" if editable else "named")

    made, _ = requests(found.requirements, folder=folder, name_location=name_location)
    return [(render_requirement(one.requirement), one.origin) for one in made]


class TestOrder:
    def test_words_editables_files_and_groups_in_this_order(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        settings = Settings(
            requirements=("a>=1", "b[x]; python_version > '3'"),
            editables=("./tree",),
            requirement_files=("r.txt",),
            groups=("test", "other/pyproject.toml:test"),
        )
        files = {
            "r.txt": "c==2\n-r deep/more.txt\n",
            "deep/more.txt": "d\n",
            f"{tmp_path}/pyproject.toml": "[dependency-groups]\ntest = ['e']\n",
            "other/pyproject.toml": "[dependency-groups]\ntest = ['f']\n",
        }
        assert asked(read(settings, files, folder=tmp_path), tmp_path) == [
            ("a>=1", None),
            ("b[x] ; python_version > '3'", None),
            (f"edited @ {(tmp_path / 'tree').as_uri()}", None),
            ("c==2", "`-r r.txt` line 1"),
            ("d", "`-r deep/more.txt` line 1"),
            ("e", None),
            ("f", None),
        ]


class TestPlaces:
    def test_a_wheels_name_says_which_project_it_is(self, tmp_path: Path) -> None:
        wheel = tmp_path / "demo-1.0-py3-none-any-cu12.whl"
        wheel.touch()
        found = read(Settings(requirements=(f"./{wheel.name}[x]",)))
        assert asked(found, tmp_path) == [(f"demo[x] @ {wheel.as_uri()}", None)]

    def test_a_folder_has_to_be_asked(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        found = read(Settings(requirements=("./tree",)))
        assert asked(found, tmp_path) == [(f"named @ {(tmp_path / 'tree').as_uri()}", None)]

    def test_a_path_where_nothing_is_is_an_error(self, tmp_path: Path) -> None:
        found = read(Settings(requirements=("./tree",)))
        with pytest.raises(UsageError) as caught:
            asked(found, tmp_path)
        assert caught.value.message == "`./tree` does not exist"

    def test_what_is_editable_is_told_apart(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        found = read(Settings(editables=("./tree",)))
        _, editables = requests(
            found.requirements,
            folder=tmp_path,
            name_location=lambda url, editable: canonicalize_name("x"),
        )
        assert editables == {(tmp_path / "tree").as_uri()}


class TestErrors:
    def test_a_word_that_is_no_requirement_is_named(self) -> None:
        with pytest.raises(UsageError) as caught:
            read(Settings(requirements=("a==",)))
        assert caught.value.message == "`a==` is no requirement"

    def test_a_file_is_named_with_its_line(self) -> None:
        with pytest.raises(UsageError) as caught:
            read(Settings(requirement_files=("r.txt",)), {"r.txt": "a\n\n--frozen\n"})
        assert caught.value.message == "`--frozen` is no option of a requirements file"
        assert caught.value.context == ("in `r.txt`, line 3",)

    def test_the_name_of_a_file_is_no_requirement(self, tmp_path: Path) -> None:
        (tmp_path / "requirements.txt").write_text("a\n")
        with pytest.raises(UsageError) as caught:
            read(Settings(requirements=("requirements.txt",)), folder=tmp_path)
        assert caught.value.message == "`requirements.txt` is a file, not a project"
        assert caught.value.hint == "`-r requirements.txt` installs what it lists"

    def test_a_group_of_a_file_with_another_name(self) -> None:
        with pytest.raises(UsageError) as caught:
            read(Settings(groups=("project.toml:test",)), {})
        assert caught.value.message == (
            "`--group project.toml:test`: groups stand in a file that is called `pyproject.toml`"
        )

    def test_a_group_that_is_not_there_is_named_with_its_file(self) -> None:
        files = {"/here/pyproject.toml": "[dependency-groups]\ndocs = []\n"}
        with pytest.raises(UsageError) as caught:
            read(Settings(groups=("test",)), files)
        assert caught.value.message == "there is no dependency group `test`"
        assert caught.value.context == ("there are: docs", "in `/here/pyproject.toml`")


class TestHashes:
    def hashes(self, requirements: str, constraints: str = "") -> Mapping[NormalizedName, Hashes]:
        settings = Settings(requirement_files=("r.txt",), constraint_files=("c.txt",))
        found = read(settings, {"r.txt": requirements, "c.txt": constraints})
        return found.hashes(MarkerContext(environment={"os_name": "posix"}))

    def test_one_line_allows_any_of_its_hashes(self) -> None:
        found = self.hashes(f"a==1 --hash=sha256:{SHA} --hash=sha512:{SHA}{SHA}\nb==1\n")
        assert found == {"a": frozenset({("sha256", SHA), ("sha512", SHA * 2)})}

    def test_lines_and_constraints_allow_what_all_of_them_list(self) -> None:
        other = "b" * 64
        found = self.hashes(
            f"a==1 --hash=sha256:{SHA} --hash=sha256:{other}\n", f"a==1 --hash=sha256:{other}\n"
        )
        assert found == {"a": frozenset({("sha256", other)})}

    def test_lines_with_no_hash_in_common_contradict_each_other(self) -> None:
        with pytest.raises(UsageError) as caught:
            self.hashes(f"a==1 --hash=sha256:{SHA}\n", f"a==1 --hash=sha256:{'b' * 64}\n")
        assert caught.value.message == "no hash of `a` is allowed by every line that lists some"
        assert caught.value.context == ("the last of them: `-c c.txt` line 1",)

    def test_a_line_whose_marker_does_not_hold_allows_and_forbids_nothing(self) -> None:
        found = self.hashes(
            f"a==1; os_name == 'nt' --hash=sha256:{'b' * 64}\n"
            f"a==2; os_name == 'posix' --hash=sha256:{SHA}\n"
        )
        assert found == {"a": frozenset({("sha256", SHA)})}

    def test_the_hash_of_an_archive_is_known_with_its_url(self) -> None:
        settings = Settings(requirement_files=("r.txt",))
        text = f"https://a.example/b-1.tar.gz --hash=sha256:{SHA}\n"
        found, _ = requests(
            read(settings, {"r.txt": text}).requirements,
            folder=Path("/here"),
            name_location=lambda url, editable: canonicalize_name("b"),
        )
        assert found[0].requirement.url == f"https://a.example/b-1.tar.gz#sha256={SHA}"


class TestOptionsOfFiles:
    def test_they_outweigh_what_is_configured(self) -> None:
        settings = Settings(
            requirement_files=("r.txt",),
            sources=SourceSettings(
                index_url="https://a.example/", extra_index_urls=("https://b.example/",)
            ),
        )
        text = "-i https://c.example/\n--extra-index-url https://d.example/\n--pre\n--only-binary :all:\n"
        found = with_file_options(settings, read(settings, {"r.txt": text}).options)
        assert found.sources.index_url == "https://c.example/"
        assert found.sources.extra_index_urls == ("https://d.example/", "https://b.example/")
        assert (found.pre, found.only_binary) == (True, frozenset({":all:"}))

    @pytest.mark.parametrize(
        ("text", "only_binary", "no_binary"),
        [
            ("--no-binary :all:\n", set(), {":all:"}),
            ("--no-binary :all:\n--only-binary c\n", {"c"}, {":all:"}),
            ("--no-binary A\n", {":all:"}, {"a"}),
            ("--only-binary b\n", {":all:", "a", "b"}, set()),
        ],
    )
    def test_the_word_of_a_file_on_a_project_is_the_last(
        self, text: str, only_binary: set[str], no_binary: set[str]
    ) -> None:
        settings = Settings(
            requirement_files=("r.txt",),
            only_binary=frozenset({":all:", "a"}),
            no_binary=frozenset({"b"}),
        )
        found = with_file_options(settings, read(settings, {"r.txt": text}).options)
        left = {"b"} if text == "--no-binary A\n" else set()
        assert found.only_binary == only_binary
        assert found.no_binary == no_binary | left

    def test_a_folder_of_links_counts_from_the_file_if_it_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "wheels").mkdir()
        name = str(tmp_path / "r.txt")
        settings = Settings(requirement_files=(name,))
        text = "-f wheels\n-f elsewhere\n-f https://a.example/\n"
        found = with_file_options(settings, read(settings, {name: text}).options)
        assert found.sources.find_links == (
            str(tmp_path / "wheels"),
            "elsewhere",
            "https://a.example/",
        )

    def test_settings_without_files_stay_as_they_are(self) -> None:
        assert with_file_options(Settings(pre=True), read(Settings()).options) == Settings(pre=True)


class TestBuilds:
    def test_a_repeated_setting_makes_a_list(self) -> None:
        """PEP 517 leaves the form to front ends; pip and build make lists."""
        pairs = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")]
        assert collect_settings(pairs) == {"a": ["1", "3", "4"], "b": "2"}

    def test_settings_go_with_their_project(self) -> None:
        files = {"r.txt": "A_b --config-settings x=1\nc\n"}
        found = read(Settings(requirement_files=("r.txt",)), files)
        assert found.config_settings() == {"a-b": {"x": "1"}}
