"""What goes wrong while a server accepts a TLS connection: nothing is left open, and the server goes on or ends."""

import asyncio
import socket

import pytest

from ..support import PY312, collect, differential, open_fds, turns


def connect(address, count):
    """Connections that wait in the server's backlog, made by the class that no test replaces."""
    clients = [socket.socket() for _ in range(count)]
    for client in clients:
        client.connect(address)
    return clients


def serve(loop, factory, server_context):
    return loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0, ssl=server_context))


KEPT = []


class Early(socket.socket):
    def __init__(self, *args, **options):
        raise MemoryError("no socket")


class Late(socket.socket):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        KEPT.append(self)
        raise MemoryError("no socket")


class Blocking(socket.socket):
    def setblocking(self, flag):
        KEPT.append(self)
        raise MemoryError("no socket")


def function(*args, **options):
    raise MemoryError("no socket")


@pytest.mark.parametrize("replaced", [Early, Late, Blocking, function])
def test_a_socket_that_cannot_be_made(loop, server_context, reports, monkeypatch, replaced):
    server = serve(loop, asyncio.Protocol, server_context)
    [client] = connect(server.sockets[0].getsockname(), 1)
    before = open_fds()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", replaced)
        turns(loop, 3)
    [error] = [report["exception"] for report in reports.take()]
    assert isinstance(error, MemoryError)
    del error
    collect()
    if "riata" in type(loop).__module__:
        assert open_fds().keys() == before.keys()
        assert client.recv(1) == b""
        # Or the number would be closed twice.
        assert all(sock.fileno() == -1 for sock in KEPT)
    # asyncio may leave its descriptor open.
    while KEPT:
        KEPT.pop().close()
    for fd in open_fds().keys() - before.keys():
        socket.close(fd)
    client.close()
    server.close()
    turns(loop, 2)


@pytest.mark.skipif(not PY312, reason="eager tasks came with 3.12")
# The server that is closed refuses the connection, whose transport asyncio then cannot tear down (3.13).
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("again", [False, True], ids=["closed", "number-used-again"])
@pytest.mark.parametrize("count", [1, 3])
def test_an_eager_task_that_closes_the_server(server_context, count, again):
    """The task runs within the accepting: the next connection is not accepted by whatever has the number then."""

    def scenario(loop, log):
        others = []

        def factory():
            log("factory")
            fd = server.sockets[0].fileno()
            server.close()
            if again:
                other = socket.create_server(("127.0.0.1", 0))
                other.setblocking(False)
                assert other.fileno() == fd
                others.append(other)
                others.extend(connect(other.getsockname(), 1))
            return asyncio.Protocol()

        # asyncio's handle has lost its callback by the time that it is shown.
        loop.set_exception_handler(lambda loop, context: log(context["exception"]))
        loop.set_task_factory(asyncio.eager_task_factory)
        server = serve(loop, factory, server_context)
        clients = connect(server.sockets[0].getsockname(), count)
        turns(loop, 3)
        log("serving", server.is_serving())
        if others:
            # Its connection is still there for whoever listens.
            log("accepts", others[0].accept()[0].close())
        for sock in [*clients, *others]:
            sock.close()
        turns(loop, 3)

    differential(scenario)


def test_a_server_closed_while_a_connection_waits(server_context):
    async def scenario(loop, log):
        loop.set_exception_handler(lambda loop, context: log("handler", context["message"]))
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=server_context)
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            loop.call_soon(server.close)
            await asyncio.sleep(0.05)
            client.settimeout(10)
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        await server.wait_closed()

    differential(scenario)
