"""The load: servers, and clients that each choose what to do next from their own random numbers.

Each kind of work is a coroutine function `(world, random)` in WORK, with its share. It checks every byte that it gets,
and leaves nothing behind when it returns, fails or is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import socket
import ssl
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

Random = random.Random


@dataclass
class World:
    """What the clients share: the servers' addresses, and counts of what was done."""

    loop: Any
    folder: str
    server_context: ssl.SSLContext
    client_context: ssl.SSLContext
    tcp: Any = None
    protocol: Any = None
    tls: Any = None
    unix: str = ""
    udp: Any = None
    servers: list[Any] = field(default_factory=list)
    datagrams: Any = None
    done: Counter[str] = field(default_factory=Counter)
    bytes: int = 0


# The servers


async def echo_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(20_000):
            writer.write(data)
            await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


class Echo(asyncio.Protocol):
    """Echoes, and does not read on while the client takes nothing. A line `tls` is where TLS begins."""

    context: ssl.SSLContext

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data == b"tls\n":
            self.transport.pause_reading()
            self.transport.write(b"go\n")
            self.upgrade = asyncio.ensure_future(self.start_tls())
        else:
            self.transport.write(data)

    async def start_tls(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            upgraded = await loop.start_tls(self.transport, self, self.context, server_side=True)
            if upgraded is not None:
                self.transport = upgraded
                upgraded.write(b"ready\n")
        # A task in an object that the transport keeps would be a cycle of the test's own making.
        del self.upgrade

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class DatagramEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.transport.sendto(data[::-1], address)


def local(server: Any) -> Any:
    return server.sockets[0].getsockname()[:2]


@contextlib.asynccontextmanager
async def world() -> Any:
    """The servers, listening; they are closed at the end."""
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        made = World(loop, folder, server_context, client_context)
        Echo.context = server_context
        here = ("127.0.0.1", 0)
        tcp = await asyncio.start_server(echo_stream, *here)
        protocol = await loop.create_server(Echo, *here)
        tls = await asyncio.start_server(echo_stream, *here, ssl=server_context)
        made.unix = str(Path(folder) / "socket")
        unix = await asyncio.start_unix_server(echo_stream, made.unix)
        made.tcp, made.protocol, made.tls = local(tcp), local(protocol), local(tls)
        made.servers = [tcp, protocol, tls, unix]
        made.datagrams, _ = await loop.create_datagram_endpoint(DatagramEcho, local_addr=here)
        made.udp = made.datagrams.get_extra_info("sockname")
        try:
            yield made
        finally:
            made.datagrams.close()
            for server in made.servers:
                server.close()
            for server in made.servers:
                await server.wait_closed()


# The clients


def payload(rng: Random, most: int = 200_000) -> bytes:
    """Bytes of a random size, most of them small."""
    return rng.randbytes(int(most ** rng.random()))


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, world: World, rng: Random
) -> None:
    for _ in range(rng.randint(1, 5)):
        data = payload(rng)
        middle = rng.randint(0, len(data))
        # asyncio of 3.12 and 3.13 spins when the first part is empty.
        writer.writelines([part for part in (data[:middle], data[middle:]) if part])
        await writer.drain()
        same(await reader.readexactly(len(data)), data)
        world.bytes += len(data)
    if rng.random() < 0.5 and writer.can_write_eof():
        writer.write_eof()
        same(await reader.read(), b"")


def same(got: bytes, sent: bytes) -> None:
    if got != sent:
        short = min(len(got), len(sent))
        at = next((i for i in range(short) if got[i] != sent[i]), short)
        digests = hashlib.sha256(got).hexdigest()[:12], hashlib.sha256(sent).hexdigest()[:12]
        raise AssertionError(f"wrong bytes at {at}: {len(got)} of {len(sent)} bytes, {digests}")


async def hang_up(writer: asyncio.StreamWriter, rng: Random) -> None:
    if rng.random() < 0.2:
        writer.transport.abort()
    else:
        writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def streams(world: World, rng: Random, connect: Awaitable[Any]) -> None:
    reader, writer = await connect
    try:
        await exchange(reader, writer, world, rng)
    finally:
        await hang_up(writer, rng)


async def tcp_stream(world: World, rng: Random) -> None:
    await streams(world, rng, asyncio.open_connection(*world.tcp))


async def tls_stream(world: World, rng: Random) -> None:
    options = {"ssl": world.client_context, "server_hostname": "localhost"}
    await streams(world, rng, asyncio.open_connection(*world.tls, **options))


async def unix_stream(world: World, rng: Random) -> None:
    await streams(world, rng, asyncio.open_unix_connection(world.unix))


