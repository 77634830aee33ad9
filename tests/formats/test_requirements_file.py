"""Requirements files: pip's grammar, with pip as the judge."""

from __future__ import annotations

import codecs
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.formats.strategies import SCALE
from vinstall.errors import FormatError, SourceError
from vinstall.formats.file_options import FileOptions, FindLinks, choose
from vinstall.formats.option_line import LineOption, parse_options
from vinstall.formats.requirement import parse_requirement
from vinstall.formats.requirement_line import RequirementLine
from vinstall.formats.requirements_file import (
    RequirementsFile,
    decode_requirements,
    logical_lines,
    parse_requirements_file,
)

SHA = "a" * 64
HASHES = (("sha256", SHA), ("sha512", SHA * 2))
SETTINGS = (("a", "1"), ("b", "2"), ("a", "3"))
HASH_HINT = "write `sha256:`, `sha384:` or `sha512:` and all hexadecimal digits of the hash"
EDITABLE_HINT = "write `-e PATH` or `-e NAME @ git+https://...`"


def read(
    files: Mapping[str, str | bytes] | str, *, name: str = "r.txt", **options: Any
) -> RequirementsFile:
    """The file `name` of `files`; a text alone is that file."""
    found = {name: files} if isinstance(files, str) else files

    def load(location: str) -> bytes:
        if location not in found:
            raise SourceError(f"`{location}` is not there")
        text = found[location]
        return text.encode() if isinstance(text, str) else text

    return parse_requirements_file(name, load, **{"environment": {}, **options})


def named(text: str, **more: Any) -> RequirementLine:
    requirement = parse_requirement(text)
    return RequirementLine(requirement=requirement, name=requirement.name, **more)


def placed(location: str, name: str | None = None, *extras: str, **more: Any) -> RequirementLine:
    return RequirementLine(
        location=location,
        name=None if name is None else canonicalize_name(name),
        extras=frozenset(canonicalize_name(extra) for extra in extras),
        **more,
    )


def fault(files: Mapping[str, str | bytes] | str, **options: Any) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read(files, **options)
    return caught.value


