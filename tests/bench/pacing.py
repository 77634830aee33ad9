"""A proxy that lets bytes through no faster than it is told, and a clock that says "later".

`python -m tests.bench.pacing proxy LISTEN UPSTREAM PER_CONNECTION TOTAL RANGES` (bytes a second,
0: no limit) forwards TCP; RANGES is the rate of connections that ask for a part of a file, which
also wait 0.3 s before their first byte.  `... later LISTEN SECONDS` answers every request with
204 after that time: nginx asks it before it serves a page, which makes the time to first byte.
"""

from __future__ import annotations

import asyncio
import sys
import time

_BLOCK = 64 * 1024
_RANGE_DELAY = 0.3


class Rate:
    """So many bytes a second, shared by whoever waits here."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._free = 0.0

    async def take(self, count: int) -> None:
        """Wait until `count` more bytes may pass."""
        if not self.rate:
            return
        now = time.monotonic()
        self._free = max(self._free, now - 0.005) + count / self.rate
        if self._free > now:
            await asyncio.sleep(self._free - now)


class Proxy:
    """Forwards connections to one port of this machine."""

    def __init__(self, upstream: int, each: float, total: float, ranges: float) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._upstream = upstream
        self._each = each
        self._total = Rate(total)
        self._ranges = ranges

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin to serve a connection; the loop itself holds its task only weakly."""
        task = asyncio.create_task(_quiet(self, reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side closes it."""
        try:
            server = await asyncio.open_connection("127.0.0.1", self._upstream, limit=4 * _BLOCK)
        except OSError:
            writer.close()
            return
        rate = Rate(self._each)
        asking = asyncio.create_task(self._up(reader, server[1], rate))
        try:
            await self._down(server[0], writer, rate)
        finally:
            asking.cancel()
            for one in (writer, server[1]):
                one.close()

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: Rate
    ) -> None:
        while block := await reader.read(_BLOCK):
            if self._ranges:
                is_part = b"\r\nrange:" in block.lower()
                rate.rate = self._ranges if is_part else self._each
                if is_part:
                    await asyncio.sleep(_RANGE_DELAY)
            writer.write(block)
            await writer.drain()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: Rate
    ) -> None:
        while block := await reader.read(_BLOCK):
            await rate.take(len(block))
            await self._total.take(len(block))
            writer.write(block)
            await writer.drain()


async def _quiet(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await proxy.connected(reader, writer)
    except OSError:
        return  # a client that leaves early is no news here


async def _later(
    seconds: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(seconds)
            writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


async def _main(words: list[str]) -> None:
    kind, port, *numbers = words
    if kind == "later":
        seconds = float(numbers[0])
        server = await asyncio.start_server(
            lambda reader, writer: _later(seconds, reader, writer), "127.0.0.1", int(port)
        )
    else:
        proxy = Proxy(int(numbers[0]), *map(float, numbers[1:4]))
        server = await asyncio.start_server(proxy.accept, "127.0.0.1", int(port), limit=4 * _BLOCK)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