class Client(asyncio.Protocol):
    """Sends its data, reads it back with pauses, and knows when it has all of it."""

    def __init__(self, loop: Any, rng: Random, data: bytes) -> None:
        self.rng, self.sent, self.got = rng, data, bytearray()
        self.complete, self.lost = loop.create_future(), loop.create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.rng.random() < 0.3:
            transport.set_write_buffer_limits(high=self.rng.choice([0, 1000, 100_000]))

    def data_received(self, data: bytes) -> None:
        self.got += data
        if len(self.got) >= len(self.sent) and not self.complete.done():
            self.complete.set_result(None)
        elif self.rng.random() < 0.1:
            self.transport.pause_reading()
            loop = asyncio.get_running_loop()
            loop.call_later(self.rng.random() / 1000, self.transport.resume_reading)

    def connection_lost(self, error: BaseException | None) -> None:
        if not self.complete.done():
            self.complete.set_exception(error or ConnectionError("closed by the server"))
            self.complete.exception()  # nobody waits for it when the client itself has hung up
        if not self.lost.done():  # it is cancelled with who waits for it
            self.lost.set_result(error)


async def protocol(world: World, rng: Random) -> None:
    data = payload(rng)
    make = lambda: Client(world.loop, rng, data)  # noqa: E731
    transport, client = await world.loop.create_connection(make, *world.protocol)
    try:
        at = 0
        while at < len(data):
            size = rng.randint(1, 30_000)
            transport.write(data[at : at + size])
            at += size
            if rng.random() < 0.3:
                await asyncio.sleep(0)
        if data:
            await client.complete
        same(bytes(client.got), data)
        world.bytes += len(data)
    finally:
        (transport.abort if rng.random() < 0.3 else transport.close)()
        await client.lost


async def upgrade(world: World, rng: Random) -> None:
    """Plain at first, TLS from there on."""
    reader, writer = await asyncio.open_connection(*world.protocol)
    try:
        writer.write(b"tls\n")
        same(await reader.readexactly(3), b"go\n")
        await writer.start_tls(world.client_context, server_hostname="localhost")
    except BaseException:
        # The stream does not hear of the end of a handshake that was broken off: `wait_closed` would wait for ever.
        writer.transport.abort()
        raise
    try:
        # What is sent before the server's `start_tls` has returned reaches it while it still has the plain transport.
        same(await reader.readexactly(6), b"ready\n")
        data = payload(rng, 20_000)
        writer.write(data)
        same(await reader.readexactly(len(data)), data)
        world.bytes += len(data)
    finally:
        await hang_up(writer, rng)


class Receiver(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.answers.put_nowait(data)

    def connection_lost(self, error: BaseException | None) -> None:
        if not self.lost.done():  # it is cancelled with who waits for it
            self.lost.set_result(error)


async def datagrams(world: World, rng: Random) -> None:
    endpoint = world.loop.create_datagram_endpoint(Receiver, remote_addr=world.udp)
    transport, receiver = await endpoint
    try:
        for _ in range(rng.randint(1, 5)):
            data = payload(rng, 1400)
            transport.sendto(data)
            # The kernel may drop a datagram when its buffer is full; it does not change one.
            with contextlib.suppress(asyncio.TimeoutError):
                same(await asyncio.wait_for(receiver.answers.get(), 5), data[::-1])
                world.bytes += len(data)
    finally:
        transport.close()
        await receiver.lost


async def raw_sockets(world: World, rng: Random) -> None:
    """`sock_connect`, `sock_sendall` and `sock_recv`, which the loop does on the program's own socket."""
    data = payload(rng)
    with socket.socket() as sock:
        sock.setblocking(False)
        await world.loop.sock_connect(sock, world.tcp)
        send = asyncio.ensure_future(world.loop.sock_sendall(sock, data))
        try:
            got = bytearray()
            while len(got) < len(data):
                more = await world.loop.sock_recv(sock, 30_000)
                assert more, "the server has closed"
                got += more
            await send
            same(bytes(got), data)
            world.bytes += len(data)
        finally:
            send.cancel()
            await asyncio.wait([send])


async def pipes(world: World, rng: Random) -> None:
    fds = os.pipe()
    readable, writable = os.fdopen(fds[0], "rb", 0), os.fdopen(fds[1], "wb", 0)
    reader = asyncio.StreamReader()
    data = payload(rng, 60_000)
    source = await world.loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), readable
    )
    sink = await world.loop.connect_write_pipe(asyncio.BaseProtocol, writable)
    try:
        sink[0].write(data)
        sink[0].write_eof()
        same(await reader.read(), data)
        world.bytes += len(data)
    finally:
        if not sink[0].is_closing():
            sink[0].abort()
        source[0].close()
        # The descriptors are closed in the loop's next turn.
        await asyncio.sleep(0)


