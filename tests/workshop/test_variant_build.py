"""One source tree becomes a variant wheel for each label."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from vinstall.errors import BuildError, FormatError, UsageError
from vinstall.observer import Observer
from vinstall.workshop.inspection import inspect_wheel
from vinstall.workshop.repack import make_variant
from vinstall.workshop.variant_build import BuildRequest, build_variants, suggested_imports
from vinstall.workshop.variant_definition import read_definition, wheel_table
from vinstall.workshop.wheel_content import open_wheel

PYPROJECT = """
[build-system]
requires = []
build-backend = "{backend}"

[variant.default-priorities]
namespace = ["x86_64"]

[variant.variants.v3]
x86_64.level = ["v3"]
build-environment = {{ CFLAGS = "-march=x86-64-v3" }}
config-settings = {{ optimise = ["a", "b"] }}

[variant.variants.null]
test-imports = ["demo.extra"]
"""


@dataclass(slots=True)
class FakeBuilder:
    """Builds the same wheel whatever it is told, and remembers what that was."""

    knows_labels: bool = False
    wrong_label: bool = False
    told: list[tuple[dict[str, object], dict[str, str]]] = field(default_factory=list)

    def build(
        self,
        project: Path,
        into: Path,
        *,
        settings: Mapping[str, str | list[str]],
        environment: Mapping[str, str],
    ) -> Path:
        self.told.append((dict(settings), dict(environment)))
        plain = make_wheel(into / "plain", files={"demo/__init__.py": "", "demo.py": ""})
        if not self.knows_labels:
            return plain
        label = str(settings["variant-label"])
        definition = read_definition(project / "pyproject.toml")
        label = "null" if self.wrong_label else label
        return make_variant(plain, into, table=wheel_table(definition, label)).path


@dataclass(slots=True)
class FakeTest:
    """Says what it is told to say, and remembers what it was asked to import."""

    answer: str | None = None
    fails: bool = False
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def run(self, wheel: Path, modules: tuple[str, ...]) -> str | None:
        self.asked.append((wheel.name, modules))
        if self.fails:
            raise BuildError("it does not import")
        return self.answer


def request(folder: Path, *labels: str, backend: str = "demo_backend") -> BuildRequest:
    project = folder / "project"
    project.mkdir(exist_ok=True)
    (project / "pyproject.toml").write_text(PYPROJECT.format(backend=backend))
    return BuildRequest(project=project, labels=labels, output=folder / "dist", epoch=10**9)


class TestLabels:
    def test_each_is_built_with_its_own_settings_and_environment(self, tmp_path: Path) -> None:
        builder, test = FakeBuilder(), FakeTest()
        built = build_variants(request(tmp_path), builder, test, Observer())
        assert builder.told == [
            ({"optimise": ["a", "b"], "variant-label": "v3"}, {"CFLAGS": "-march=x86-64-v3"}),
            ({"variant-label": "null"}, {}),
        ]
        assert [variant.wheel.path for variant in built] == [
            tmp_path / "dist" / "demo-1.0-py3-none-any-v3.whl",
            tmp_path / "dist" / "demo-1.0-py3-none-any-null.whl",
        ]
        assert all(inspect_wheel(variant.wheel.path).faults == () for variant in built)
        assert test.asked == [
            ("demo-1.0-py3-none-any-v3.whl", ("demo",)),
            ("demo-1.0-py3-none-any-null.whl", ("demo.extra",)),
        ]

    def test_labels_whose_settings_change_nothing_are_noticed(self, tmp_path: Path) -> None:
        class Listener(Observer):
            def warning(self, message: str, *, hint: str | None = None) -> None:
                heard.append(message)

        heard: list[str] = []
        build_variants(request(tmp_path), FakeBuilder(), FakeTest(), Listener())
        assert heard == ["`null` is `v3` file for file: what is set for it changes nothing"]

    def test_building_twice_gives_the_same_bytes(self, tmp_path: Path) -> None:
        first, second = (
            build_variants(request(tmp_path, "v3"), FakeBuilder(), FakeTest(), Observer())
            for _ in range(2)
        )
        assert first == second

    def test_a_backend_that_knows_labels_stamps_the_wheel_itself(self, tmp_path: Path) -> None:
        (built,) = build_variants(
            request(tmp_path, "v3"), FakeBuilder(knows_labels=True), FakeTest(), Observer()
        )
        assert built.wheel.path.name == "demo-1.0-py3-none-any-v3.whl"

    def test_a_backend_that_stamps_another_label_is_found_out(self, tmp_path: Path) -> None:
        builder = FakeBuilder(knows_labels=True, wrong_label=True)
        with pytest.raises(BuildError) as caught:
            build_variants(request(tmp_path, "v3"), builder, FakeTest(), Observer())
        assert caught.value.message == "the backend labelled its wheel `null`, asked for was `v3`"

    def test_backends_that_refuse_unknown_settings_are_not_told(self, tmp_path: Path) -> None:
        builder = FakeBuilder()
        build_variants(
            request(tmp_path, "null", backend="mesonpy"), builder, FakeTest(), Observer()
        )
        assert builder.told == [({}, {})]

    def test_labels_that_are_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError) as caught:
            build_variants(request(tmp_path, "v9"), FakeBuilder(), FakeTest(), Observer())
        assert caught.value.message.endswith("has no label `v9` in `[variant.variants]`")
        assert caught.value.context == ("it has `v3`, `null`",)
        (tmp_path / "project" / "pyproject.toml").write_text(
            '[variant.default-priorities]\nnamespace = ["x86_64"]\n'
        )
        empty = BuildRequest(project=tmp_path / "project", labels=(), output=tmp_path / "dist")
        with pytest.raises(UsageError, match="has no labels in"):
            build_variants(empty, FakeBuilder(), FakeTest(), Observer())


class TestImports:
    def test_a_wheel_that_does_not_import_is_not_kept(self, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match="it does not import"):
            build_variants(request(tmp_path), FakeBuilder(), FakeTest(fails=True), Observer())
        assert not (tmp_path / "dist").exists()

    def test_a_wheel_that_cannot_be_tried_here_is_kept_and_said(self, tmp_path: Path) -> None:
        test = FakeTest(answer="no AVX-512 here")
        built = build_variants(request(tmp_path, "v3"), FakeBuilder(), test, Observer())
        assert [variant.untested for variant in built] == ["no AVX-512 here"]
        assert os.listdir(tmp_path / "dist") == ["demo-1.0-py3-none-any-v3.whl"]

    def test_packages_modules_and_compiled_modules_are_suggested(self, tmp_path: Path) -> None:
        wheel = make_wheel(
            tmp_path,
            files=dict.fromkeys(
                (
                    "demo/__init__.py",
                    "demo/sub/__init__.py",
                    "demo/_fast.cpython-311-x86_64-linux-gnu.so",
                    "demo/libplain.so",
                    "demo/other.abi3.so",
                    "single.py",
                    "with-dash.py",
                    "demo.libs/libz.cpython-311.so",
                    "demo-1.0.data/scripts/tool.py",
                    "data/readme.txt",
                ),
                "",
            ),
        )
        with open_wheel(wheel) as opened:
            assert suggested_imports(opened) == ("demo", "demo._fast", "demo.other", "single")

    def test_a_builder_that_makes_a_bad_wheel(self, tmp_path: Path) -> None:
        class Bad(FakeBuilder):
            def build(self, project: Path, into: Path, **more: object) -> Path:
                path = into / "demo-1.0-py3-none-any.whl"
                path.write_bytes(b"no zip")
                return path

        with pytest.raises(FormatError, match="is not a readable zip archive"):
            build_variants(request(tmp_path), Bad(), FakeTest(), Observer())
