"""Registry: who answers for a namespace.  Spec: PEP 850 "Providers"; the first rule that applies.

1. disabled by the user, or optional and not enabled: nothing; 2. `enable-if` false: nothing;
3. static properties: those; 4. a host file: what it lists; 5. a built-in provider;
6. a plugin the user does not trust: nothing, said once; 7. a trusted plugin.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping

from vinstall.errors import FormatError, UsageError
from vinstall.formats.marker import Marker, MarkerContext, parse_marker
from vinstall.formats.requirement import Requirement, parse_requirement
from vinstall.formats.support import NamespaceAnswer, NamespaceSupport
from vinstall.formats.variant_json import ProviderInfo
from vinstall.observer import Observer
from vinstall.providers import builtin
from vinstall.providers.machine import Machine
from vinstall.providers.plugin_answer import plain
from vinstall.providers.provider import PluginQuestion, PluginRunner, ProviderOptions
from vinstall.providers.trust import TrustedPlugin
from vinstall.values import replace

ABI_DEPENDENCY = "abi_dependency"
"""The namespace that is decided by the resolution and not by a machine."""


class Registry:
    """Answers for every namespace of one run; each provider is asked at most once."""

    def __init__(
        self,
        *,
        machine: Machine,
        markers: Mapping[str, str],
        options: ProviderOptions | None = None,
        observer: Observer | None = None,
        host: Mapping[str, NamespaceSupport] | None = None,
        runner: PluginRunner | None = None,
    ) -> None:
        """Nothing is looked at yet.

        `markers` is the target's marker environment.  `host` is what a host file lists; it stands
        for detection as a whole, None without one.  `runner` is None where plugins cannot be run.
        """
        self._machine = machine
        self._markers = markers
        self._options = options or ProviderOptions()
        self._observer = observer or Observer()
        self._host = host
        self._runner = runner
        self._answers: dict[tuple[str, ProviderInfo | None], NamespaceAnswer] = {}
        self._asked: dict[str | PluginQuestion, NamespaceAnswer] = {}
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.RLock()

    def answer(self, namespace: str, info: ProviderInfo | None, *, labels: int) -> NamespaceAnswer:
        """What the target supports in `namespace`, by the metadata's `info` about its provider.

        `info` is None where the metadata says nothing about providers (schema 0.1).  `labels` is
        how many labels of the release use the namespace, for the user.  Equal questions get the
        identical answer.  Raises UsageError for an override variable that does not parse.
        """
        with self._lock:
            key = (namespace, info)
            if key not in self._answers:
                answer = self._decide(namespace, info, labels)
                self._observer.detail(f"`{namespace}`: {answer.unavailable or answer.how}")
                self._answers[key] = answer
            return self._answers[key]

    def describe_all(self) -> tuple[tuple[str, NamespaceAnswer], ...]:
        """The answer of every built-in provider, in a fixed order, whatever any metadata says.

        Raises UsageError for an override variable that does not parse.
        """
        with self._lock:
            return tuple((namespace, self._built_in(namespace)) for namespace in builtin.NAMESPACES)

    def _decide(self, namespace: str, info: ProviderInfo | None, labels: int) -> NamespaceAnswer:
        known = info if info is not None else ProviderInfo()
        try:
            excluded = self._excluded(namespace, known)
        except FormatError as error:
            reason = f"its `enable-if` cannot be read: {error.message}"
            return self._skipped(namespace, reason, labels)
        if excluded is not None:
            return _nothing(excluded)
        if namespace == ABI_DEPENDENCY or known.builtin == ABI_DEPENDENCY:
            return NamespaceAnswer(how="decided with the versions of the resolution")
        if known.builtin is not None:
            reason = f"the metadata calls for the built-in `{plain(known.builtin)}`"
            return self._skipped(namespace, reason, labels)
        if known.static is not None:
            return NamespaceAnswer(features=known.static, how="static properties")
        if not known.install_time:
            reason = "fixed when the wheels were built, and the metadata does not list it"
            return self._skipped(namespace, reason, labels)
        if self._host is not None:
            return _from_host(namespace, self._host)
        if info is None:
            # PEP 825 leaves open who answers and names no provider: the namespace alone tells.
            return self._by_namespace(namespace, labels)
        return self._by_requirement(namespace, info, labels)

    def _excluded(self, namespace: str, info: ProviderInfo) -> str | None:
        """Why the provider must not even be touched (rules 1 and 2), or None.  Raises FormatError."""
        if namespace in self._options.disabled:
            return f"disabled by `--disable-provider {namespace}`"
        if info.optional and namespace not in self._options.enabled:
            return f"optional; `--enable-provider {namespace}` enables it"
        if info.enable_if is None or self._holds(parse_marker(info.enable_if)):
            return None
        return f"not for this target (`enable-if`: `{plain(info.enable_if)}`)"

    def _holds(self, marker: Marker) -> bool:
        return marker.evaluate(MarkerContext(environment=self._markers))

    def _by_namespace(self, namespace: str, labels: int) -> NamespaceAnswer:
        if namespace in builtin.NAMESPACES:
            return self._built_in(namespace)
        reason = "the metadata names no provider for it, and no built-in one knows it"
        return self._skipped(namespace, reason, labels)

    def _by_requirement(self, namespace: str, info: ProviderInfo, labels: int) -> NamespaceAnswer:
        try:
            requirement = self._plugin(info)
        except FormatError as error:
            reason = f"its provider cannot be read: {error.message}"
            return self._skipped(namespace, reason, labels)
        if requirement is None:
            return self._skipped(namespace, "the metadata names no provider for it", labels)
        api = None if info.plugin_api is None else re.sub(r"\s*:\s*", ":", info.plugin_api.strip())
        package = builtin.package_for(namespace, requirement, api)
        if package is None:
            return self._foreign(namespace, requirement, api, labels)
        answer = self._built_in(namespace)
        if package.features is None:
            return answer
        features = tuple(each for each in answer.features if each.name in package.features)
        return replace(answer, features=features)

    def _plugin(self, info: ProviderInfo) -> Requirement | None:
        """PEP 817 "Provider information": the first requirement whose marker holds is the plugin."""
        requirements = map(parse_requirement, info.requires)
        return next(
            (each for each in requirements if each.marker is None or self._holds(each.marker)), None
        )

    def _built_in(self, namespace: str) -> NamespaceAnswer:
        if namespace not in self._asked:
            try:
                answer = builtin.ask(namespace, self._machine)
            except UsageError:
                raise
            # Drivers and the libraries in front of them fail in ways no one can list.
            except Exception as error:  # noqa: BLE001
                fault = f"{type(error).__name__}: {error}"
                answer = NamespaceAnswer(
                    how="failed",
                    warnings=(f"detection for `{namespace}` failed: {fault}",),
                    unanswered=True,
                )
            if self._machine.described and not answer.features:
                reason = "the target is only described, not detected"
                answer = replace(answer, unavailable=reason, unanswered=True)
            self._asked[namespace] = self._tell(answer)
        return self._asked[namespace]

    def _foreign(
        self, namespace: str, requirement: Requirement, api: str | None, labels: int
    ) -> NamespaceAnswer:
        trusted = [each for each in self._options.trusted if each.name == requirement.name]
        admitted = [
            each
            for each in trusted
            if requirement.specifier.contains(each.version, prereleases=True)
        ]
        plugin = max(admitted, key=lambda each: each.version, default=None)
        refusal = self._refusal(requirement, trusted, plugin)
        if refusal is not None or plugin is None or self._runner is None:
            reason, way_out = refusal or ("plugins cannot be run here", "")
            self._notice_once(namespace, requirement.name, f"{reason}{way_out}", labels)
            return NamespaceAnswer(unavailable=reason, unanswered=True)
        question = PluginQuestion(
            namespace=namespace,
            plugin=plugin,
            plugin_api=api or requirement.name.replace("-", "_"),
        )
        if question not in self._asked:
            self._asked[question] = self._tell(self._runner.ask(question))
        return self._asked[question]

    def _refusal(
        self,
        requirement: Requirement,
        trusted: list[TrustedPlugin],
        plugin: TrustedPlugin | None,
    ) -> tuple[str, str] | None:
        """Why the plugin must not run, and the way out with its separator; None where it may."""
        if self._machine.described:
            return "a plugin cannot be asked about a target that is only described", ""
        if not self._options.run_plugins:
            return f"`--only-binary :all:` rules out running the plugin `{requirement.name}`", ""
        if not trusted:
            way_out = f"; `--trust-provider {requirement.name}==VERSION` lets it run"
            return f"the plugin `{requirement.name}` is not trusted", way_out
        if plugin is None:
            wanted = f"{requirement.name}{requirement.specifier}"
            return f"the plugin `{trusted[0]}` is trusted, but `{wanted}` is needed", ""
        if self._options.require_hashes and plugin.sha256 is None:
            way_out = f"; `--trust-provider {plugin}@sha256:...` names it"
            return f"`--require-hashes` needs the hash of the plugin `{plugin}`", way_out
        return None

    def _skipped(self, namespace: str, reason: str, labels: int) -> NamespaceAnswer:
        """Nobody can answer, and neither the user nor the target is why: nothing, said once."""
        self._notice_once(namespace, reason, reason, labels)
        return NamespaceAnswer(unavailable=reason, unanswered=True)

    def _notice_once(self, namespace: str, subject: str, text: str, labels: int) -> None:
        key = (namespace, subject)
        if key not in self._told:
            self._told.add(key)
            count = "1 label is" if labels == 1 else f"{labels} labels are"
            self._observer.notice(f"{count} skipped for `{namespace}`: {text}")

    def _tell(self, answer: NamespaceAnswer) -> NamespaceAnswer:
        for warning in answer.warnings:
            self._observer.warning(warning)
        for notice in answer.notices:
            self._observer.notice(notice)
        return answer


def _from_host(namespace: str, host: Mapping[str, NamespaceSupport]) -> NamespaceAnswer:
    features = host.get(namespace)
    if features is None:
        return replace(_nothing(f"the host file does not list `{namespace}`"), how="host file")
    return NamespaceAnswer(features=features, how="host file")


def _nothing(reason: str) -> NamespaceAnswer:
    return NamespaceAnswer(unavailable=reason)
