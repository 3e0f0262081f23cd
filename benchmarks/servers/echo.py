"""An echo server through asyncio's API: the measured process of the echo and connection cases.

    python benchmarks/servers/echo.py protocol|streams|sock ADDRESS module:factory

ADDRESS is `HOST:PORT` (port 0: any), `tls:HOST:PORT` or `unix:PATH`. It prints where it listens and serves until killed.
"""

from __future__ import annotations

import asyncio
import importlib
import resource
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

CHUNK = 256 * 1024


class Echo(asyncio.Protocol):
    transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def echo_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # the load generator hangs up when it has measured
    finally:
        writer.close()


async def echo_socket(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(connection, CHUNK):
            await loop.sock_sendall(connection, data)
    except ConnectionError:
        pass
    finally:
        connection.close()


async def accept_sockets(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    tasks = set()
    while True:
        connection, _ = await loop.sock_accept(listener)
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = loop.create_task(echo_socket(connection))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def serve(kind: str, listener: socket.socket, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    unix = listener.family == socket.AF_UNIX
    if kind == "sock":
        await accept_sockets(listener)
    elif kind == "streams":
        start = asyncio.start_unix_server if unix else asyncio.start_server
        server = await start(echo_stream, sock=listener, ssl=context)
    else:
        create = loop.create_unix_server if unix else loop.create_server
        server = await create(Echo, sock=listener, ssl=context)
    await loop.create_future()  # not `serve_forever`: rloop 0.5 stops listening in it
    server.close()


def listen(address: str) -> tuple[socket.socket, str]:
    """A listening socket, and the address it got."""
    if address.startswith("unix:"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address.removeprefix("unix:"))
    else:
        scheme = "tls:" if address.startswith("tls:") else ""
        host, _, port = address.removeprefix(scheme).rpartition(":")
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        address = scheme + "{}:{}".format(*listener.getsockname())
    listener.listen(1024)
    listener.setblocking(False)
    return listener, address


def tls_context(address: str) -> ssl.SSLContext | None:
    if not address.startswith("tls:"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("localhost.pem"))
    return context


def load_factory(spec: str) -> Callable[[], asyncio.AbstractEventLoop]:
    module, _, attribute = spec.partition(":")
    return getattr(importlib.import_module(module), attribute)


def run(main: Coroutine[Any, Any, None], factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """`asyncio.run` on the loop that `factory` makes, on every Python."""
    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main)
    else:
        loop = factory()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main)


def allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    kind, address, spec = sys.argv[1:]
    factory = load_factory(spec)
    allow_many_files()
    listener, address = listen(address)
    print(f"listening on {address}", flush=True)
    run(serve(kind, listener, tls_context(address)), factory)


if __name__ == "__main__":
    main()
