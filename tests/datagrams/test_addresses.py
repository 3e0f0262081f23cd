"""Addresses of datagrams: every family, as numbers and as names, as they are given and as they are shown."""

import socket

import pytest

from ..support import differential, until
from .test_datagrams import Datagrams, close, two

HAS_IPV6 = True
try:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as _probe:
        _probe.bind(("::1", 0))
except OSError:
    HAS_IPV6 = False


async def bound(loop, host, **options):
    _, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=(host, 0), **options)
    return protocol, protocol.transport.get_extra_info("sockname")


class Text(str):
    __slots__ = ()


class Number(int):
    __slots__ = ()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "localhost",
        "",
        "<broadcast>",
        "127.0.0.1.5",
        "nowhere.invalid",
        Text("127.0.0.1"),
        b"127.0.0.1",
        "127.0.0.1\0",
    ],
    ids=repr,
)
def test_hosts_of_ipv4(host):
    async def scenario(loop, log):
        receiver, (_, port) = await bound(loop, "127.0.0.1")
        sender, address = await bound(loop, "127.0.0.1")
        try:
            sender.transport.sendto(b"data", (host, port))
        except Exception as error:
            log(error)
        sender.transport.sendto(b"last", ("127.0.0.1", port))
        await until(lambda: receiver.received and receiver.received[-1][0] == b"last")
        log([data for data, _ in receiver.received])
        log({source == address for _, source in receiver.received})
        log([type(error) for error in sender.errors], sender.transport.is_closing())
        await close(receiver, sender)

    differential(scenario)


PORTS = [-1, 65536, 2**70, "80", 1.5, None, Number(9), True]
FORMS = [("127.0.0.1",), ("127.0.0.1", 9, 0), ["127.0.0.1", 9], "127.0.0.1", (), None]


@pytest.mark.parametrize("address", [*(("127.0.0.1", port) for port in PORTS), *FORMS], ids=repr)
def test_forms_of_addresses(address):
    async def scenario(loop, log):
        sender, _ = await bound(loop, "127.0.0.1")
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        try:
            sender.transport.sendto(b"data", address)
        except Exception as error:
            log(error)
        log([(report["message"], report["exception"]) for report in reports])
        log(sender.errors, sender.transport.is_closing())
        loop.set_exception_handler(None)
        await close(sender)

    differential(scenario)


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
@pytest.mark.parametrize(
    "more", [(), (0,), (0, 0), (5, 0), (2**20, 0), (0, 2**33), (0, 1), (0, 0, 0)], ids=repr
)
def test_ipv6(more):
    async def scenario(loop, log):
        receiver, address = await bound(loop, "::1")
        sender, from_there = await bound(loop, "::1")
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        try:
            sender.transport.sendto(b"data", address[:2] + more)
        except Exception as error:
            log(error)
        log([(report["message"], report["exception"]) for report in reports])
        if not reports and not sender.errors:
            await until(lambda: len(receiver.received) == 1)
        log([(data, source == from_there) for data, source in receiver.received])
        log([str(error) for error in sender.errors], sender.transport.is_closing())
        loop.set_exception_handler(None)
        await close(receiver, sender)

    differential(scenario)


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_ipv4_over_a_socket_of_ipv6():
    async def scenario(loop, log):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        _, sender = await loop.create_datagram_endpoint(Datagrams, sock=sock)
        receiver, (_, port) = await bound(loop, "127.0.0.1")
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        sender.transport.sendto(b"mapped", ("::ffff:127.0.0.1", port))
        await until(lambda: len(receiver.received) == 1)
        receiver.transport.sendto(b"back", ("127.0.0.1", sock.getsockname()[1]))
        await until(lambda: len(sender.received) == 1)
        log(receiver.received[0][0], sender.received[0][0])
        log(sender.received[0][1][0], len(sender.received[0][1]))
        sender.transport.sendto(b"plain", ("127.0.0.1", port))
        log([(report["message"], type(report["exception"])) for report in reports])
        log([str(error) for error in sender.errors], sender.transport.is_closing())
        loop.set_exception_handler(None)
        await close(receiver, sender)

    differential(scenario)


@pytest.mark.parametrize("name", ["unnamed", "path", "abstract"])
def test_senders_over_unix_sockets(tmp_path, name):
    if name == "abstract" and not socket.__dict__.get("AF_NETLINK"):
        pytest.skip("abstract names are Linux's")

    async def scenario(loop, log):
        path = tmp_path / f"receiver-{id(loop)}"
        _, receiver = await loop.create_datagram_endpoint(
            Datagrams, local_addr=str(path), family=socket.AF_UNIX
        )
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            if name == "path":
                sender.bind(str(tmp_path / f"sender-é-{id(loop)}"))
            elif name == "abstract":
                sender.bind(f"\0sender-{id(loop)}")
            sender.sendto(b"one", str(path))
            sender.sendto(b"two", str(path))
            await until(lambda: len(receiver.received) == 2)
            for data, source in receiver.received:
                log(data, type(source), source == (sender.getsockname() or None))
        receiver.transport.sendto(b"to itself", str(path))
        await until(lambda: len(receiver.received) == 3)
        log(receiver.received[-1][0])
        await close(receiver)

    differential(scenario)


@pytest.mark.parametrize("size", [0, 1, 65507, 65508])
def test_sizes(size):
    async def scenario(loop, log):
        server, client = await two(loop, Datagrams)
        client.transport.sendto(b"x" * size)
        client.transport.sendto(b"last")
        await until(lambda: server.received and server.received[-1][0] == b"last")
        log([len(data) for data, _ in server.received])
        log([str(error) for error in client.errors])
        await close(server, client)

    differential(scenario)


def test_a_socket_closed_behind_the_transport():
    """Its number may belong to another file by now, which must not be written to."""

    async def scenario(loop, log):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        _, protocol = await loop.create_datagram_endpoint(Datagrams, sock=sock)
        reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        reader.setblocking(False)
        number = sock.fileno()
        sock.close()
        other = socket.socket(fileno=socket.dup(writer.fileno()))
        assert other.fileno() == number
        protocol.transport.sendto(b"data", ("127.0.0.1", 9))
        try:
            log(reader.recv(100))
        except BlockingIOError:
            log("nothing was written")
        log([type(error) for error in protocol.errors], protocol.transport.is_closing())
        protocol.transport.abort()
        await protocol.lost
        for each in (reader, writer, other):
            each.close()

    differential(scenario)