class TestLines:
    """pip, "Requirements File Format", "Structure"."""

    def test_comments_blank_lines_and_continuations(self) -> None:
        text = "# one\n\nfoo \\\n  >= 1 # why\n  # a comment\nbar\\\n#ends here\\\nbaz#no comment\nlast\\"
        assert list(logical_lines(text)) == [
            (3, "foo   >= 1"),
            (6, "bar"),
            (8, "baz#no comment"),
            (9, "last"),
        ]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("foo", named("foo")),
            ("docopt == 0.6.1", named("docopt==0.6.1")),
            (
                'requests [security] >= 2.8.1, == 2.8.* ; python_version < "2.7"',
                named('requests[security]>=2.8.1,==2.8.*; python_version < "2.7"'),
            ),
            ("a @ https://h.example/1.26.8.zip", named("a @ https://h.example/1.26.8.zip")),
            ("a@file:///x/y ; os_name == 'nt'", named("a @ file:///x/y ; os_name == 'nt'")),
            ("torch; 'x' in variant_namespaces", named("torch; 'x' in variant_namespaces")),
            (f"foo==1 --hash=sha256:{SHA} --hash sha512:{SHA * 2}", named("foo==1", hashes=HASHES)),
            ("foo -C a=1 --config-settings=b=2 -Ca=3", named("foo", config_settings=SETTINGS)),
            ("./a/b", placed("./a/b")),
            (".", placed(".")),
            (".[x, y]", placed(".", None, "x", "y")),
            ("a-1.0.tar.gz", placed("a-1.0.tar.gz")),
            ("w/A_b-1-py3-none-any-cu12.whl", placed("w/A_b-1-py3-none-any-cu12.whl", "a-b")),
            (r"C:\w\a-1.0.zip", placed(r"C:\w\a-1.0.zip")),
            ("https://h.example/a-1.0.tar.gz", placed("https://h.example/a-1.0.tar.gz")),
            ("https://h.example/a_b-1.0-py3-none-any.whl#sha256=00", named("a-b @ https://h.example/a_b-1.0-py3-none-any.whl#sha256=00")),
            ("https://h.example/x.zip#egg=A_b[c]&subdirectory=d", named("a-b[c] @ https://h.example/x.zip#egg=A_b[c]&subdirectory=d")),
            ("git+https://h.example/r.git@v1", placed("git+https://h.example/r.git@v1")),
            ("git+ssh://git@h.example/r.git@v1#egg=r", named("r @ git+ssh://git@h.example/r.git@v1#egg=r")),
            ("file:./a-1.0-py3-none-any.whl", placed("file:./a-1.0-py3-none-any.whl", "a")),
            ("-e .", placed(".", editable=True)),
            ("-e.", placed(".", editable=True)),
            ("--editable=./p[x]", placed("./p", None, "x", editable=True)),
            ('-e "./my dir"', placed("./my dir", editable=True)),
            ("-e git+https://h.example/r#egg=r", named("r @ git+https://h.example/r#egg=r", editable=True)),
            ("-e r @ git+https://h.example/r", named("r @ git+https://h.example/r", editable=True)),
            ("-e folder -C a=1", placed("folder", editable=True, config_settings=(("a", "1"),))),
        ],
    )  # fmt: skip
    def test_every_form_of_a_requirement(self, text: str, expected: RequirementLine) -> None:
        (found,) = read(text).requirements
        assert found == expected
        assert (found.text, found.file, found.line) == (text, "r.txt", 1)

    def test_a_marker_of_a_path_or_url_is_taken_off(self) -> None:
        for place in ("./a", "https://h.example/a-1.zip"):
            (found,) = read(f"{place} ; os_name == 'nt'").requirements
            assert found.location == place
            assert found.marker is not None
            assert found.marker.text == "os_name == 'nt'"

    def test_lines_know_where_they_stand(self) -> None:
        found = read({"r.txt": "a\n\n-c c/c.txt", "c/c.txt": "# c\nb<2"})
        assert [line.origin for line in found.requirements] == ["`-r r.txt` line 1"]
        assert [line.origin for line in found.constraints] == ["`-c c/c.txt` line 2"]
        assert placed(".").origin is None


