"""The variables that stand for detection, as a whole."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.providers.machines import fake_machine
from vinstall.errors import UsageError
from vinstall.providers import builtin
from vinstall.providers.override import CONDA_CUDA, OVERRIDES, overrides_in_force

NAMESPACES = {
    "NV": "nvidia",
    "CONDA": "nvidia",
    "AMD": "amd",
    "INTEL": "intel",
    "TPU": "tpu",
    "ASCEND": "ascend",
}
"""Start of a variable's name to the namespace it speaks for."""


class TestEveryVariable:
    """A value is understood, or named in an error; it never passes for something else."""

    @given(
        st.sampled_from(OVERRIDES),
        st.text(min_size=1, max_size=12)
        | st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,3}", fullmatch=True)
        | st.sampled_from(["gfx942", "true", "910b", "12.55.8", "8.2.rc1", " "]),
    )
    def test_its_value_is_understood_or_refused(self, name: str, value: str) -> None:
        namespace = NAMESPACES[name.partition("_")[0]]
        refusal = None
        try:
            answer = builtin.ask(namespace, fake_machine(environ={name: value}))
        except UsageError as error:
            refusal = error.message
        else:
            for feature in answer.features:
                assert all(re.fullmatch(r"[a-z0-9_.]+", each) for each in feature.values)
        assert refusal is None or (f"`{name}`" in refusal and f"`{value}`" in refusal)

    @given(st.sampled_from([name for name in OVERRIDES if name != CONDA_CUDA]))
    def test_an_empty_value_is_none(self, name: str) -> None:
        namespace = NAMESPACES[name.partition("_")[0]]
        asked = builtin.ask(namespace, fake_machine(environ={name: ""}))
        assert asked == builtin.ask(namespace, fake_machine())


class TestInForce:
    def test_those_that_are_set_are_in_force(self) -> None:
        environ = dict.fromkeys(OVERRIDES, "")
        environ |= {"TPU_VARIANT_PROVIDER_FORCE_PRESENT": "1", "OTHER": "x"}
        assert overrides_in_force(environ) == (
            ("CONDA_OVERRIDE_CUDA", ""),
            ("TPU_VARIANT_PROVIDER_FORCE_PRESENT", "1"),
        )

    def test_condas_is_not_beside_the_providers_own(self) -> None:
        environ = {
            "CONDA_OVERRIDE_CUDA": "11.8",
            "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "12.8",
        }
        assert overrides_in_force(environ) == (
            ("NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION", "12.8"),
        )
