"""A relay in front of a server that can fall silent: it takes all and passes on nothing."""

import asyncio
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Self

from sqlalchemy import make_url
from support.processes import free_port


class SilentRelay:
    """Passes on to a server's Unix socket what comes to a port of 127.0.0.1, until it is silent."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._stopped, self._passing = asyncio.Event(), asyncio.Event()
        self._passing.set()
        self._listening = asyncio.Event()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def url(self, database_url: str) -> str:
        """Return the URL of a database of PostgreSQL by way of the relay."""
        name = make_url(database_url).database
        return f"postgresql://tests@127.0.0.1:{self.port}/{name}"

    def fall_silent(self) -> None:
        """Pass on nothing from now on; connections stay open, and new ones are taken."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def resume(self) -> None:
        """Pass on everything again."""
        self._loop.call_soon_threadsafe(self._passing.set)

    async def _serve(self) -> None:
        async with await asyncio.start_server(self._connected, "127.0.0.1", self.port):
            self._listening.set()
            await self._stopped.wait()
            connections = asyncio.all_tasks() - {asyncio.current_task()}
            for each in connections:
                each.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            await asyncio.gather(self._copy(reader, inner_writer), self._copy(inner_reader, writer))
        finally:
            for each in (writer, inner_writer):
                each.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._passing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listening.wait(), self._loop).result(30)
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()
        self._loop.close()
