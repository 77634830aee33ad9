"""Who answers for a namespace: the rules in their order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.providers.machines import fake_machine
from vinstall.errors import UsageError
from vinstall.formats.support import FeatureSupport, NamespaceAnswer, NamespaceSupport
from vinstall.formats.variant_json import ProviderInfo, parse_variant_table
from vinstall.observer import Observer
from vinstall.providers import builtin
from vinstall.providers.machine import Machine, described_machine
from vinstall.providers.provider import PluginQuestion, ProviderOptions
from vinstall.providers.registry import Registry
from vinstall.providers.trust import parse_trust
from vinstall.values import replace

MARKERS = {
    "implementation_name": "cpython",
    "implementation_version": "3.12.9",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.8.0",
    "platform_system": "Linux",
    "platform_version": "#1 SMP",
    "python_full_version": "3.12.9",
    "python_version": "3.12",
    "sys_platform": "linux",
}
STATIC: NamespaceSupport = (FeatureSupport("provider", ("mkl", "openblas")),)
TPU = NamespaceAnswer(
    features=(FeatureSupport("present", ("false",)),), how="no TPU among the PCI devices"
)
FOREIGN = ProviderInfo(requires=("acme-provider>=1,<2",), plugin_api="acme.plugin:Acme")
NVIDIA = ProviderInfo(
    requires=("nvidia-variant-provider>=0.0.2,<1.0.0",),
    plugin_api="nvidia_variant_provider.plugin:NvidiaVariantPlugin",
)
CUDA = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"


class Listener(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, message: str) -> None:
        self.lines.append(f"notice: {message}")

    def warning(self, message: str, *, hint: str | None = None) -> None:
        self.lines.append(f"warning: {message}")


class Runner:
    """Answers any question, and keeps it."""

    def __init__(self, answer: NamespaceAnswer) -> None:
        self.questions: list[PluginQuestion] = []
        self._answer = answer

    def ask(self, question: PluginQuestion) -> NamespaceAnswer:
        self.questions.append(question)
        return self._answer


class Untouchable(dict[str, str]):
    """Variables no one may look at."""

    def get(self, *_arguments: Any) -> Any:
        raise AssertionError


def options(*trusted: str, **others: Any) -> ProviderOptions:
    """What the user said."""
    return ProviderOptions(trusted=tuple(map(parse_trust, trusted)), **others)


def answer(
    info: ProviderInfo | None,
    namespace: str = "acme",
    *,
    machine: Machine | None = None,
    listener: Listener | None = None,
    labels: int = 3,
    **settings: Any,
) -> NamespaceAnswer:
    """The answer of a registry made for it."""
    registry = Registry(
        machine=machine or fake_machine(),
        markers=MARKERS,
        observer=listener,
        **settings,
    )
    return registry.answer(namespace, info, labels=labels)


def unanswered(reason: str) -> NamespaceAnswer:
    """The answer where nobody could tell."""
    return NamespaceAnswer(unavailable=reason, unanswered=True)


class TestRule1:
    """Disabled, or optional and not enabled."""

    UNTOUCHED = replace(fake_machine(), environ=Untouchable())

    def test_a_disabled_namespace_supports_nothing(self) -> None:
        for info in (None, NVIDIA, ProviderInfo(static=STATIC)):
            found = answer(
                info,
                "nvidia",
                machine=self.UNTOUCHED,
                options=options(disabled=frozenset({"nvidia"})),
                host={"nvidia": STATIC},
            )
            assert found == NamespaceAnswer(unavailable="disabled by `--disable-provider nvidia`")

    def test_an_optional_one_is_not_touched_unless_enabled(self) -> None:
        optional = replace(NVIDIA, optional=True)
        found = answer(optional, "nvidia", machine=self.UNTOUCHED)
        assert found == NamespaceAnswer(
            unavailable="optional; `--enable-provider nvidia` enables it"
        )

    def test_an_optional_one_that_is_enabled_is_asked(self) -> None:
        optional = replace(NVIDIA, optional=True)
        found = answer(optional, "nvidia", options=options(enabled=frozenset({"nvidia"})))
        assert found == NamespaceAnswer(how="no NVIDIA driver")


class TestRule2:
    """`enable-if`."""

    @pytest.mark.parametrize(
        ("marker", "excluded"),
        [
            ("platform_system == 'Linux'", False),
            ("platform_machine == 'aarch64' or 'arm' in platform_machine", True),
            ("platform_system == 'Windows'", True),
        ],
    )
    def test_it_is_held_against_the_target(self, marker: str, excluded: bool) -> None:
        found = answer(ProviderInfo(static=STATIC, enable_if=marker))
        reason = f"not for this target (`enable-if`: `{marker}`)"
        assert found.unavailable == (reason if excluded else None)
        assert found.features == (() if excluded else STATIC)

    def test_one_that_cannot_be_read_excludes(self) -> None:
        found = answer(ProviderInfo(static=STATIC, enable_if="platform = 'x'"))
        assert found.features == ()
        assert (found.unavailable or "").startswith("its `enable-if` cannot be read: ")


class TestRule3:
    """Static properties."""

    def test_they_are_exactly_what_is_supported(self) -> None:
        info = ProviderInfo(static=STATIC, requires=("blas-lapack-variant-provider",))
        found = answer(info, "blas_lapack", host={"blas_lapack": ()})
        assert found == NamespaceAnswer(features=STATIC, how="static properties")

    @pytest.mark.parametrize("namespace", ["priority", "x86_64"])
    def test_without_them_nothing_answers_for_what_was_fixed_ahead_of_time(
        self, namespace: str
    ) -> None:
        found = answer(ProviderInfo(install_time=False), namespace, host={namespace: STATIC})
        assert found == unanswered(
            "fixed when the wheels were built, and the metadata does not list it"
        )


class TestRule4:
    """A host file."""

    def test_it_stands_for_detection(self) -> None:
        machine = replace(fake_machine(), environ=Untouchable())
        found = answer(NVIDIA, "nvidia", machine=machine, host={"nvidia": STATIC})
        assert found == NamespaceAnswer(features=STATIC, how="host file")

    @pytest.mark.parametrize("info", [None, NVIDIA, FOREIGN])
    def test_what_it_does_not_list_is_not_supported(self, info: ProviderInfo | None) -> None:
        runner = Runner(TPU)
        found = answer(
            info, "nvidia", host={}, runner=runner, options=options("acme-provider==1.0")
        )
        assert found == NamespaceAnswer(
            how="host file", unavailable="the host file does not list `nvidia`"
        )
        assert runner.questions == []


class TestRule5:
    """Built-in providers."""

    def test_without_any_provider_the_namespace_tells(self) -> None:
        assert answer(None, "tpu") == TPU
        assert answer(None) == unanswered(
            "the metadata names no provider for it, and no built-in one knows it"
        )

    @pytest.mark.parametrize(
        ("namespace", "requires", "api"),
        [
            ("tpu", "tpu-variant-provider", None),
            ("tpu", "TPU_Variant.Provider >=0.1", "tpu_variant_provider.plugin:TpuVariantPlugin"),
            ("tpu", "tpu-variant-provider", "tpu_variant_provider.plugin : TpuVariantPlugin"),
            ("tpu", "tpu-variant-provider; python_version > '3'", None),
        ],
    )
    def test_they_stand_for_the_published_packages(
        self, namespace: str, requires: str, api: str | None
    ) -> None:
        assert answer(ProviderInfo(requires=(requires,), plugin_api=api), namespace) == TPU

    @pytest.mark.parametrize(
        ("requires", "api"),
        [
            (("tpu-variant-provider>=2",), None),
            (("tpu-variant-provider",), "tpu_variant_provider.plugin:Other"),
            (("other-tpu-provider",), None),
            (("tpu-variant-provider @ https://index.example/tpu.whl",), None),
            (("other-tpu-provider", "tpu-variant-provider"), None),
        ],
    )
    def test_anything_else_in_their_namespace_is_foreign(
        self, requires: tuple[str, ...], api: str | None
    ) -> None:
        found = answer(ProviderInfo(requires=requires, plugin_api=api), "tpu")
        assert found.features == ()
        assert (found.unavailable or "").endswith("is not trusted")

    def test_a_requirement_for_elsewhere_is_passed_over(self) -> None:
        requires = ("acme-provider; sys_platform == 'win32'", "tpu-variant-provider")
        assert answer(ProviderInfo(requires=requires), "tpu") == TPU

    @pytest.mark.parametrize("requires", [(), ("acme-provider; sys_platform == 'win32'",)])
    def test_without_a_requirement_there_is_no_one_to_ask(self, requires: tuple[str, ...]) -> None:
        found = answer(ProviderInfo(requires=requires), "tpu")
        assert found == unanswered("the metadata names no provider for it")

    def test_a_requirement_that_cannot_be_read_excludes(self) -> None:
        found = answer(ProviderInfo(requires=("!",)), "tpu")
        assert (found.unavailable or "").startswith("its provider cannot be read: ")

    @pytest.mark.parametrize(
        ("namespace", "processor", "requires", "features"),
        [
            ("x86_64", "x86_64", "x86-64-variant-provider>=0.2", ["level"]),
            ("x86_64", "x86_64", "provider-variant-x86-64", ["level", "avx2", "sse3"]),
            ("aarch64", "aarch64", "aarch64-variant-provider", ["version"]),
            ("aarch64", "aarch64", "provider-variant-aarch64==0.0.3", ["version", "asimd"]),
        ],
    )
    def test_a_package_has_its_own_features_only(
        self, namespace: str, processor: str, requires: str, features: list[str]
    ) -> None:
        text = "flags : pni avx2\nFeatures : asimd\n"
        machine = fake_machine(processor=processor, files={"/proc/cpuinfo": text})
        found = answer(ProviderInfo(requires=(requires,)), namespace, machine=machine)
        assert [feature.name for feature in found.features] == features

    def test_one_that_fails_is_one_warning_and_supports_nothing(self) -> None:
        def burn(name: str) -> Any:
            raise RuntimeError("the driver burns")

        listener = Listener()
        machine = replace(fake_machine(), load=burn)
        registry = Registry(machine=machine, markers=MARKERS, observer=listener)
        for info in (NVIDIA, replace(NVIDIA, optional=False, plugin_api=None), None):
            assert registry.answer("nvidia", info, labels=1).features == ()
        assert listener.lines == [
            "warning: detection for `nvidia` failed: RuntimeError: the driver burns"
        ]

    def test_a_malformed_override_is_the_users_mistake(self) -> None:
        with pytest.raises(UsageError):
            answer(NVIDIA, "nvidia", machine=fake_machine(environ={CUDA: "new"}))

    def test_each_is_asked_once_and_equal_questions_get_the_identical_answer(self) -> None:
        loaded: list[str] = []
        machine = replace(fake_machine(), load=loaded.append)
        registry = Registry(machine=machine, markers=MARKERS)
        first = registry.answer("nvidia", NVIDIA, labels=1)
        assert registry.answer("nvidia", replace(NVIDIA), labels=7) is first
        registry.answer("nvidia", ProviderInfo(requires=("nvidia-variant-provider",)), labels=1)
        registry.answer("nvidia", None, labels=1)
        assert loaded == ["libnvidia-ml.so.1", "libcuda.so.1"]

    def test_its_warnings_are_told_once(self) -> None:
        listener = Listener()
        environ = {"INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP": "99.9.9"}
        registry = Registry(
            machine=fake_machine(environ=environ), markers=MARKERS, observer=listener
        )
        for requires in ("intel-variant-provider", "intel-variant-provider>=0.0.2"):
            registry.answer("intel", ProviderInfo(requires=(requires,)), labels=1)
        assert listener.lines == [
            "warning: the Intel device IP `99.9.9` is not known: no build is chosen for it"
        ]


class TestRule6:
    """Plugins that are not trusted."""

    def test_nothing_is_supported_and_it_is_said_once_how_to_change_that(self) -> None:
        listener = Listener()
        runner = Runner(TPU)
        registry = Registry(
            machine=fake_machine(), markers=MARKERS, observer=listener, runner=runner
        )
        for info in (FOREIGN, replace(FOREIGN, requires=("acme-provider>=1.1",))):
            found = registry.answer("acme", info, labels=3)
            assert found == unanswered("the plugin `acme-provider` is not trusted")
        assert runner.questions == []
        assert listener.lines == [
            "notice: 3 labels are skipped for `acme`: the plugin `acme-provider` is not trusted; "
            "`--trust-provider acme-provider==VERSION` lets it run"
        ]

    @pytest.mark.parametrize(
        ("given", "reason", "way_out"),
        [
            (
                {"options": options("acme-provider==2.0")},
                "the plugin `acme-provider==2.0` is trusted, but `acme-provider<2,>=1` is needed",
                "",
            ),
            (
                {"options": options("other-provider==1.0")},
                "the plugin `acme-provider` is not trusted",
                "; `--trust-provider acme-provider==VERSION` lets it run",
            ),
            (
                {"options": options("acme-provider==1.0", run_plugins=False)},
                "`--only-binary :all:` rules out running the plugin `acme-provider`",
                "",
            ),
            (
                {"options": options("acme-provider==1.0", require_hashes=True)},
                "`--require-hashes` needs the hash of the plugin `acme-provider==1.0`",
                "; `--trust-provider acme-provider==1.0@sha256:...` names it",
            ),
            (
                {"options": options("acme-provider==1.0"), "runner": None},
                "plugins cannot be run here",
                "",
            ),
            (
                {
                    "options": options("acme-provider==1.0"),
                    "machine": described_machine(system="Linux", processor="x86_64", environ={}),
                },
                "a plugin cannot be asked about a target that is only described",
                "",
            ),
        ],
    )
    def test_trust_has_limits(self, given: Mapping[str, Any], reason: str, way_out: str) -> None:
        listener = Listener()
        runner = Runner(TPU)
        settings = {"runner": runner, **given}
        found = answer(FOREIGN, listener=listener, labels=1, **settings)
        assert found == unanswered(reason)
        assert listener.lines == [f"notice: 1 label is skipped for `acme`: {reason}{way_out}"]
        assert runner.questions == []


class TestRule7:
    """Trusted plugins."""

    def test_the_runner_answers(self) -> None:
        listener = Listener()
        said = NamespaceAnswer(features=STATIC, how="plugin", warnings=("odd",), notices=("so",))
        runner = Runner(said)
        registry = Registry(
            machine=fake_machine(),
            markers=MARKERS,
            observer=listener,
            runner=runner,
            options=options("acme-provider==1.0", "Acme.Provider==1.5", "acme-provider==2.0"),
        )
        for info in (FOREIGN, replace(FOREIGN, requires=("acme-provider<2",))):
            assert registry.answer("acme", info, labels=3) == said
        assert listener.lines == ["warning: odd", "notice: so"]
        assert runner.questions == [
            PluginQuestion(
                namespace="acme",
                plugin=parse_trust("acme-provider==1.5"),
                plugin_api="acme.plugin:Acme",
            )
        ]

    def test_without_an_api_the_name_of_the_package_is_it(self) -> None:
        runner = Runner(TPU)
        info = ProviderInfo(requires=("Acme.Provider",))
        answer(info, runner=runner, options=options("acme-provider==1.0"))
        assert runner.questions[0].plugin_api == "acme_provider"

    def test_a_hash_satisfies_required_hashes(self) -> None:
        runner = Runner(TPU)
        trusted = options(f"acme-provider==1.0@sha256:{'a' * 64}", require_hashes=True)
        assert answer(FOREIGN, runner=runner, options=trusted) == TPU


class TestNobody:
    """Nobody can answer, and neither the user nor the target is why."""

    @pytest.mark.parametrize(
        ("info", "reason"),
        [
            (None, "the metadata names no provider for it, and no built-in one knows it"),
            (ProviderInfo(), "the metadata names no provider for it"),
            (ProviderInfo(builtin="moon"), "the metadata calls for the built-in `moon`"),
            (
                ProviderInfo(install_time=False),
                "fixed when the wheels were built, and the metadata does not list it",
            ),
            (
                ProviderInfo(static=STATIC, enable_if="platform = 'x'"),
                "its `enable-if` cannot be read: `platform = 'x'` is no environment marker",
            ),
        ],
    )
    def test_it_is_said_once(self, info: ProviderInfo | None, reason: str) -> None:
        listener = Listener()
        registry = Registry(machine=fake_machine(), markers=MARKERS, observer=listener)
        for labels in (2, 5):
            found = registry.answer("acme", info, labels=labels)
            assert found == unanswered(reason)
        assert listener.lines == [f"notice: 2 labels are skipped for `acme`: {reason}"]

    def test_what_the_user_or_the_target_rules_out_is_not_mentioned(self) -> None:
        listener = Listener()
        disabled = options(disabled=frozenset({"acme"}))
        answer(None, listener=listener, options=disabled)
        answer(ProviderInfo(enable_if="os_name == 'nt'"), listener=listener)
        answer(ProviderInfo(static=STATIC, optional=True), listener=listener)
        answer(None, listener=listener, host={})
        assert listener.lines == []


class TestAbiDependency:
    """Decided by the resolution."""

    @pytest.mark.parametrize(
        ("namespace", "info"),
        [
            ("abi_dependency", None),
            ("abi_dependency", ProviderInfo(builtin="abi_dependency")),
            ("abi", ProviderInfo(builtin="abi_dependency")),
        ],
    )
    def test_it_is_let_through(self, namespace: str, info: ProviderInfo | None) -> None:
        found = answer(info, namespace, host={})
        assert found == NamespaceAnswer(how="decided with the versions of the resolution")

    def test_it_can_be_disabled(self) -> None:
        found = answer(None, "abi_dependency", options=options(disabled={"abi_dependency"}))
        assert found.unavailable == "disabled by `--disable-provider abi_dependency`"

    def test_another_built_in_of_the_metadata_is_unknown(self) -> None:
        found = answer(ProviderInfo(builtin="other"))
        assert found.unavailable == "the metadata calls for the built-in `other`"


class TestDescribedTarget:
    """A platform without a machine."""

    MACHINE = described_machine(system="Linux", processor="x86_64", environ={})

    def test_the_processor_is_assumed(self) -> None:
        found = answer(None, "x86_64", machine=self.MACHINE)
        assert found.features == (FeatureSupport("level", ("v2", "v1")),)
        assert found.how == "level v2, the platform is only described"

    def test_a_gpu_is_not(self) -> None:
        found = answer(None, "nvidia", machine=self.MACHINE)
        assert found.features == ()
        assert found.unavailable == "the target is only described, not detected"

    def test_the_overrides_speak_for_it(self) -> None:
        machine = replace(self.MACHINE, environ={CUDA: "12.8"})
        found = answer(None, "nvidia", machine=machine)
        assert found.features[0].values[0] == "12.8"
        assert found.unavailable is None


class TestDescribeAll:
    def test_every_built_in_answers_in_a_fixed_order(self) -> None:
        registry = Registry(machine=fake_machine(), markers=MARKERS)
        described = registry.describe_all()
        assert [(namespace, answer.how) for namespace, answer in described] == [
            ("nvidia", "no NVIDIA driver"),
            ("amd", "no AMD GPU driver (kfd)"),
            ("intel", "no Level Zero loader"),
            ("tpu", "no TPU among the PCI devices"),
            ("ascend", "no `npu-smi`"),
            ("x86_64", "level v1, /proc/cpuinfo"),
            ("aarch64", "no 64-bit Arm processor (/proc/cpuinfo)"),
        ]
        assert registry.answer("tpu", None, labels=1) is described[3][1]

    def test_a_host_file_can_name_the_package_each_stands_for(self) -> None:
        assert [builtin.packages(namespace)[0].resolved for namespace in builtin.NAMESPACES] == [
            "nvidia-variant-provider==0.0.2",
            "amd-variant-provider==0.0.2",
            "intel-variant-provider==0.0.3",
            "tpu-variant-provider==0.1.0",
            "huawei-ascend-variant-provider==0.0.2",
            "provider-variant-x86-64==0.0.3",
            "provider-variant-aarch64==0.0.3",
        ]


class TestDetails:
    def test_every_decision_is_told_once(self) -> None:
        class Verbose(Listener):
            def detail(self, message: str) -> None:
                self.lines.append(message)

        listener = Verbose()
        registry = Registry(machine=fake_machine(), markers=MARKERS, observer=listener)
        for _ in range(2):
            registry.answer("tpu", None, labels=1)
            registry.answer("acme", ProviderInfo(static=STATIC), labels=1)
            registry.answer("other", None, labels=1)
        assert listener.lines == [
            "`tpu`: no TPU among the PCI devices",
            "`acme`: static properties",
            "notice: 1 label is skipped for `other`: the metadata names no provider for it, and no"
            " built-in one knows it",
            "`other`: the metadata names no provider for it, and no built-in one knows it",
        ]


class TestPublishedMetadata:
    """Every provider that real metadata names."""

    def test_none_is_foreign_and_the_fixed_ones_are_static(self, shared_data: Path) -> None:
        registry = Registry(machine=fake_machine(), markers=MARKERS)
        seen: dict[str, set[str]] = {}
        for path in sorted((shared_data / "real-index").rglob("*-variants.json")):
            table = parse_variant_table(path.read_bytes())
            for namespace in table.namespaces:
                info = table.providers.get(namespace)
                found = registry.answer(namespace, info, labels=1)
                reason = (found.unavailable or "").partition(" (")[0]
                seen.setdefault(namespace, set()).add(reason)
        assert seen == {
            "aarch64": {"not for this target"},
            "amd": {""},
            "ascend": {""},
            "blas_lapack": {""},
            "intel": {""},
            "nvidia": {""},
            "openmp": {""},
            "priority": {""},
            "x86_64": {""},
        }
