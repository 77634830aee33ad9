"""What the user said about providers, and who runs the plugins among them.  Spec: PEP 850."""

from __future__ import annotations

from typing import Protocol

from vinstall.formats.support import NamespaceAnswer
from vinstall.providers.trust import TrustedPlugin
from vinstall.values import frozen


@frozen
class ProviderOptions:
    """What the user said about providers."""

    enabled: frozenset[str] = frozenset()
    """`--enable-provider`: namespaces whose `optional` provider may be asked."""
    disabled: frozenset[str] = frozenset()
    """`--disable-provider`: namespaces that support nothing."""
    trusted: tuple[TrustedPlugin, ...] = ()
    """`--trust-provider`: plugins that may run."""
    run_plugins: bool = True
    """False: `--only-binary :all:`, which promises that no third-party code runs."""
    require_hashes: bool = False
    """`--require-hashes`: a plugin only runs if the user named its hash."""


@frozen
class PluginQuestion:
    """What a trusted plugin is asked."""

    namespace: str
    plugin: TrustedPlugin
    plugin_api: str
    """`module` or `module:object`."""


class PluginRunner(Protocol):
    """Runs trusted plugins."""

    def ask(self, question: PluginQuestion) -> NamespaceAnswer:
        """What the plugin says this machine supports.  Never raises: the answer has the warnings."""
        ...
