"""Files that several distributions bring with the same content, as the parts of a namespace do.

`nvidia/__init__.py` is in a dozen wheels.  One copy serves all of them: it is put in place once,
each RECORD lists it, and it goes with the last distribution that does.
"""

# System calls on paths that are compared as text.
# ruff: noqa: PTH123

from __future__ import annotations

from vinstall.installation.placement import joined
from vinstall.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from vinstall.installation.assembly import Arrival, Link

    Place = tuple[int, str]
    """Area, and path relative to its base."""


def brought_once(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """`arrivals`, where what several bring with the same content is brought by the first alone.

    Files with the same place and different contents are left as they are.  Reads only files
    whose places are the same.
    """
    found = list(arrivals)
    doubles = _doubles(found)
    if not doubles:
        return found
    first: dict[Place, str] = {}

    def repeats(link: Link, name: str) -> bool:
        place = (link.area, joined(link.folder, name))
        if place not in doubles:
            return False
        source = _source(link, name)
        if first.setdefault(place, source) == source:
            return False
        # Bytecode tells the time of its source, which differs: that of the first one's goes along.
        return is_bytecode(place[1]) or same_content(first[place], source)

    return [_without(arrival, repeats) for arrival in found]


def without(arrivals: Iterable[Arrival], unwanted: Collection[tuple[str, Place]]) -> list[Arrival]:
    """`arrivals` without the files at these places that these owners bring."""
    return [
        _without(
            arrival,
            lambda link, name, owner=arrival.owner: (  # type: ignore[misc]
                (owner, (link.area, joined(link.folder, name))) in unwanted
            ),
        )
        for arrival in arrivals
    ]


def sources(arrivals: Iterable[Arrival], owners: Collection[str]) -> dict[Place, str]:
    """Where the files that `owners` bring lie in the store, by their places."""
    return {
        (link.area, joined(link.folder, name)): _source(link, name)
        for arrival in arrivals
        if arrival.owner in owners
        for link in arrival.links
        for name in link.group.names
    }


def is_bytecode(path: str) -> bool:
    """Whether `path` is a compiled module in a `__pycache__` (PEP 3147)."""
    return path.endswith(".pyc") and "/__pycache__/" in f"/{path}"


def compiled_from(path: str) -> str:
    """The module that a compiled one in a `__pycache__` is made from."""
    folder, _, name = path.rpartition("/")
    module = name.partition(".")[0]
    return joined(folder.removesuffix("__pycache__").rstrip("/"), f"{module}.py")


def same_content(first: str, second: str) -> bool:
    """Whether two files hold the same bytes; false where one cannot be read."""
    try:
        with open(first, "rb") as one, open(second, "rb") as other:
            while block := one.read(1 << 20):
                if other.read(len(block)) != block:
                    return False
            return not other.read(1)
    except OSError:
        return False


def _doubles(arrivals: Iterable[Arrival]) -> set[Place]:
    """Places that more than one of `arrivals` brings a file for."""
    links: dict[Place, list[Link]] = {}
    for arrival in arrivals:
        for link in arrival.links:
            links.setdefault((link.area, link.folder), []).append(link)
    doubles = set()
    for (area, folder), several in links.items():
        # A large folder comes in several groups, which are no doubles.
        if len(several) > 1 and len({(link.root, link.group.source) for link in several}) > 1:
            seen: set[str] = set()
            for link in several:
                names = set(link.group.names)
                doubles |= {(area, joined(folder, name)) for name in seen & names}
                seen |= names
    return doubles


def _source(link: Link, name: str) -> str:
    return f"{link.root}/{joined(link.group.source, name)}"


def _without(arrival: Arrival, unwanted: Callable[[Link, str], bool]) -> Arrival:
    links = []
    for link in arrival.links:
        stay = [at for at, name in enumerate(link.group.names) if not unwanted(link, name)]
        if len(stay) == link.group.number:
            links.append(link)
        elif stay:
            links.append(link._replace(group=link.group.only(stay)))
    return replace(arrival, links=tuple(links))