class TestOptions:
    def test_of_the_whole_run(self) -> None:
        found = read(
            """--index-url https://one.example/simple
-i https://two.example/simple --extra-index-url=https://three.example/simple
--no-index --pre --prefer-binary
-f links -f 'my links'
--find-links=https://h.example/links
--trusted-host h.example:8080
--require-hashes
--no-require-hashes
--use-feature fast-deps
--no-binary a,B_c --only-binary d
--all-releases e --only-final :all:
"""
        )
        assert found == RequirementsFile(
            options=FileOptions(
                index_url="https://two.example/simple",
                extra_index_urls=("https://three.example/simple",),
                no_index=True,
                find_links=(
                    FindLinks("links", "r.txt"),
                    FindLinks("my links", "r.txt"),
                    FindLinks("https://h.example/links", "r.txt"),
                ),
                no_binary=frozenset({"a", "b-c"}),
                only_binary=frozenset({"d"}),
                only_final=frozenset({":all:"}),
                pre=True,
                prefer_binary=True,
                trusted_hosts=("h.example:8080",),
                require_hashes=True,
                no_require_hashes=True,
                use_features=("fast-deps",),
            )
        )

    def test_names_may_be_cut_short(self) -> None:
        assert parse_options("--extra https://x --requirem y") == (
            LineOption("--extra-index-url", "https://x"),
            LineOption("--requirement", "y"),
        )

    @pytest.mark.parametrize(
        ("text", "message", "hint"),
        [
            ("--bogus", "`--bogus` is no option of a requirements file", None),
            ("-q", "`-q` is no option of a requirements file", None),
            ("--global-option=x", "`--global-option` is no option of a requirements file", None),
            ("-r", "`--requirement` needs a value", None),
            ("--index-url --pre", "`--index-url` needs a value", None),
            ("--pre=yes", "`--pre` takes no value", None),
            ("--pre foo", "`foo` belongs to no option", None),
            ("--no", "`--no` can mean `--no-binary` or `--no-index` or `--no-require-hashes`", None),
            ("-f 'x", "a quote is not closed", None),
            ("--no-binary=a,,b", "`a,,b` is no list of projects", None),
            (f"--hash=sha256:{SHA}", "`--hash` goes with a requirement, and here is none", None),
            ("foo --pre", "`--pre` does not go with a single requirement", "give it a line of its own"),
            ("foo -C x", "`x` is no setting", "write `KEY=VALUE`"),
            ("foo --hash=md5:00", "`md5:00` is no hash", HASH_HINT),
            (f"foo --hash=sha256:{SHA[1:]}", f"`sha256:{SHA[1:]}` is no hash", HASH_HINT),
            (f"-e . --hash=sha256:{SHA}", "an editable project has no hash that could be checked", None),
            ("-e foo @ https://h.example/x.zip", "only a folder or a checkout can be editable", EDITABLE_HINT),
            ("https://h.example/x#egg=a==1", "`#egg=a==1` is not the name of a project", None),
            ("foo = 1", "`foo = 1` is no requirement", "write `==` for one version"),
        ],
    )  # fmt: skip
    def test_a_bad_line_is_an_error_with_file_and_line(
        self, text: str, message: str, hint: str | None
    ) -> None:
        error = fault(f"# a comment\n{text}\n")
        assert error.message == message
        assert error.context[-1] == "in `r.txt`, line 2"
        assert error.hint == hint

    @given(
        st.lists(
            st.tuples(
                st.booleans(),
                st.lists(st.sampled_from(["a", "B_c", "d", ":all:", ":none:"]), min_size=1).map(
                    ",".join
                ),
            ),
            max_size=5,
        )
    )
    def test_sets_of_projects_end_as_in_pip(self, given_: list[tuple[bool, str]]) -> None:
        control = pytest.importorskip("pip._internal.models.format_control")
        one: frozenset[str] = frozenset()
        other: frozenset[str] = frozenset()
        theirs: tuple[set[str], set[str]] = (set(), set())
        for first, value in given_:
            if first:
                one, other = choose(value, one, other)
                control.FormatControl.handle_mutual_excludes(value, theirs[0], theirs[1])
            else:
                other, one = choose(value, other, one)
                control.FormatControl.handle_mutual_excludes(value, theirs[1], theirs[0])
        assert (set(one), set(other)) == theirs


class TestVariables:
    """pip, "Using environment variables": `${NAME}` only."""

    def test_known_variables_are_put_in(self) -> None:
        found = read(
            "-i https://${USER_1}:${TOKEN}@h.example/\na @ https://${TOKEN}@h.example/a.zip",
            environment={"USER_1": "u", "TOKEN": "t"},
        )
        assert found.options.index_url == "https://u:t@h.example/"
        (line,) = found.requirements
        assert line.requirement is not None
        assert line.requirement.url == "https://t@h.example/a.zip"
        assert line.text == "a @ https://${TOKEN}@h.example/a.zip"

    @pytest.mark.parametrize(
        "text", ["./${unknown}", "./${UNKNOWN}", "./$TOKEN", "./%TOKEN%", "./${EMPTY}"]
    )
    def test_anything_else_stays_as_it_is(self, text: str) -> None:
        (line,) = read(text, environment={"TOKEN": "t", "EMPTY": "", "unknown": "u"}).requirements
        assert line.location == text

    def test_what_they_hold_does_not_get_into_messages(self) -> None:
        error = fault("a ${TOKEN} b", environment={"TOKEN": "hunter2"})
        assert error.message == "the line does not follow the format"
        assert error.context == ("in `r.txt`, line 1",)


