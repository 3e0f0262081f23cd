"""Datagrams over UDP and Unix sockets: `create_datagram_endpoint`."""

import asyncio
import errno
import socket

import pytest

from ..support import PY312, differential, until


class Datagrams(asyncio.DatagramProtocol):
    """Remembers everything that it is told."""

    def __init__(self):
        self.transport = None
        self.received = []
        self.errors = []
        self.events = []
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.events.append("made")

    def datagram_received(self, data, addr):
        self.received.append((data, addr))

    def error_received(self, exc):
        self.errors.append(exc)

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")

    def connection_lost(self, exc):
        self.events.append("lost")
        self.lost.set_result(exc)


class Echo(Datagrams):
    def datagram_received(self, data, addr):
        super().datagram_received(data, addr)
        self.transport.sendto(data[::-1], addr)


async def two(loop, server_class=Echo, **options):
    """A bound endpoint, and one that is connected to it."""
    _, server = await loop.create_datagram_endpoint(server_class, local_addr=("127.0.0.1", 0))
    address = server.transport.get_extra_info("sockname")
    _, client = await loop.create_datagram_endpoint(Datagrams, remote_addr=address, **options)
    return server, client


async def close(*protocols):
    for protocol in protocols:
        protocol.transport.close()
    for protocol in protocols:
        await protocol.lost


@pytest.mark.parametrize("size", [1, 1000, 60_000])
def test_echo(loop, size):
    async def main():
        server, client = await two(loop)
        data = bytes(i % 251 for i in range(size))
        client.transport.sendto(data)
        await until(lambda: client.received)
        (answer,) = client.received
        assert answer == (data[::-1], server.transport.get_extra_info("sockname"))
        assert server.received == [(data, client.transport.get_extra_info("sockname"))]
        if PY312:  # before, asyncio's own was none
            assert isinstance(client.transport, asyncio.DatagramTransport)
        await close(server, client)
        assert client.events == ["made", "lost"]

    loop.run_until_complete(main())


def test_many_arrive_in_order(loop):
    async def main():
        server, client = await two(loop)
        for number in range(100):
            client.transport.sendto(b"%d" % number)
            await until(lambda number=number: len(client.received) == number + 1)
        assert [data for data, _ in server.received] == [b"%d" % n for n in range(100)]
        await close(server, client)

    loop.run_until_complete(main())


def test_empty_datagrams():
    """Sent since 3.12, ignored before; one that arrives is told of everywhere."""

    async def scenario(loop, log):
        server, client = await two(loop)
        client.transport.sendto(b"")
        client.transport.sendto(b"x")
        await until(lambda: any(data == b"x" for data, _ in client.received))
        log([data for data, _ in server.received], [data for data, _ in client.received])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", server.transport.get_extra_info("sockname"))
        before = len(server.received)
        await until(lambda: len(server.received) > before)
        log(server.received[-1][0])
        await close(server, client)

    differential(scenario)


def test_what_sendto_takes():
    async def scenario(loop, log):
        server, client = await two(loop)
        _, free = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
        target = server.transport.get_extra_info("sockname")
        for data in (b"b", bytearray(b"a"), memoryview(b"v"), "text", None, 5, [1]):
            log.attempt("sendto", client.transport.sendto, data)
        log.attempt("same", client.transport.sendto, b"same", target)
        log.attempt("other", client.transport.sendto, b"other", ("127.0.0.1", 1))
        log.attempt("free", free.transport.sendto, b"free", target)
        log.attempt("nowhere", free.transport.sendto, b"nowhere")
        log.attempt("large", client.transport.sendto, b"x" * 100_000)
        log([error.errno == errno.EMSGSIZE for error in client.errors])
        await until(lambda: len(server.received) >= 5)
        log([data for data, _ in server.received], free.errors)
        await close(server, client, free)

    differential(scenario)


def test_nobody_listens():
    async def scenario(loop, log):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            address = sock.getsockname()
        _, client = await loop.create_datagram_endpoint(Datagrams, remote_addr=address)
        client.transport.sendto(b"x")
        await until(lambda: client.errors)
        log(client.errors, client.transport.is_closing())
        await close(client)
        log(client.events)

    differential(scenario)


def test_unix_datagrams(tmp_path):
    async def scenario(loop, log):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        here, there = str(folder / "here"), str(folder / "there")
        _, server = await loop.create_datagram_endpoint(Echo, here, family=socket.AF_UNIX)
        _, client = await loop.create_datagram_endpoint(
            Datagrams, there, here, family=socket.AF_UNIX
        )
        client.transport.sendto(b"x" * 5000)
        await until(lambda: client.received)
        log(len(client.received[0][0]), client.received[0][1] == here)
        log(server.received[0][1] == there)
        await close(server, client)

    differential(scenario)


