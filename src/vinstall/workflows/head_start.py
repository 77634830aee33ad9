"""Head start: what a run that has nothing at hand needs, begun while an interpreter starts.

An interpreter that was never asked takes 40 ms to answer, most of it on another core.  What is
read and loaded in that time does not depend on what it says.
"""

from __future__ import annotations

from contextlib import suppress

from vinstall.errors import VinstallError
from vinstall.workflows.assemble import Rooms


def begin_early(rooms: Rooms) -> None:
    """Load what asks an index, resolves and installs.

    What fails now is told when it is asked for in earnest.
    """
    import vinstall.catalog.source_catalog
    import vinstall.resolution.resolve
    import vinstall.sources.file_reader
    import vinstall.workflows.remembered

    if not rooms.settings.dry_run:
        import concurrent.futures.thread  # noqa: F401

        import vinstall.installation.apply
        import vinstall.installation.unpacker
        import vinstall.sources.download  # noqa: F401
    with suppress(VinstallError):
        url = _index(rooms)
        if url is not None:
            rooms.client.get_ready(url)


def _index(rooms: Rooms) -> str | None:
    """The URL of the index, if it is on the web and may be asked.  Raises VinstallError."""
    from vinstall.sources.default_index import default_index
    from vinstall.sources.location import parse_location

    sources = rooms.settings.sources
    if sources.no_index or sources.offline:
        return None
    place = sources.index_url or default_index()
    location = parse_location(place, base=rooms.invocation.folder)
    return None if location.is_local else location.url
