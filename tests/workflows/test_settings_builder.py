"""Configuration into settings: types, choices, conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from vinstall.errors import UsageError
from vinstall.workflows.configuration import Configuration, Value
from vinstall.workflows.option_table import OPTIONS, Kind, RawValue
from vinstall.workflows.settings import Settings, VariantSettings
from vinstall.workflows.settings_builder import build_settings

_SAMPLES: dict[Kind, RawValue] = {
    Kind.FLAG: True,
    Kind.INTEGER: 7,
    Kind.SECONDS: 7.5,
    Kind.TEXT: "text",
    Kind.PATH: "/a/path",
    Kind.LIST: ("an-item",),
    Kind.NAMES: ("a-name",),
}
_CHOICES = {
    "index-strategy": "unsafe-best-match",
    "keyring-provider": "subprocess",
    "upgrade-strategy": "eager",
    "resolution": "lowest",
    "link-mode": "copy",
}


def configured(**values: RawValue) -> Configuration:
    """A configuration from the command line."""
    named = {name.replace("_", "-"): raw for name, raw in values.items()}
    return Configuration(values={name: Value(raw, f"`--{name}`") for name, raw in named.items()})


def built(**values: RawValue) -> Settings:
    """The settings of such a configuration."""
    return build_settings(configured(**values))


def test_nothing_configured_gives_the_defaults() -> None:
    assert built() == Settings()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_reaches_the_settings(option: object) -> None:
    name, kind = getattr(option, "name"), getattr(option, "kind")  # noqa: B009
    changed = built(**{name: _CHOICES.get(name, _SAMPLES[kind])})
    assert changed != Settings()


@pytest.mark.parametrize("name", sorted(_CHOICES))
def test_a_word_outside_a_closed_set_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        built(**{name: "other"})
    assert caught.value.message.startswith(f"`--{name}`: `other` is none of `")


class TestVariants:
    def test_labels_are_for_one_project_or_for_all(self) -> None:
        assert built(variant=("torch=cu12", "null")).variants == VariantSettings(
            labels=(("torch", "cu12"), (None, "null"))
        )

    @pytest.mark.parametrize("text", ["torch=", "=cu12", ""])
    def test_a_label_has_to_be_named(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            built(variant=(text,))
        assert caught.value.message == f"`--variant {text}` names no label"

    def test_no_variants_and_a_variant_contradict_each_other(self) -> None:
        with pytest.raises(UsageError) as caught:
            built(variant=("null",), no_variants=True)
        assert caught.value.message == "`--no-variants` and `--variant` contradict each other"


class TestFormats:
    def test_none_takes_back_what_stands_before_it(self) -> None:
        settings = built(only_binary=(":all:", ":none:", "numpy"))
        assert settings.only_binary == frozenset({"numpy"})

    def test_one_name_in_both_leaves_nothing(self) -> None:
        with pytest.raises(UsageError) as caught:
            built(only_binary=("numpy",), no_binary=("numpy", "scipy"))
        assert caught.value.message == "`--only-binary` and `--no-binary` both name `numpy`"


class TestTarget:
    def test_paths_may_begin_with_the_home(self) -> None:
        assert built(target="~/here").target.target == Path.home() / "here"

    def test_two_environments_are_one_too_many(self) -> None:
        with pytest.raises(UsageError) as caught:
            built(python="3.12", system=True)
        assert caught.value.message == "`--python` and `--system` both name the environment"


class TestReleases:
    def test_projects_with_and_without_pre_releases(self) -> None:
        settings = built(all_releases=(":all:",), only_final=("numpy",))
        assert settings.all_releases == frozenset({":all:"})
        assert settings.only_final == frozenset({"numpy"})

    @pytest.mark.parametrize("option", ["all_releases", "only_final"])
    def test_pre_says_it_already(self, option: str) -> None:
        with pytest.raises(UsageError) as caught:
            built(pre=True, **{option: ("numpy",)})
        flag = "--" + option.replace("_", "-")
        assert caught.value.message == f"`--pre` and `{flag}` contradict each other"