def test_a_socket_that_is_there():
    async def scenario(loop, log):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        transport, protocol = await loop.create_datagram_endpoint(Echo, sock=sock)
        log(transport.get_extra_info("socket").fileno() == sock.fileno(), sock.gettimeout())
        log(transport.get_extra_info("peername"), repr(transport))
        try:
            await loop.create_datagram_endpoint(Echo, ("127.0.0.1", 0), sock=sock)
        except ValueError as error:
            log(error)
        stream = socket.socket()
        try:
            await loop.create_datagram_endpoint(Echo, sock=stream)
        except ValueError as error:
            log(normal_socket(error))
        stream.close()
        await close(protocol)
        log(repr(transport), sock.fileno())

    def normal_socket(error):
        return str(error).split("<")[0]

    differential(scenario)


def test_wrong_arguments():
    async def scenario(loop, log):
        for options in (
            {},
            {"local_addr": "127.0.0.1"},
            {"local_addr": ("127.0.0.1", 0, 0, 0, 0)},
            {"family": socket.AF_INET},
            {"family": socket.AF_UNIX, "local_addr": ("127.0.0.1", 0)},
            {"local_addr": ("127.0.0.1", 0), "remote_addr": ("::1", 1)},
            {"local_addr": ("255.255.255.255", 1)},
        ):
            try:
                await loop.create_datagram_endpoint(Datagrams, **options)
            except (AssertionError, TypeError, ValueError, OSError) as error:
                log(type(error), str(error))
            else:
                log("made")

    differential(scenario)


def test_flow_control(tmp_path):
    """A Unix socket's peer that does not read fills it; UDP never does."""

    async def scenario(loop, log):
        path = str(tmp_path / f"peer {len(list(tmp_path.iterdir()))}")
        theirs = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        theirs.bind(path)
        transport, protocol = await loop.create_datagram_endpoint(
            Datagrams, remote_addr=path, family=socket.AF_UNIX
        )
        transport.set_write_buffer_limits(high=2000, low=500)
        count = 0
        while "pause" not in protocol.events:
            assert count < 10_000
            transport.sendto(b"%4d" % count + b"x" * 996)
            count += 1
        assert transport.get_write_buffer_size() > 2000
        log(transport.get_write_buffer_limits(), protocol.events)
        theirs.setblocking(False)
        got = []
        while len(got) < count:
            try:
                got.append(theirs.recv(2000))
            except BlockingIOError:
                await asyncio.sleep(0)
        assert [int(data[:4]) for data in got] == list(range(count))
        await until(lambda: "resume" in protocol.events)
        log(protocol.events, transport.get_write_buffer_size())
        theirs.close()
        await close(protocol)

    differential(scenario)


def test_close_and_abort():
    async def scenario(loop, log):
        server, client = await two(loop)
        client.transport.close()
        log(client.transport.is_closing(), client.events)
        client.transport.close()
        client.transport.sendto(b"late")
        await client.lost
        server.transport.abort()
        log(server.transport.is_closing(), server.events)
        log(await server.lost)

    differential(scenario)


@pytest.mark.parametrize("where", ["connection_made", "datagram_received", "error_received"])
def test_exceptions_of_the_protocol(where):
    async def scenario(loop, log):
        class Bad(Datagrams):
            pass

        def bad(self, *args):
            Datagrams.connection_made(self, *args) if where == "connection_made" else None
            raise ValueError(where)

        setattr(Bad, where, bad)
        server, client = await two(loop, Bad)
        client.transport.sendto(b"x")
        await asyncio.sleep(0.01)
        log(server.transport is not None)
        if server.transport:
            log(server.transport.is_closing())
            server.transport.abort()
        await close(client)
        await asyncio.sleep(0)

    if where == "connection_made":
        pytest.skip("create_datagram_endpoint of asyncio waits for ever")
    differential(scenario)


def test_the_descriptor_is_refused_elsewhere():
    async def scenario(loop, log):
        server, client = await two(loop)
        fd = client.transport.get_extra_info("socket").fileno()
        for use in (lambda: loop.add_reader(fd, print), lambda: loop.remove_writer(fd)):
            with pytest.raises(RuntimeError) as caught:
                use()
            log(str(caught.value).replace(f"descriptor {fd} ", "descriptor … "))
        await close(server, client)
        ours, theirs = socket.socketpair()
        log.attempt("later", lambda: loop.add_reader(ours, print) and None)
        loop.remove_reader(ours)
        ours.close()
        theirs.close()

    differential(scenario)
