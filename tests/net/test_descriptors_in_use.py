"""A descriptor that a transport uses is refused elsewhere, with asyncio's words (uvloop #653)."""

import asyncio
import gc
import os
import socket

import pytest

from ..connections import finish, pair
from ..support import PY311, differential


def uses(loop, sock):
    """Each use of a socket that a transport may have, by name."""
    fd = sock.fileno()
    found = {
        "add_reader": lambda: loop.add_reader(fd, print),
        "add_writer": lambda: loop.add_writer(sock, print),
        "remove_reader": lambda: loop.remove_reader(sock),
        "remove_writer": lambda: loop.remove_writer(fd),
        "sock_recv": lambda: loop.sock_recv(sock, 1),
        "sock_recv_into": lambda: loop.sock_recv_into(sock, bytearray(1)),
        "sock_sendall": lambda: loop.sock_sendall(sock, bytes(50_000_000)),
        "sock_accept": lambda: loop.sock_accept(sock),
    }
    if PY311:
        found["sock_recvfrom"] = lambda: loop.sock_recvfrom(sock, 1)
        found["sock_recvfrom_into"] = lambda: loop.sock_recvfrom_into(sock, bytearray(1))
    return found


def words(error, fd):
    text = str(error).replace(f"descriptor {fd} ", "descriptor … ")
    return type(error).__name__, text.split(" <")[0]


@pytest.mark.parametrize("watched", [True, False])
def test_of_a_connection(watched):
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        client.transport.pause_reading()
        if watched:
            client.transport.resume_reading()
        fd = client.transport.get_extra_info("socket").fileno()
        # An ordinary socket object on the same descriptor, as a program has that gave its socket away.
        sock = socket.socket(fileno=fd)
        try:
            for name, use in uses(loop, sock).items():
                try:
                    made = use()
                    if asyncio.iscoroutine(made) or hasattr(made, "__await__"):
                        await asyncio.wait_for(made, 5)
                    log(name, "was let")
                except Exception as error:
                    log(name, words(error, fd))
        finally:
            sock.detach()
        await finish(server, peer, client)

    differential(scenario)


def test_of_a_listening_socket():
    """A server's is watched by no transport; asyncio lets it be used, and so do we."""

    async def scenario(loop, log):
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, start_serving=False)
        sock = server.sockets[0]
        fd = sock.fileno()
        log.attempt("add", lambda: loop.add_reader(fd, print) and None)
        log.attempt("remove", loop.remove_reader, fd)
        server.close()

    differential(scenario)


@pytest.mark.parametrize("side", ["read", "write"])
def test_of_a_pipe(side):
    async def scenario(loop, log):
        readable, writable = os.pipe()
        if side == "read":
            pipe = os.fdopen(readable, "rb", buffering=0)
            transport, _ = await loop.connect_read_pipe(asyncio.Protocol, pipe)
            other = writable
        else:
            pipe = os.fdopen(writable, "wb", buffering=0)
            transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, pipe)
            other = readable
        fd = pipe.fileno()
        for use in (loop.remove_writer, loop.remove_reader):
            try:
                log(use(fd))
            except Exception as error:
                log(words(error, fd))
        transport.close()
        os.close(other)
        await asyncio.sleep(0.001)

    differential(scenario)


def test_free_again_after_the_end():
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        fd = client.transport.get_extra_info("socket").fileno()
        await finish(server, peer, client)
        pairs = [socket.socketpair() for _ in range(2)]
        numbers = {sock.fileno() for two in pairs for sock in two}
        assert fd in numbers, "the number was not given out again"
        log.attempt("add", lambda: loop.add_reader(fd, print) and None)
        log.attempt("remove", loop.remove_reader, fd)
        for a, b in pairs:
            a.close()
            b.close()

    differential(scenario)


def test_a_transport_of_a_closed_connection_is_no_obstacle():
    """The descriptor's number comes back while the lost transport is still held."""

    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        held = client.transport
        await finish(server, peer, client)
        pairs = [socket.socketpair() for _ in range(4)]
        for a, b in pairs:
            a.setblocking(False)
            b.send(b"x")
            log(await loop.sock_recv(a, 10))
        log(held.is_closing())
        for a, b in pairs:
            a.close()
            b.close()

    differential(scenario)


def test_a_tls_socket_is_refused():
    """An `ssl.SSLSocket` given to a method of sockets, as asyncio refuses it."""
    import ssl

    async def scenario(loop, log):
        a, b = socket.socketpair()
        context = ssl.create_default_context()
        tls = context.wrap_socket(a, server_hostname="x", do_handshake_on_connect=False)
        tls.setblocking(False)
        for name, use in uses(loop, tls).items():
            if name.startswith("sock_"):
                try:
                    await use()
                except Exception as error:
                    log(name, error)
        for name, use in (
            ("connect", lambda: loop.sock_connect(tls, ("127.0.0.1", 1))),
            ("create", lambda: loop.create_connection(asyncio.Protocol, sock=tls)),
            ("serve", lambda: loop.create_server(asyncio.Protocol, sock=tls)),
            ("accepted", lambda: loop.connect_accepted_socket(asyncio.Protocol, tls)),
        ):
            try:
                await use()
            except Exception as error:
                log(name, error)
        tls.close()
        b.close()

    differential(scenario)


@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
def test_of_a_transport_that_was_brought_back(loop):
    """The collector has closed its socket: who gets the descriptor next may use it."""
    kept = []

    class Keeper:
        def __del__(self):
            kept.append(self)

    async def main(address):
        transport, _ = await loop.create_connection(asyncio.Protocol, *address)
        transport.pause_reading()
        fd = transport.get_extra_info("socket").fileno()
        keeper = Keeper()
        keeper.transport, keeper.me = transport, keeper
        del transport, keeper
        gc.collect()
        assert len(kept) == 1, "nobody brought it back"
        with socket.create_connection(address) as sock:
            assert sock.fileno() == fd
            sock.setblocking(False)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(loop.sock_recv(sock, 1), 0.01)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop.run_until_complete(main(listener.getsockname()))
        kept.clear()
