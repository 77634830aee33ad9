"""What providers were asked, kept and asked again."""

from __future__ import annotations

import marshal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.formats.variant_json import ProviderInfo
from vinstall.values import replace
from vinstall.workflows.remembered_choices import answer_rows, are_still_given

WORDS = st.text("ab1", min_size=1, max_size=3)
FEATURES = st.lists(
    st.builds(FeatureSupport, WORDS, st.lists(WORDS, max_size=3).map(tuple), st.booleans()),
    max_size=3,
).map(tuple)
INFOS = st.none() | st.builds(
    ProviderInfo,
    requires=st.lists(WORDS, max_size=2).map(tuple),
    plugin_api=st.none() | WORDS,
    enable_if=st.none() | WORDS,
    optional=st.booleans(),
    install_time=st.booleans(),
    builtin=st.none() | WORDS,
    static=st.none() | FEATURES,
)
ANSWERS = st.builds(
    NamespaceAnswer,
    features=FEATURES,
    how=WORDS,
    unavailable=st.none() | WORDS,
    unanswered=st.booleans(),
)


class Machine:
    """Says what it is told to, and notes what it is asked."""

    def __init__(self, answers: dict[Any, tuple[int, NamespaceAnswer]]) -> None:
        self._answers = answers
        self.heard: list[Any] = []

    def answer(self, namespace: str, info: ProviderInfo | None, *, labels: int) -> NamespaceAnswer:
        """What is known of exactly this question."""
        self.heard.append((namespace, info, labels))
        return self._answers[namespace, info][1]


@given(st.dictionaries(st.tuples(WORDS, INFOS), st.tuples(st.integers(0, 9), ANSWERS), max_size=4))
def test_the_same_questions_are_asked_again(asked: dict[Any, tuple[int, NamespaceAnswer]]) -> None:
    rows = marshal.loads(marshal.dumps(answer_rows(asked)))
    machine = Machine(asked)
    assert are_still_given(rows, machine)
    assert machine.heard == [(*question, labels) for question, (labels, _) in asked.items()]


BEFORE = NamespaceAnswer(
    features=(FeatureSupport("level", ("v3", "v2")), FeatureSupport("avx", ("on",))), how="cpuid"
)


@pytest.mark.parametrize(
    ("now", "same"),
    [
        (replace(BEFORE, how="/proc", warnings=("slow",), notices=("told",)), True),
        (replace(BEFORE, features=BEFORE.features[:1]), False),
        (replace(BEFORE, features=BEFORE.features[::-1]), False),
        (replace(BEFORE, features=(FeatureSupport("level", ("v2", "v3")),)), False),
        (replace(BEFORE, unavailable="no driver"), False),
        (replace(BEFORE, unanswered=True), False),
    ],
)
def test_another_answer_is_seen(now: NamespaceAnswer, same: bool) -> None:
    rows = answer_rows({("x86_64", None): (3, BEFORE)})
    assert are_still_given(rows, Machine({("x86_64", None): (3, now)})) is same