class TestNestedFiles:
    def test_are_found_relative_to_the_file_that_names_them(self) -> None:
        found = read(
            {
                "r/r.txt": "a\n-r sub/s.txt\n-c ../c.txt\nz",
                os.path.join("r", "sub", "s.txt"): "b\n-r ../t.txt",
                os.path.join("r", "t.txt"): "c\n--pre",
                "c.txt": "d<2\n-r https://h.example/x/u.txt",
                "https://h.example/x/u.txt": "e\n-c v.txt",
                "https://h.example/x/v.txt": "f<3",
            },
            name="r/r.txt",
        )
        assert [line.name for line in found.requirements] == ["a", "b", "c", "e", "z"]
        assert [line.name for line in found.constraints] == ["d", "f"]
        assert found.options.pre

    def test_a_file_may_be_named_twice_but_not_by_itself(self) -> None:
        assert len(read({"r.txt": "-r s.txt\n-r s.txt", "s.txt": "a"}).requirements) == 2
        error = fault({"r.txt": "-r s.txt", "s.txt": "a\n-c ./x/../r.txt"})
        assert error.message == "the file refers to itself"
        assert error.context == ("r.txt → s.txt → r.txt", "in `s.txt`, line 2")

    def test_an_endless_chain_is_cut(self) -> None:
        def load(location: str) -> bytes:
            number = int(re.findall(r"\d+", location)[-1])
            return f"-r {number + 1}.txt".encode()

        with pytest.raises(FormatError) as caught:
            parse_requirements_file("https://h.example/0.txt", load, environment={})
        assert caught.value.message == "more than 40 files refer to one another"

    def test_the_network_cannot_name_local_files(self) -> None:
        files = {"https://h.example/r.txt": "-r file:///etc/passwd"}
        error = fault(files, name="https://h.example/r.txt")
        assert error.message == "a file from the network cannot refer to a local one"

    def test_what_the_loader_raises_is_passed_on(self) -> None:
        with pytest.raises(SourceError, match=r"`s\.txt` is not there"):
            read("-r s.txt")

    def test_credentials_of_a_place_are_not_shown(self) -> None:
        name = "https://u:secret@h.example/r.txt"
        assert (
            fault({name: "a b"}, name=name).context[-1]
            == "in `https://****@h.example/r.txt`, line 1"
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("-e ./a", "an editable project cannot be a constraint"),
            ("a[b]<2", "a constraint has no extras"),
            ("./a", "a constraint names its project"),
        ],
    )
    def test_constraints_name_projects_and_nothing_more(self, text: str, message: str) -> None:
        error = fault({"r.txt": "-c c.txt", "c.txt": text})
        assert (error.message, error.context[-1]) == (message, "in `c.txt`, line 1")
        assert fault(text, constraint=True).message == message


class TestOtherFiles:
    def test_a_pyproject_stands_for_its_dependencies(self) -> None:
        text = '[project]\nname = "p"\ndependencies = ["a>1"]\noptional-dependencies.x = ["b"]\n'
        found = read(
            {"r.txt": "-r sub/pyproject.toml", os.path.join("sub", "pyproject.toml"): text}
        )
        assert found.requirements == (named("a>1"),)
        assert found.requirements[0].origin == "`-r sub/pyproject.toml`"
        extras = frozenset({canonicalize_name("x")})
        assert (
            len(read({"pyproject.toml": text}, name="pyproject.toml", extras=extras).requirements)
            == 2
        )

    def test_a_script_says_which_python_it_needs(self) -> None:
        text = '# /// script\n# requires-python = ">=3.12"\n# dependencies = ["a"]\n# ///\n'
        found = read({"r.txt": "-r tools/x.py", "tools/x.py": text})
        assert found.pythons == (("tools/x.py", SpecifierSet(">=3.12")),)

    def test_a_script_stands_for_its_dependencies(self) -> None:
        text = '# /// script\n# dependencies = ["a>1"]\n# ///\nprint("x")\n'
        assert read({"s.py": text}, name="s.py").requirements == (named("a>1"),)

    def test_a_lock_does_not(self) -> None:
        for name in ("pylock.toml", "pylock.dev.toml"):
            error = fault({"r.txt": f"-r {name}", name: ""})
            assert error.message == "the file is a lock"
            assert error.hint == "give it alone, not inside another file"

    def test_their_faults_name_the_file(self) -> None:
        error = fault({"pyproject.toml": "x ="}, name="pyproject.toml")
        assert error.message == "the text is not valid TOML"
        assert error.context[-1] == "in `pyproject.toml`"


