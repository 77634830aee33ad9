"""Random small catalogs: an answer is valid, and there is one where trying everything finds one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import product
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from tests.support.catalogs import Build, Fake, FakeCatalog, make_installed, make_target
from vinstall.errors import ResolutionError
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.resolution import search
from vinstall.resolution.model import InstalledProject, Request, Resolution
from vinstall.resolution.options import Preferred, ResolutionOptions
from vinstall.resolution.resolve import resolve
from vinstall.resolution.sweep import Sweep

_SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
_NAMES = ("a", "b", "c", "d", "e")
_VERSIONS = ("1.0", "2.0", "3.0")
_EXTRAS = ("x", "y")
_TARGET = make_target()

_Projects = Mapping[str, Mapping[str, Fake]]


def _specifiers() -> st.SearchStrategy[str]:
    bounds = st.builds(
        lambda operator, version: f"{operator}{version}",
        st.sampled_from(["==", "<", ">", "<=", ">=", "!="]),
        st.sampled_from(_VERSIONS),
    )
    return st.one_of(st.just(""), bounds)


def _requirements(names: Sequence[str] = _NAMES) -> st.SearchStrategy[str]:
    extras = st.one_of(st.just(""), st.sampled_from([f"[{extra}]" for extra in _EXTRAS]))
    return st.builds(
        lambda name, extra, specifier: f"{name}{extra}{specifier}",
        st.sampled_from(names),
        extras,
        _specifiers(),
    )


@st.composite
def _builds(draw: st.DrawFn) -> tuple[Build, ...]:
    """Now and then none, now and then several that bind a project (`abi_dependency`)."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return ()
    if kind < 8:
        return (Build(),)
    bound = draw(st.lists(st.sampled_from(_VERSIONS), min_size=1, max_size=2, unique=True))
    name = draw(st.sampled_from(_NAMES))
    bindings = [Build(label=f"l{v[0]}", constraints=[f"{name}=={v}.*"]) for v in bound]
    return (*bindings, *draw(st.sampled_from([(), (Build(),)])))


@st.composite
def _projects(draw: st.DrawFn) -> _Projects:
    found: dict[str, dict[str, Fake]] = {}
    for name in _NAMES:
        versions = draw(st.lists(st.sampled_from(_VERSIONS), max_size=3, unique=True))
        others = [other for other in _NAMES if other != name]
        found[name] = {
            version: Fake(
                requires=draw(st.lists(_requirements(others), max_size=2)),
                extras=draw(
                    st.dictionaries(
                        st.sampled_from(_EXTRAS),
                        st.lists(_requirements(others), max_size=1),
                        max_size=2,
                    )
                ),
                builds=draw(_builds()),
            )
            for version in versions
        }
    return found


_Chosen = tuple[Version, Build]


def _problems(
    chosen: Mapping[str, _Chosen],
    requests: Sequence[Requirement],
    projects: _Projects,
    installed: Mapping[str, Version],
) -> Iterator[str]:
    """What an assignment of versions violates; independent of everything the resolver does."""
    extras: dict[str, set[str]] = {}
    queue: list[tuple[str, Requirement]] = [("you", request) for request in requests]
    while queue:
        who, requirement = queue.pop()
        name: str = requirement.name
        if name not in chosen:
            yield f"{who} needs {name}, which is missing"
            continue
        version = chosen[name][0]
        if not requirement.specifier.contains(version):
            yield f"{who} needs {name}{requirement.specifier}, not {version}"
        known = extras.setdefault(name, set())
        fresh = {"", *requirement.extras} - known
        known |= fresh
        release = projects[name][str(version)]
        for extra in fresh:
            texts = release.requires if extra == "" else release.extras.get(extra, ())
            queue += [(f"{name} {version}", parse_requirement(text)) for text in texts]
    for name, (version, build) in chosen.items():
        if name not in extras:
            yield f"nobody needs {name}"
        for text in build.constraints:
            bound = parse_requirement(text)
            other = chosen[bound.name][0] if bound.name in extras else installed.get(bound.name)
            if other is None or not bound.specifier.contains(other):
                yield f"{name} {version} {build.label} goes with {text}, not {other}"


