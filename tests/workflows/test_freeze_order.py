"""`freeze -r`: what is frozen, in the order of files.  pip beside it: tests/end_to_end."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from vinstall.errors import UsageError
from vinstall.observer import Observer
from vinstall.workflows.freeze_order import ADDED, OrderFile, arrange


class Listener(Observer):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def warning(self, message: str, *, hint: str | None = None) -> None:
        self.heard.append(message + (f" ({hint})" if hint else ""))


def arranged(*texts: str, frozen: str = "a b c", without: str = "") -> tuple[list[str], list[str]]:
    """The lines for files of `texts`, and the warnings; requirements are told by a `!`."""
    listener = Listener()
    files = [OrderFile(f"{at}.txt", text.encode()) for at, text in enumerate(texts)]
    found = arrange(
        files,
        {canonicalize_name(name): f"!{name}" for name in frozen.split()},
        adds=lambda name: name not in without.split(),
        observer=listener,
    )
    return list(found), listener.heard


def test_the_order_is_that_of_the_file() -> None:
    assert arranged("c\na>1\n") == (["!c", "!a", ADDED, "!b"], [])


def test_what_is_not_to_be_added_may_be_listed() -> None:
    assert arranged("a\n", without="a b") == (["!a", ADDED, "!c"], [])


def test_comments_options_and_empty_lines_stay_once() -> None:
    text = "# one\n\n--pre\n-c limits.txt\n# one\n\nb  # two\n--pre\n"
    kept = ["# one", "", "--pre", "-c limits.txt", "!b"]
    assert arranged(text, "# one\n") == ([*kept, ADDED, "!a", "!c"], [])


def test_a_requirement_over_several_lines_is_one() -> None:
    digests = [f"--hash=sha256:{digit * 64}" for digit in "01"]
    text = f"b==1 \\\n  {digests[0]} \\\n  {digests[1]}\n# after\na\n"
    assert arranged(text) == (["!b", "# after", "!a", ADDED, "!c"], [])


def test_what_is_listed_twice_is_written_once() -> None:
    assert arranged("a\n", "a\n") == (
        ["!a", ADDED, "!b", "!c"],
        ["`a` is listed several times, in `0.txt`, `1.txt`"],
    )


def test_what_is_not_installed_is_told() -> None:
    assert arranged("nonesuch >= 1\n", frozen="") == (
        [ADDED],
        ["`0.txt` lists `nonesuch >= 1`, and `nonesuch` is not installed"],
    )


def test_a_place_that_names_no_project_is_told() -> None:
    assert arranged("\n-e ./tree\n", frozen="") == (
        ["", ADDED],
        ["`0.txt` line 2 is left out: it names no project (write `NAME @ URL`)"],
    )


def test_a_line_that_is_no_requirement_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        arranged("a\n\nb ==\n")
    assert caught.value.message == "`b ==` is no requirement"
    assert caught.value.context[-1] == "in `0.txt`, line 3"
