"""What reaches out of this machine: the HTTP client, and the sources that it asks."""

from __future__ import annotations

from vinstall.cache.files import Cache
from vinstall.net.client import HttpClient
from vinstall.net.credentials import Credentials
from vinstall.net.network_settings import NetworkSettings, TrustSettings
from vinstall.observer import Observer
from vinstall.sources.chain import Chain
from vinstall.sources.chain_builder import SourceChoice, build_chain
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings, SourceSettings


def open_client(settings: SourceSettings, invocation: Invocation, observer: Observer) -> HttpClient:
    """The HTTP client; nobody is asked yet."""
    environ = invocation.environ
    keyring = settings.keyring_provider in ("subprocess", "auto", "import")
    return HttpClient(
        NetworkSettings(
            timeout=settings.timeout,
            retries=settings.retries,
            offline=settings.offline,
            trusted_hosts=settings.trusted_hosts,
            trust=TrustSettings(cert=settings.cert, client_cert=settings.client_cert),
            proxy=settings.proxy,
        ),
        credentials=Credentials(environ=environ, keyring=keyring, observer=observer),
        environ=environ,
        observer=observer,
    )


def open_chain(
    settings: Settings,
    invocation: Invocation,
    observer: Observer,
    *,
    cache: Cache,
    client: HttpClient,
) -> Chain:
    """The sources in their order.  Raises UsageError for what is no address."""
    sources = settings.sources
    return build_chain(
        SourceChoice(
            index_url=sources.index_url,
            extra_index_urls=sources.extra_index_urls,
            no_index=sources.no_index,
            find_links=sources.find_links,
            index_for=sources.index_for,
            strategy=sources.index_strategy,
            refresh=settings.refresh,
        ),
        base=invocation.folder,
        client=client,
        cache=cache,
        observer=observer,
    )
