"""Answer, Transport, Fault: what speaking HTTP comes to, whichever library does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Protocol


class Stage(Enum):
    """Where it went wrong."""

    ASKING = "asking"
    """The request could not be written: a URL that is none."""
    CONNECTING = "connecting"
    TALKING = "talking"
    PROXY = "proxy"
    """The proxy refused."""


class Fault(Exception):
    """No answer, or not all of it; `__cause__` is what the library said."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason


class Answer(Protocol):
    """An answer whose body is still to be read."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The bytes of the body as they were sent.  Raises Fault where it breaks off.

        What is no `bytes` is there until the next part is asked for.
        """
        ...

    def close(self) -> None:
        """Done with it; the connection is used again if the body was read to its end."""
        ...


class Transport(Protocol):
    """A way to servers.  Thread-safe."""

    def send(self, url: str, headers: Mapping[str, str]) -> Answer:
        """The answer to one GET.  Raises Fault."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


def root_cause(error: BaseException) -> BaseException:
    """The innermost cause of an error."""
    seen = {id(error)}
    while True:
        inner = error.__cause__ or error.__context__
        if inner is None or id(inner) in seen:
            return error
        seen.add(id(inner))
        error = inner
