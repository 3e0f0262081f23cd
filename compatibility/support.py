"""What the probes share."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import trustme


def expect(
    error: type[BaseException], call: Callable[..., Any], *args: Any, **kwargs: Any
) -> BaseException:
    """Call, which must raise `error`."""
    try:
        value = call(*args, **kwargs)
    except error as raised:
        return raised
    if asyncio.iscoroutine(value):
        value.close()
    raise AssertionError(f"no {error.__name__} raised")


async def expect_async(error: type[BaseException], awaitable: Awaitable[Any]) -> BaseException:
    try:
        await awaitable
    except error as raised:
        return raised
    raise AssertionError(f"no {error.__name__} raised")


async def until(condition: Callable[[], Any], what: str = "") -> None:
    """Wait for what the kernel or another thread brings about; a probe's limit of time ends it."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError(what or "it never happened")


def turns(loop: Any, count: int = 1) -> None:
    for _ in range(count):
        loop.call_soon(loop.stop)
        loop.run_forever()


@contextlib.contextmanager
def logged(name: str = "asyncio") -> Iterator[list[str]]:
    """The messages that a logger gets."""
    messages: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    handler = Handler()
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        yield messages
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def open_fds() -> set[str]:
    names = set()
    for fd in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            os.fstat(int(fd))
            names.add(fd)
    return names


class Recorder(asyncio.Protocol):
    """A protocol that remembers what it was told."""

    def __init__(self, *, keep_open: bool = False) -> None:
        self.events: list[str] = []
        self.data = b""
        self.transport: Any = None
        self.keep_open = keep_open
        self.lost: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.data += data

    def eof_received(self) -> bool:
        self.events.append("eof")
        return self.keep_open

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def connection_lost(self, error: BaseException | None) -> None:
        self.events.append("lost")
        if not self.lost.done():
            self.lost.set_result(error)


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: list[tuple[bytes, Any]] = []
        self.errors: list[BaseException] = []
        self.lost: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.received.append((data, address))

    def error_received(self, error: Exception) -> None:
        self.errors.append(error)

    def connection_lost(self, error: BaseException | None) -> None:
        if not self.lost.done():
            self.lost.set_result(error)


async def connected(
    loop: Any, protocol: Any = Recorder, **options: Any
) -> tuple[Any, Any, socket.socket]:
    """A transport and its protocol on one end of a TCP connection, and the other end as a blocking socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport, made = await loop.create_connection(protocol, *listener.getsockname(), **options)
        peer, _ = listener.accept()
    peer.settimeout(5)
    return transport, made, peer


async def serving(
    loop: Any, protocol: Any = Recorder, **options: Any
) -> tuple[Any, tuple[str, int]]:
    """A server on a free port, and its address."""
    server = await loop.create_server(protocol, "127.0.0.1", 0, **options)
    return server, server.sockets[0].getsockname()[:2]


# Certificates


@functools.cache
def _authority() -> tuple[Any, Any]:
    authority = trustme.CA()
    return authority, authority.issue_cert("localhost", "127.0.0.1")


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority()[1].configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    _authority()[0].configure_trust(context)
    return context


def prepare() -> None:
    """What every fork would do again."""
    _authority()
