"""What loops set on sockets and descriptors, and what they leave as it was."""

import asyncio
import fcntl
import os
import socket

import pytest

from ..connections import finish, pair
from ..support import PY313, Recorder, checked_loop, differential, open_fds, until

OPTIONS = {
    "NODELAY": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    "KEEPALIVE": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "REUSEADDR": (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    "REUSEPORT": (socket.SOL_SOCKET, socket.SO_REUSEPORT),
    "BROADCAST": (socket.SOL_SOCKET, socket.SO_BROADCAST),
    "LINGER": (socket.SOL_SOCKET, socket.SO_LINGER),
}


def options_of(sock):
    found = {}
    for name, option in OPTIONS.items():
        try:
            found[name] = bool(sock.getsockopt(*option))
        except OSError as error:
            found[name] = error.errno
    return {
        **found,
        "inheritable": os.get_inheritable(sock.fileno()),
        "blocking": os.get_blocking(sock.fileno()),
    }


def test_of_connections():
    """Streams over TCP get NODELAY, and what the program has set stays."""

    async def scenario(loop, log):
        server_options = {"keep_alive": True} if PY313 else {}
        accepted = []
        server = await loop.create_server(
            lambda: accepted.append(1) or Recorder(), "127.0.0.1", 0, **server_options
        )
        log("listening", options_of(server.sockets[0]))
        address = server.sockets[0].getsockname()
        _, client = await loop.create_connection(Recorder, *address)
        log("made", options_of(client.transport.get_extra_info("socket")))
        await until(lambda: len(accepted) == 1)
        client.transport.abort()
        own = socket.create_connection(address)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        _, given = await loop.create_connection(Recorder, sock=own)
        await until(lambda: len(accepted) == 2)
        log("given", options_of(given.transport.get_extra_info("socket")))
        given.transport.abort()
        await client.lost
        await given.lost
        server.close()
        await asyncio.sleep(0.001)

        peer, client, server = await pair(loop)
        log("accepted", options_of(peer.transport.get_extra_info("socket")))
        await finish(server, peer, client)

    differential(scenario)


def test_of_other_sockets(tmp_path):
    async def scenario(loop, log):
        path = str(tmp_path / f"{id(loop)}")
        made = []
        server = await loop.create_unix_server(lambda: made.append(1) or Recorder(), path)
        log("unix server", options_of(server.sockets[0]))
        _, client = await loop.create_unix_connection(Recorder, path)
        await until(lambda: made)
        log("unix client", options_of(client.transport.get_extra_info("socket")))
        await finish(server, client)
        for given in ({}, {"reuse_port": True}, {"allow_broadcast": True}):
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0), **given
            )
            log("datagrams", options_of(transport.get_extra_info("socket")))
            transport.close()
        for given in (
            {"reuse_port": True},
            {"reuse_address": False},
        ):
            server = await loop.create_server(Recorder, "127.0.0.1", 0, **given)
            log("server", options_of(server.sockets[0]))
            server.close()
        if socket.has_ipv6:
            server = await loop.create_server(Recorder, "::1", 0)
            only = server.sockets[0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            log("IPv6 only", bool(only))
            server.close()
        await asyncio.sleep(0.001)

    differential(scenario)


def test_no_descriptor_is_inherited(loop_name):
    """Every descriptor of a loop in use is closed by exec (uvloop #40)."""
    before = set(open_fds())

    async def main(loop):
        peer, client, server = await pair(loop)
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        process = await asyncio.create_subprocess_exec(
            "sleep", "100", stdin=-1, stdout=-1, stderr=-1
        )
        loop.add_signal_handler(10, print)
        left, right = socket.socketpair()
        left.setblocking(False)
        accepting = asyncio.ensure_future(loop.sock_recv(left, 1))
        await asyncio.sleep(0.001)
        for fd in set(open_fds()) - before:
            flags = fcntl.fcntl(fd, fcntl.F_GETFD)
            assert flags & fcntl.FD_CLOEXEC, os.readlink(f"/proc/self/fd/{fd}")
        loop.remove_signal_handler(10)
        right.send(b"x")
        await accepting
        left.close()
        right.close()
        process.kill()
        await process.communicate()
        transport.close()
        await finish(server, peer, client)

    with checked_loop(loop_name) as (loop, _):
        loop.run_until_complete(main(loop))


@pytest.mark.parametrize("method", ["add_reader", "add_writer"])
@pytest.mark.parametrize("blocking", [True, False])
def test_watching_leaves_the_blocking_mode(loop, method, blocking):
    """(uvloop #712)"""
    a, b = socket.socketpair()
    a.setblocking(blocking)
    seen = []
    getattr(loop, method)(a, lambda: (seen.append(os.get_blocking(a.fileno())), loop.stop()))
    b.send(b"x")
    loop.run_forever()
    getattr(loop, method.replace("add", "remove"))(a)
    assert seen == [blocking]
    assert os.get_blocking(a.fileno()) is blocking
    a.close()
    b.close()


def test_a_copy_of_a_watched_descriptor(loop):
    """A descriptor that was duplicated and closed is watched no more, and does not keep the loop busy (uvloop #61)."""
    a, b = socket.socketpair()
    copy = os.dup(a.fileno())
    seen = []
    loop.add_reader(copy, lambda: seen.append(os.read(copy, 1)))
    b.send(b"1")
    loop.run_until_complete(asyncio.sleep(0.001))
    assert loop.remove_reader(copy) is True
    os.close(copy)
    b.send(b"2")
    loop.run_until_complete(asyncio.sleep(0.001))
    assert seen == [b"1"]
    assert a.recv(1) == b"2"
    a.close()
    b.close()
