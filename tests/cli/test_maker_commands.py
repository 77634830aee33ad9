"""The makers' commands, as they are typed."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.support.wheels import make_wheel
from vinstall.cli.console import Console
from vinstall.cli.maker_commands import index_group, wheel_group
from vinstall.errors import FormatError, SourceError, UsageError

pytestmark = pytest.mark.usefixtures("clean_environment")


class Outcome:
    """What one command printed, and its exit code."""

    def __init__(self, group: click.Group, *words: object) -> None:
        out, err = io.StringIO(), io.StringIO()
        console = Console(environ={}, stdout=out, stderr=err)
        context = group.make_context(group.name, [str(word) for word in words], obj=console)
        self.code = 0
        try:
            with context:
                group.invoke(context)
        except click.exceptions.Exit as exit_:
            self.code = exit_.exit_code
        self.out, self.err = out.getvalue(), err.getvalue()


def wheel(*words: object) -> Outcome:
    return Outcome(wheel_group, *words)


def index(*words: object) -> Outcome:
    return Outcome(index_group, *words)


V3 = ("--label", "v3", "--property", "x86_64 :: level :: v3")


class TestMake:
    def test_the_path_is_printed_and_the_changes_are_told(self, tmp_path: Path) -> None:
        plain = make_wheel(tmp_path)
        done = wheel("make", plain, *V3)
        made = tmp_path / "demo-1.0-py3-none-any-v3.whl"
        assert done.out == f"{made}\n"
        assert done.err.splitlines() == [
            f"file name `{plain.name}` is now `{made.name}`",
            "variant.json is new: `v3` with x86_64 :: level :: v3",
        ]
        assert wheel("unmake", made, "-o", tmp_path / "back", "-q").err == ""
        assert (tmp_path / "back" / plain.name).is_file()

    def test_options_reach_the_wheel(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
        plain = make_wheel(tmp_path, "demo-cpu", requires=["numpy"])
        words = ["--label", "null", "--namespace", "nvidia", "--rename", "demo"]
        words += [
            "--drop-dependency",
            "numpy",
            "--add-dependency",
            "scipy",
            "-o",
            str(tmp_path / "o"),
        ]
        done = wheel("make", plain, *words)
        assert done.out == f"{tmp_path}/o/demo-1.0-py3-none-any-null.whl\n"
        assert "METADATA: Name `demo-cpu` is now `demo`" in done.err

    def test_a_label_comes_from_pyproject(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = make_wheel(tmp_path)
        (tmp_path / "pyproject.toml").write_text(
            '[variant.default-priorities]\nnamespace = ["x86_64", "nvidia"]\n'
            '[variant.variants.v4]\nx86_64.level = ["v4"]\n'
        )
        monkeypatch.chdir(tmp_path)
        done = wheel("make", plain, "--label", "v4")
        assert "note: `v4` is taken from `pyproject.toml`" in done.err
        assert done.out.endswith("-v4.whl\n")
        assert wheel("make", plain, "--label", "null", "--pyproject", "pyproject.toml").code == 0
        with pytest.raises(UsageError, match="both say what the namespaces are"):
            wheel("make", plain, *V3, "--namespace", "a", "--pyproject", "pyproject.toml")

    def test_a_namespace_nobody_answers_for_is_mentioned(self, tmp_path: Path) -> None:
        done = wheel("make", make_wheel(tmp_path), "--label", "x", "--property", "foo::bar::baz")
        assert done.err.startswith("note: nothing names a provider of `foo`, so none is written")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--label", "v3"], "a variant wheel needs the namespaces of its release"),
            (["--label", "v3", "--property", "a::b"], "`a::b` is no variant property"),
            (["--label", "V3", "--property", "a::b::c"], "variants.V3: is no variant label"),
            (["--label", "null", "--property", "a::b::c"], "`null` has properties"),
            ([*V3, "--rename", "-"], "`-` is no project name"),
        ],
    )
    def test_what_cannot_be_made_is_refused(
        self, tmp_path: Path, words: list[str], message: str
    ) -> None:
        plain = make_wheel(tmp_path)
        with pytest.raises((UsageError, FormatError), match=re.escape(message)):
            wheel("make", plain, *words)
        assert os.listdir(tmp_path) == [plain.name]

    def test_a_bad_epoch_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
        with pytest.raises(UsageError, match="`SOURCE_DATE_EPOCH` is `yesterday`"):
            wheel("make", make_wheel(tmp_path), *V3)


class TestInspect:
    def test_text_and_json_say_the_same(self, tmp_path: Path) -> None:
        wheel("make", make_wheel(tmp_path, requires=["numpy"], build="2"), *V3)
        made = tmp_path / "demo-1.0-2-py3-none-any-v3.whl"
        text = wheel("inspect", made)
        assert text.code == 0
        lines = {line.strip() for line in text.out.splitlines()}
        assert {
            "project     demo 1.0, build 2",
            "tags        py3-none-any",
            "label       v3",
            "properties  x86_64 :: level :: v3",
            "namespaces  x86_64",
            "requires    numpy",
            "no faults",
        } <= lines
        found = json.loads(wheel("inspect", made, "--format", "json").out)
        assert found["version"] == 1
        assert found["label"] == "v3"
        assert found["properties"] == ["x86_64 :: level :: v3"]
        assert found["build"] == [2, ""]
        assert found["size"] == made.stat().st_size
        assert found["faults"] == []

    def test_faults_are_listed_and_the_exit_code_is_1(self, tmp_path: Path) -> None:
        bad = make_wheel(tmp_path, label="v3")
        done = wheel("inspect", bad)
        assert done.code == 1
        line = (
            f"error: {bad.name}: has no `demo-1.0.dist-info/variant.json` [label-without-metadata]"
        )
        assert done.out.splitlines()[-1] == line
        (fault,) = json.loads(wheel("inspect", bad, "--format", "json").out)["faults"]
        assert fault == {
            "rule": "label-without-metadata",
            "severity": "error",
            "file": bad.name,
            "message": "has no `demo-1.0.dist-info/variant.json`",
            "source": "PEP 825, Variant wheel",
        }

    def test_an_index_file_is_compared(self, tmp_path: Path) -> None:
        wheel("make", make_wheel(tmp_path), *V3)
        index("build", tmp_path)
        made = tmp_path / "demo-1.0-py3-none-any-v3.whl"
        listed = tmp_path / "simple" / "demo" / "demo-1.0-variants.json"
        assert wheel("inspect", made, "--index-file", listed).code == 0
        listed.write_text(listed.read_text().replace('"v3"\n', '"v4"\n'))
        assert wheel("inspect", made, "--index-file", listed).code == 1


class TestIndex:
    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        wheel("make", make_wheel(tmp_path / "site"), *V3)
        return tmp_path / "site"

    def test_build_check_and_build_again(self, site: Path) -> None:
        done = index("build", site)
        assert done.out == f"{site}/simple\n"
        assert done.err == "2 files of 1 projects, 2 read, 7 written, 0 removed\n"
        assert index("build", site).err == "2 files of 1 projects, 0 read, 0 written, 0 removed\n"
        done = index("check", site)
        assert (done.code, done.out) == (
            0,
            "2 files of 1 releases of 1 projects: 0 errors, 0 warnings\n",
        )

    def test_a_check_lists_breaches_and_fails(self, site: Path) -> None:
        index("build", site)
        (site / "simple/demo/demo-1.0-variants.json").unlink()
        done = index("check", site)
        assert done.code == 1
        assert done.out.splitlines()[0].startswith("error: demo-1.0-variants.json: is not at")
        document = json.loads(index("check", site, "--format", "json").out)
        assert document["faults"][0]["rule"] == "file-missing"
        assert (document["projects"], document["releases"], document["files"]) == (1, 1, 2)

    def test_warnings_fail_only_when_asked_to(self, site: Path) -> None:
        (site / "demo-1.0-py3-none-any.whl").unlink()
        index("build", site)
        assert index("check", site).code == 0
        assert index("check", site, "--strict").code == 1

    def test_mirroring_needs_both_an_index_and_projects(self, site: Path) -> None:
        for words in (["demo"], ["--from-index", "https://index.example/simple/"]):
            with pytest.raises(UsageError, match="go together"):
                index("build", site, *words)

    def test_a_mirror_of_a_folder_of_wheels(
        self, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        index("build", site)
        words = ("build", tmp_path / "copy", "demo", "--from-index", site / "simple", "--isolated")
        done = index(*words)
        assert "2 files fetched, 0 were there" in done.err.splitlines()
        assert index("check", tmp_path / "copy").code == 0

    def test_serving_what_is_no_index(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="is no index"):
            index("serve", tmp_path, "--port", "0")

    def test_the_server_says_where_and_what_it_is(self, site: Path) -> None:
        index("build", site)
        program = (
            "import os; from vinstall.cli.console import Console;"
            "from vinstall.cli.maker_commands import index_group;"
            f"index_group.main(['serve', {str(site)!r}, '--port', '0'], obj=Console(environ={{}}))"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/simple/\n", process.stdout.readline())
            assert process.stderr.readline().startswith("a development server: try an index out")
        finally:
            process.terminate()
            process.wait(10)
            process.stdout.close()
            process.stderr.close()
