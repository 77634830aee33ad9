"""The plain choice, held against the whole judgement."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from vinstall.formats.simple_api import ProjectPage, RemoteFile
from vinstall.selection.choose import choose, usable_wheels
from vinstall.selection.plain import plain_choice
from vinstall.selection.policy import SelectionPolicy
from vinstall.selection.reason import Rejection
from vinstall.selection.release import Choice, Wheel
from vinstall.selection.releases import ReleaseIndex, group_releases
from vinstall.selection.tags import TagFilter

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
TAGS = {"cp311-cp311-linux_x86_64": 0, "cp311-abi3-linux_x86_64": 1, "py3-none-any": 2}
PYTHON = Version("3.11.7")
V1 = Version("1.0")
POLICY = SelectionPolicy()


def wheel(rest: str = "py3-none-any", **facts: str) -> RemoteFile:
    """A wheel of `a` 1.0."""
    filename = f"a-1.0-{rest}.whl"
    return RemoteFile(filename, f"https://index.example/{filename}", **facts)  # type: ignore[arg-type]


def index_of(files: Sequence[RemoteFile]) -> ReleaseIndex:
    """The releases of a page with these files."""
    name = canonicalize_name("a")
    return group_releases(ProjectPage(name=name, source="index", files=tuple(files)))


def plain(files: Sequence[RemoteFile], policy: SelectionPolicy = POLICY) -> Choice | None:
    """The plain choice; its rejections are found by the whole judgement."""
    index = index_of(files)

    def rejected() -> Sequence[Rejection]:
        return judged(index, policy)[1]

    return plain_choice(
        index, V1, tags=TagFilter(TAGS), python=PYTHON, policy=policy, rejected=rejected
    )


def judged(
    index: ReleaseIndex, policy: SelectionPolicy = POLICY
) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
    """All choices and rejections, by the whole judgement."""
    release = index.release(V1)
    usable, refused = usable_wheels(release, tags=TAGS, python=PYTHON, policy=policy)
    return choose(
        release,
        usable,
        table=None,
        fault=None,
        answers={},
        policy=policy,
        tags=TAGS,
        python=PYTHON,
        refused=refused,
    )


_FILES = st.builds(
    lambda rest, yanked, required, build: RemoteFile(
        f"a-1.0-{build}{rest}",
        f"https://index.example/a-1.0-{build}{rest}",
        yanked=yanked,
        requires_python=required,
    ),
    st.sampled_from(
        [*(f"{tag}.whl" for tag in TAGS), "py2.py3-none-any.whl", "cp311-cp311-win32.whl", "x.whl"]
    ),
    st.sampled_from([None, None, None, "", "broken"]),
    st.sampled_from([None, None, ">=3.8", "<3", "nonsense"]),
    st.sampled_from(["", "", "", "1-", "2b-"]),
)
_SDISTS = st.sampled_from([RemoteFile("a-1.0.tar.gz", "https://index.example/a-1.0.tar.gz")])


class TestAgainstTheWholeJudgement:
    @settings(max_examples=300 * SCALE)
    @given(st.lists(_FILES | _SDISTS, min_size=1, max_size=6), st.booleans(), st.booleans())
    def test_where_there_is_a_plain_choice_it_is_the_same(
        self, files: list[RemoteFile], hashes: bool, sdists: bool
    ) -> None:
        policy = SelectionPolicy(require_hashes=hashes, sdists=sdists)
        found = plain(files, policy)
        if found is not None:
            choices, rejections = judged(index_of(files), policy)
            assert (found,) == choices
            assert found.rejected == rejections
            assert found.is_plain
            assert choices[0].is_plain


class TestPlain:
    def test_the_best_tag_decides(self) -> None:
        found = plain([wheel(), wheel("cp311-abi3-linux_x86_64"), wheel("cp311-cp311-win32")])
        assert found is not None
        assert isinstance(found.artifact, Wheel)
        assert found.artifact.file.filename == "a-1.0-cp311-abi3-linux_x86_64.whl"
        assert [one.filename for one in found.rejected] == ["a-1.0-cp311-cp311-win32.whl"]

    def test_what_is_left_to_the_whole_judgement(self) -> None:
        for files in (
            [wheel(), wheel("py3-none-any-cu12")],
            [wheel(), wheel("1-py3-none-any")],
            [wheel(yanked="")],
            [wheel(requires_python="<3")],
            [wheel("cp311-cp311-win32")],
        ):
            assert plain(files) is None
        for policy in (
            SelectionPolicy(wheels=False),
            SelectionPolicy(require_hashes=True),
            SelectionPolicy(hashes=frozenset({("sha256", "ab")})),
        ):
            assert plain([wheel()], policy) is None