def _solvable(
    requests: Sequence[Requirement], projects: _Projects, installed: Mapping[str, Version]
) -> bool:
    """By trying every combination of builds, or the absence, of every project."""
    options: list[list[_Chosen | None]] = [
        [
            None,
            *(
                (Version(version), build)
                for version, release in projects[name].items()
                for build in release.builds
            ),
        ]
        for name in _NAMES
    ]
    for combination in product(*options):
        chosen = {n: pick for n, pick in zip(_NAMES, combination, strict=True) if pick is not None}
        if next(_problems(chosen, requests, projects, installed), None) is None:
            return True
    return False


def _chosen(resolution: Resolution, projects: _Projects) -> dict[str, _Chosen]:
    found = {}
    for pin in resolution.pins:
        builds = projects[pin.name][str(pin.version)].builds
        texts = [str(constraint.specifier) for constraint in pin.choice.constraints]
        build = next(
            build
            for build in builds
            if build.label == pin.choice.label
            and [str(parse_requirement(text).specifier) for text in build.constraints] == texts
        )
        found[str(pin.name)] = (pin.version, build)
    return found


@contextmanager
def _only(searches: str) -> Iterator[None]:
    """Make the searches before the one meant give up."""
    with ExitStack() as stack:
        if searches != "all":
            stack.enter_context(patch.object(Sweep, "run", lambda self, asks: None))
        if searches == "only the last":
            gives_up = ResolutionError("gave up")
            stack.enter_context(
                patch.object(search, "_search_back_and_forth", lambda problem: gives_up)
            )
        yield


class TestRandomCatalogs:
    @settings(max_examples=100 * _SCALE, deadline=None)
    @given(
        projects=_projects(),
        texts=st.lists(_requirements(), min_size=1, max_size=3),
        preferred=st.sampled_from(Preferred),
        searches=st.sampled_from(["all", "not the first", "only the last"]),
        limits=st.lists(_requirements().filter(lambda text: "[" not in text), max_size=1),
    )
    def test_there_is_a_valid_answer_exactly_where_there_can_be_one(
        self,
        projects: _Projects,
        texts: list[str],
        preferred: Preferred,
        searches: str,
        limits: list[str],
    ) -> None:
        requests = [parse_requirement(text) for text in texts]
        constraints = [parse_requirement(text) for text in limits]
        allowed = {
            name: {
                version: release
                for version, release in versions.items()
                if all(
                    limit.specifier.contains(version) for limit in constraints if limit.name == name
                )
            }
            for name, versions in projects.items()
        }
        resolution = None
        with suppress(ResolutionError), _only(searches):
            resolution = resolve(
                [Request(requirement=requirement) for requirement in requests],
                constraints=[Request(requirement=requirement) for requirement in constraints],
                catalog=FakeCatalog(projects),
                target=_TARGET,
                options=ResolutionOptions(preferred=preferred),
            )
        if resolution is None:
            assert not _solvable(requests, allowed, {})
        else:
            chosen = _chosen(resolution, projects)
            assert list(_problems(chosen, requests, allowed, {})) == []

    @settings(max_examples=30 * _SCALE, deadline=None)
    @given(
        projects=_projects(),
        texts=st.lists(_requirements(), min_size=1, max_size=3),
        present=st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(_VERSIONS), max_size=2),
    )
    def test_what_is_installed_makes_no_request_impossible(
        self, projects: _Projects, texts: list[str], present: dict[str, str]
    ) -> None:
        requests = [Request(requirement=parse_requirement(text)) for text in texts]
        installed: list[InstalledProject] = [make_installed(n, v) for n, v in present.items()]

        def succeeds(found: Sequence[InstalledProject]) -> bool:
            try:
                resolve(requests, catalog=FakeCatalog(projects), target=_TARGET, installed=found)
            except ResolutionError:
                return False
            return True

        if succeeds([]):
            assert succeeds(installed)

    @settings(max_examples=30 * _SCALE, deadline=None)
    @given(projects=_projects(), texts=st.lists(_requirements(), min_size=1, max_size=3))
    def test_equal_questions_get_equal_answers(self, projects: _Projects, texts: list[str]) -> None:
        def outcome() -> object:
            try:
                resolution = resolve(
                    [Request(requirement=parse_requirement(text)) for text in texts],
                    catalog=FakeCatalog(projects),
                    target=_TARGET,
                )
            except ResolutionError as error:
                return error.message, error.context, error.hint
            pins = [
                (pin.name, pin.version, pin.choice.label, pin.extras) for pin in resolution.pins
            ]
            return pins, resolution.edges, resolution.notices

        assert outcome() == outcome()
