"""A lock gives each of its hosts what a resolution there gives."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock

from tests.locking.cases import Host, digest, installed, locked, resolved, shown
from tests.support.catalogs import make_target
from tests.support.memory_index import MemoryIndex, variants_json
from vinstall.errors import IntegrityError, ResolutionError
from vinstall.formats.pylock import parse_lock

CUDA = {"nvidia": {"cuda_version_lower_bound": ["13.0", "13", "12.8", "12.0", "12"]}}
ROCM = {"amd": {"rocm_version": ["7.1"]}}
H200 = Host(supports=CUDA)
MI300X = Host(supports=ROCM)
CPU = Host()
ARM = Host(target=make_target(machine="aarch64"))


def add(index: MemoryIndex, name: str, version: str, **more: object) -> None:
    """A wheel with a hash."""
    label = more.get("label")
    tag = more.get("tag", "py3-none-any")
    stem = "-".join([name.replace("-", "_"), version, str(tag), *([str(label)] if label else [])])
    index.add_wheel(name, version, hashes=digest(f"{stem}.whl"), **more)  # type: ignore[arg-type]


@pytest.fixture
def index() -> MemoryIndex:
    """A torch with the markers of the real one, and what they lead to."""
    index = MemoryIndex()
    requires = (
        "filelock",
        "nvidia-cublas==13.0; platform_machine == 'x86_64' and variant_label == 'cuda13.0'",
        "nvidia-cublas==12.8; variant_label == 'cuda12.8'",
        "triton==3.6; 'nvidia' in variant_namespaces",
        "triton-rocm==3.6; 'amd' in variant_namespaces",
    )
    for label in ("cuda13.0", "cuda12.8", "rocm7.1", "null"):
        add(index, "torch", "2.10.0", label=label, requires=requires)
    index.add_variants_json(
        "torch",
        "2.10.0",
        variants_json(
            {
                "cuda13.0": ["nvidia :: cuda_version_lower_bound :: 13.0"],
                "cuda12.8": ["nvidia :: cuda_version_lower_bound :: 12.8"],
                "rocm7.1": ["amd :: rocm_version :: 7.1"],
                "null": [],
            },
            namespaces=["nvidia", "amd"],
        ),
    )
    add(index, "filelock", "3.0")
    add(index, "nvidia-cublas", "13.0")
    add(index, "nvidia-cublas", "12.8")
    add(index, "triton", "3.6", requires=("filelock>=2",))
    add(index, "triton-rocm", "3.6")
    return index


HOSTS = {"h200": H200, "mi300x": MI300X, "cpu": CPU, "arm": ARM}


class TestManyHosts:
    """The case of a cluster with CPU nodes, GPUs of two makers, and another architecture."""

    @pytest.mark.parametrize("name", HOSTS)
    def test_every_listed_host_gets_what_it_would_get_from_the_index(
        self, index: MemoryIndex, name: str
    ) -> None:
        text = locked(index, list(HOSTS.values()), ["torch"])
        host = HOSTS[name]
        direct = resolved(index, host, ["torch"]).resolution
        assert shown(installed(text, index, host)) == shown(direct)

    def test_a_host_that_was_not_listed_selects_anew(self, index: MemoryIndex) -> None:
        text = locked(index, [H200, CPU], ["torch"])
        older = Host(supports={"nvidia": {"cuda_version_lower_bound": ["12.8", "12.0"]}})
        labels = {str(pin.name): pin.choice.label for pin in installed(text, index, older).pins}
        assert labels["torch"] == "cuda12.8"
        assert "triton" in labels

    def test_the_lock_lists_every_wheel_and_every_label_in_full(self, index: MemoryIndex) -> None:
        package = next(
            each
            for each in parse_lock(locked(index, [CPU], ["torch"])).packages
            if each.name == "torch"
        )
        assert [wheel.name.split("-")[-1] for wheel in package.wheels] == [
            "cuda12.8.whl", "cuda13.0.whl", "null.whl", "rocm7.1.whl",
        ]  # fmt: skip
        assert package.variants is not None
        assert sorted(package.variants.variants) == ["cuda12.8", "cuda13.0", "null", "rocm7.1"]

    def test_no_index_is_asked_when_a_lock_is_read(self, index: MemoryIndex) -> None:
        text = locked(index, [H200, CPU], ["torch"])
        index.counts.clear()
        installed(text, index, H200)
        assert not index.counts

    def test_locking_twice_changes_no_byte(self, index: MemoryIndex) -> None:
        text = locked(index, list(HOSTS.values()), ["torch"])
        again = locked(index, list(HOSTS.values()), ["torch"], previous=parse_lock(text))
        assert again == text

    def test_a_project_the_user_names_is_installed_whatever_the_label(
        self, index: MemoryIndex
    ) -> None:
        """`triton` is asked for by name, and by torch under a variant marker only."""
        text = locked(index, [H200, CPU], ["torch", "triton"])
        names = [pin.name for pin in installed(text, index, CPU).pins]
        assert names == ["filelock", "torch", "triton"]


class TestEnvironments:
    """PEP 751 `environments` and `packages.marker`."""

    def test_a_package_for_one_machine_has_a_marker(self) -> None:
        index = MemoryIndex()
        add(index, "demo", "1.0", requires=("only-arm; platform_machine == 'aarch64'",))
        add(index, "only-arm", "1.0")
        lock = parse_lock(locked(index, [CPU, ARM], ["demo"]))
        markers = {each.name: each.marker.text if each.marker else None for each in lock.packages}
        assert markers == {"demo": None, "only-arm": "platform_machine == 'aarch64'"}
        assert [each.text for each in lock.environments] == [
            "platform_machine == 'aarch64'",
            "platform_machine == 'x86_64'",
        ]

    def test_a_lock_no_marker_of_which_was_asked_holds_everywhere(self) -> None:
        index = MemoryIndex()
        add(index, "demo", "1.0")
        lock = parse_lock(locked(index, [CPU], ["demo"]))
        assert lock.environments == ()

    def test_another_system_is_refused_with_the_marker_that_excludes_it(self) -> None:
        index = MemoryIndex()
        add(index, "demo", "1.0", requires=("colorama; sys_platform == 'win32'",))
        text = locked(index, [CPU], ["demo"])
        with pytest.raises(ResolutionError) as caught:
            installed(text, index, Host(target=make_target(platform="win32")))
        assert caught.value.message == "`pylock.toml` is for other environments than this one"
        assert caught.value.context == ("not here: `sys_platform == 'linux'`",)

    def test_a_python_between_the_same_bounds_is_welcome(self) -> None:
        index = MemoryIndex()
        requires = (
            "tomli; python_version < '3.11'",
            "old; python_version < '3.8'",
            "new; python_version >= '3.13'",
        )
        add(index, "demo", "1.0", requires=requires)
        text = locked(index, [Host(target=make_target("3.12.1"))], ["demo"])
        lock = parse_lock(text)
        assert [each.text for each in lock.environments] == [
            "python_version >= '3.11' and python_version < '3.13'"
        ]
        assert shown(installed(text, index, Host(target=make_target("3.11.9"))))


class TestOptions:
    """`--resolved`, `--pip-compatible`."""

    def test_a_resolved_lock_lists_one_wheel_a_package(self, index: MemoryIndex) -> None:
        lock = parse_lock(locked(index, [H200], ["torch"], resolved=True))
        wheels = {str(each.name): [wheel.name for wheel in each.wheels] for each in lock.packages}
        assert wheels["torch"] == ["torch-2.10.0-py3-none-any-cuda13.0.whl"]
        assert all(len(names) == 1 for names in wheels.values())

    def test_a_lock_for_pip_has_plain_wheels_where_there_are_any(self) -> None:
        index = MemoryIndex()
        add(index, "demo", "1.0", label="v3")
        add(index, "demo", "1.0")
        index.add_variants_json("demo", "1.0", variants_json({"v3": ["x86_64 :: level :: v3"]}))
        text = locked(index, [CPU], ["demo"], pip_compatible=True)
        theirs = Pylock.from_dict(tomllib.loads(text))
        assert [wheel.filename for wheel in theirs.packages[0].wheels or ()] == [
            "demo-1.0-py3-none-any.whl"
        ]

    def test_tables_of_other_tools_survive_a_new_lock(self) -> None:
        index = MemoryIndex()
        add(index, "demo", "1.0")
        text = locked(index, [CPU], ["demo"])
        more = text + "\n[tool.other]\nkept = true\n"
        again = locked(index, [CPU], ["demo"], previous=parse_lock(more))
        assert tomllib.loads(again)["tool"] == {"other": {"kept": True}}

    def test_a_changed_hash_names_both_sources(self) -> None:
        index = MemoryIndex()
        add(index, "demo", "1.0")
        before = locked(index, [CPU], ["demo"])
        old = digest("demo-1.0-py3-none-any.whl")[0][1]
        changed = before.replace(old, "0" * 64).replace("index.example", "other.example")
        with pytest.raises(IntegrityError) as caught:
            locked(index, [CPU], ["demo"], previous=parse_lock(changed))
        assert (
            caught.value.message
            == "`demo-1.0-py3-none-any.whl` has another sha256 hash than in the lock"
        )
        assert caught.value.context == (
            f"in the lock: {'0' * 64}, from `https://other.example/simple/`",
            f"now: {old}, from `https://index.example/simple/`",
        )

    def test_files_without_a_hash_are_left_out(self) -> None:
        index = MemoryIndex()
        add(index, "demo", "1.0")
        index.add_wheel("demo", "1.0", tag="cp39-cp39-win_amd64")
        lock = parse_lock(locked(index, [CPU], ["demo"]))
        assert [wheel.name for wheel in lock.packages[0].wheels] == ["demo-1.0-py3-none-any.whl"]


_projects = ["a", "b", "c", "d"]
_labels = {"x": ["n :: f :: 1"], "y": ["n :: f :: 2"], "null": []}
_markers = [
    "",
    "; variant_label == 'x'",
    "; 'n' in variant_namespaces",
    "; variant_label != 'null'",
    "; platform_machine == 'aarch64'",
    "; platform_machine == 'x86_64' and 'n :: f :: 2' in variant_properties",
]


@st.composite
def _indexes(draw: st.DrawFn) -> MemoryIndex:
    index = MemoryIndex()
    for at, name in enumerate(_projects):
        others = _projects[at:] if draw(st.booleans()) else _projects
        lines = [
            f"{other}{draw(st.sampled_from(_markers))}"
            for other in draw(st.lists(st.sampled_from(others), max_size=3, unique=True))
            if other != name
        ]
        if draw(st.booleans()):
            for label in _labels:
                add(index, name, "1.0", label=label, requires=lines)
            index.add_variants_json(name, "1.0", variants_json(_labels))
        else:
            add(index, name, "1.0", requires=lines)
    return index


_hosts = [
    Host(),
    Host(supports={"n": {"f": ["1"]}}),
    Host(supports={"n": {"f": ["2", "1"]}}),
    Host(target=make_target(machine="aarch64"), supports={"n": {"f": ["2"]}}),
]


@given(
    index=_indexes(),
    names=st.lists(st.sampled_from(_projects), min_size=1, max_size=2, unique=True),
)
def test_any_lock_gives_every_host_its_own_resolution(index: MemoryIndex, names: list[str]) -> None:
    text = locked(index, _hosts, names)
    for host in _hosts:
        assert shown(installed(text, index, host)) == shown(resolved(index, host, names).resolution)