class TestEncoding:
    """pip, "Encoding": UTF-8, unless a mark or a PEP 263 comment says otherwise."""

    @pytest.mark.parametrize(
        "data",
        [
            "aé".encode(),
            codecs.BOM_UTF8 + "aé".encode(),
            codecs.BOM_UTF16_LE + "aé".encode("utf-16-le"),
            codecs.BOM_UTF16_BE + "aé".encode("utf-16-be"),
            codecs.BOM_UTF32_LE + "aé".encode("utf-32-le"),
            codecs.BOM_UTF32_BE + "aé".encode("utf-32-be"),
        ],
    )
    def test_is_told_by_its_mark(self, data: bytes) -> None:
        assert decode_requirements(data) == "aé"

    def test_is_told_by_a_comment(self) -> None:
        text = "# x\n# -*- coding: latin-1 -*-\naé"
        assert decode_requirements(text.encode("latin-1")) == text

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"\xff", "the text is not valid utf-8"),
            (b"# coding: klingon\n", "the encoding `klingon` is not known"),
            (codecs.BOM_UTF32_LE + b"x", "the text is not valid utf-32-le"),
        ],
    )
    def test_else_it_is_a_fault(self, data: bytes, message: str) -> None:
        assert fault({"r.txt": data}).message == message


def _pip_lines(location: Path) -> list[tuple[Any, ...]]:
    """What pip finds: constraint?, editable?, name, extras, versions, URL, marker, hashes, settings, line."""
    from pip._internal.network.session import PipSession
    from pip._internal.req.constructors import install_req_from_parsed_requirement
    from pip._internal.req.req_file import parse_requirements

    found = []
    for parsed in parse_requirements(str(location), session=PipSession()):
        asked = install_req_from_parsed_requirement(parsed)
        options = parsed.options or {}
        settings_: list[tuple[str, str]] = []
        for key, value in options.get("config_settings", {}).items():
            settings_ += [(key, one) for one in (value if isinstance(value, list) else [value])]
        found.append(
            (
                parsed.constraint,
                parsed.is_editable,
                canonicalize_name(asked.req.name) if asked.req else None,
                {canonicalize_name(extra) for extra in asked.extras},
                asked.link.url.partition("#")[0] if asked.link else str(asked.req.specifier),  # type: ignore[union-attr]
                str(asked.markers) if asked.markers else None,
                {(kind, one) for kind, all_ in options.get("hashes", {}).items() for one in all_},
                sorted(settings_),
                int(parsed.comes_from.rpartition(" ")[2].rstrip(")")),
            )
        )
    return found


