"""TLS in front of a server of this machine, as a proxy ends it."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from support.tls_server import make_certificate


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def relay_tls(listen: int, port: int, folder: Path) -> Iterator[Path]:
    """Let ``https://localhost:LISTEN`` reach what listens on a port of 127.0.0.1.

    It yields the file of the certificate, which clients have to trust.
    """
    certificate = make_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    async def serve() -> None:
        async with await asyncio.start_server(connected, "127.0.0.1", listen, ssl=context):
            await stopped.wait()

    stopped = asyncio.Event()
    thread = Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield certificate
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()