async def child(world: World, rng: Random) -> None:
    """A child that echoes, or one that sleeps until it is killed."""
    pipe = asyncio.subprocess.PIPE
    if rng.random() < 0.5:
        process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
        data = payload(rng)
        try:
            same((await process.communicate(data))[0], data)
            world.bytes += len(data)
        finally:
            await reap(process)
        return
    process = await asyncio.create_subprocess_exec("sleep", "600", stdout=pipe)
    try:
        await asyncio.sleep(rng.random() / 100)
    finally:
        await reap(process)


async def reap(process: Any) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    # A stream that nobody reads any more has paused its pipe; then `wait` would wait for the pipe's end for ever. (Closing
    # the process's transport does this too, but may also reap the child before the loop does.)
    for fd in (0, 1):
        if (pipe := process._transport.get_pipe_transport(fd)) is not None:
            pipe.close()
    await process.wait()


async def timeouts(world: World, rng: Random) -> None:
    """Waits that end by their time limit, and ones that do not; timers that never fire."""

    async def wait() -> int:
        await asyncio.sleep(rng.random() / 100)
        return 7

    handles = [world.loop.call_later(1000 + i, print) for i in range(rng.randint(0, 50))]
    try:
        for _ in range(10):
            with contextlib.suppress(asyncio.TimeoutError):
                assert await asyncio.wait_for(wait(), rng.random() / 100) == 7
        await asyncio.wait([asyncio.ensure_future(wait()) for _ in range(5)])
        results = await asyncio.gather(*[wait() for _ in range(5)])
        assert results == [7] * 5
    finally:
        for handle in handles:
            handle.cancel()


async def groups(world: World, rng: Random) -> None:
    """A task group (from 3.11 on) of which one task fails, so the others are cancelled."""

    async def fail() -> None:
        await asyncio.sleep(rng.random() / 200)
        raise KeyError("on purpose")

    if sys.version_info < (3, 11):
        return
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(tcp_stream(world, rng))
            group.create_task(fail())
    except BaseExceptionGroup as error:  # noqa: F821
        rest = error.split(KeyError)[1]
        if rest is not None:
            raise rest


async def threads(world: World, rng: Random) -> None:
    data = payload(rng)
    digest = await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
    assert digest == hashlib.sha256(data).digest()


async def synchronised(world: World, rng: Random) -> None:
    """Producers, consumers and a lock; one consumer is cancelled while it waits."""
    queue: asyncio.Queue[int] = asyncio.Queue(3)
    lock, got = asyncio.Lock(), []

    async def consume() -> None:
        while True:
            value = await queue.get()
            async with lock:
                got.append(value)
            queue.task_done()

    consumers = [asyncio.ensure_future(consume()) for _ in range(3)]
    try:
        for i in range(50):
            await queue.put(i)
        await queue.join()
        assert sorted(got) == list(range(50))
    finally:
        for consumer in consumers:
            consumer.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)


Work = Callable[[World, Random], Awaitable[None]]
WORK: dict[Work, float] = {
    tcp_stream: 10,
    tls_stream: 8,
    unix_stream: 8,
    protocol: 10,
    datagrams: 6,
    raw_sockets: 6,
    pipes: 3,
    timeouts: 4,
    groups: 3,
    threads: 3,
    synchronised: 3,
    child: 0.3,
}
if sys.version_info >= (3, 11):
    WORK[upgrade] = 5  # StreamWriter.start_tls is of 3.11


async def one(world: World, rng: Random) -> None:
    """One piece of work: to its end, or until a timeout or a cancellation at random."""
    work = rng.choices([*WORK], [*WORK.values()])[0]
    name = work.__name__
    task = asyncio.ensure_future(work(world, rng))
    task.set_name(name)
    ending = rng.random()
    if ending < 0.15:
        world.loop.call_later(rng.random() ** 3 / 20, task.cancel)
    waiting: Any = task
    if 0.15 <= ending < 0.25:
        waiting = asyncio.wait_for(task, rng.random() ** 3 / 20)
    try:
        await waiting
        world.done[name] += 1
    except asyncio.TimeoutError:
        world.done["timed out"] += 1
    except asyncio.CancelledError:
        # Cancelled at random, or by whoever gives up on the soak: then this task is being cancelled itself.
        world.done["cancelled"] += 1
        if ending >= 0.15:
            raise


async def client(world: World, rng: Random, until: float) -> None:
    while world.loop.time() < until:
        await one(world, rng)