def _our_lines(location: Path) -> list[tuple[Any, ...]]:
    from packaging.markers import Marker

    found = []
    order: list[RequirementLine] = []
    whole = parse_requirements_file(
        str(location), lambda place: Path(place).read_bytes(), environment=os.environ
    )
    order = sorted(
        (*whole.requirements, *whole.constraints), key=lambda line: (line.file or "", line.line)
    )
    for line in order:
        asked = line.requirement
        marker = line.marker if asked is None else asked.marker
        place = (line.location or "") if asked is None else asked.url
        if place is not None and ":" not in place:
            place = Path(os.path.abspath(place)).as_uri()
        found.append(
            (
                line.constraint,
                line.editable,
                line.name,
                set(line.extras if asked is None else asked.extras),
                place.partition("#")[0] if place is not None else str(asked.specifier),  # type: ignore[union-attr]
                str(Marker(marker.text)) if marker else None,
                set(line.hashes),
                sorted(line.config_settings),
                line.line,
            )
        )
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the things that requirements of the tests point at."""
    logging.getLogger("pip").setLevel(logging.ERROR)
    pytest.importorskip("pip._internal.req.req_file")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VINSTALL_TEST_NAME", "from_env")
    (tmp_path / "proj").mkdir()
    (tmp_path / "proj/pyproject.toml").write_text("")
    (tmp_path / "w").mkdir()
    for name in ("a_b-1.0-py3-none-any.whl", "c-1.0.tar.gz"):
        (tmp_path / "w" / name).write_text("")
    return tmp_path


PIECES = [
    "foo",
    "Foo.Bar_baz>=1,<2",
    "foo [a,B_c] (>=1) ; python_version > '3'",
    "foo;os_name=='posix' # comment",
    "foo @ https://h.example/foo-1.zip",
    "foo[x] @ file:///w/x.zip ; os_name == 'nt'",
    "${VINSTALL_TEST_NAME}==1",
    "${vinstall_test_name}",
    f"foo==1 --hash=sha256:{SHA} --hash sha384:{SHA}{SHA[:32]}",
    f"foo==1 \\\n    --hash=sha256:{SHA} \\\n    # in between \\\nbar",
    "foo -C a=1 --config-settings b=2 --config-settings a=3",
    "./proj",
    "./proj[a]",
    "w/a_b-1.0-py3-none-any.whl",
    "./w/c-1.0.tar.gz ; os_name == 'posix'",
    "https://h.example/a_b-2.0-py3-none-any.whl",
    "https://h.example/c-1.0.tar.gz ; os_name == 'posix'",
    "https://h.example/c-1.0.tar.gz#sha256=00&egg=c",
    "git+https://h.example/r.git@v1#egg=r",
    "-e ./proj",
    "-e proj[a,b]",
    "--editable=./proj",
    "-e git+https://h.example/r.git#egg=r",
    "--pre",
    "-i https://h.example/simple --extra-index-url https://h.example/other",
    "--no-binary :all: --only-binary foo",
    "-f links",
    "# comment",
    "   ",
    "foo \\\n >= \\\n 1",
    "foo#bar",
    "foo --pre-not",
    "--what",
    "foo bar",
    "foo =1",
    "--hash",
    "-e foo",
]


class TestSideBySideWithPip:
    """The same lines, or a refusal where pip refuses."""

    def check(self, project: Path, text: str, name: str = "r.txt") -> None:
        path = project / name
        path.write_text(text)
        try:
            theirs = _pip_lines(path)
        except Exception:  # noqa: BLE001 - pip refuses in many ways
            with pytest.raises(FormatError):
                _our_lines(path)
            return
        assert _our_lines(path) == theirs

    @pytest.mark.parametrize("piece", [piece for piece in PIECES if piece != "-e foo"])
    def test_on_each_form(self, project: Path, piece: str) -> None:
        self.check(project, piece)

    @settings(max_examples=150 * SCALE, deadline=None)
    @given(data=st.data())
    def test_on_random_files(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        pytest.importorskip("pip._internal.req.req_file")
        good = [piece for piece in PIECES[:32] if "proj" not in piece and "w/" not in piece]
        lines = data.draw(st.lists(st.sampled_from(good), max_size=6))
        ends = data.draw(st.sampled_from(["\n", "\r\n", "\n\n", "\x0c\n"]))
        self.check(tmp_path_factory.getbasetemp(), ends.join(lines), "random.txt")

    def test_on_nested_files(self, project: Path) -> None:
        (project / "sub").mkdir()
        (project / "sub/s.txt").write_text("nested\n-c ../z.txt\n")
        (project / "z.txt").write_text("limited<2\n")
        path = project / "r.txt"
        path.write_text("-r sub/s.txt\n")
        assert sorted(_our_lines(path)) == sorted(_pip_lines(path))


class TestWherePipIsSilent:
    """pip takes these lines and leaves a part of them out; here they are errors."""

    @pytest.mark.parametrize(
        "text", ["--pre foo", "-i https://h.example/ foo", "foo --pre", f"--hash=sha256:{SHA}"]
    )
    def test_nothing_is_dropped_unseen(self, project: Path, text: str) -> None:
        (project / "r.txt").write_text(text)
        assert len(_pip_lines(project / "r.txt")) == text.startswith("foo")
        assert fault(text).context[-1] == "in `r.txt`, line 1"


@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.binary(max_size=60))
def test_any_text_is_a_file_or_a_format_error(text: str | bytes) -> None:
    def load(location: str) -> bytes:
        if location != "r.txt":
            raise FormatError("not there")
        return text.encode() if isinstance(text, str) else text

    try:
        found = parse_requirements_file("r.txt", load, environment={})
    except FormatError:
        return
    assert all(line.requirement or line.location for line in found.requirements)
