"""Servers."""

import asyncio
import socket

from registry import probe
from support import Recorder, expect_async, serving, until


@probe()
async def server_class(loop):
    """A server passes `isinstance` of `asyncio.Server` and `AbstractServer`"""
    server, _ = await serving(loop)
    server.close()
    assert isinstance(server, asyncio.AbstractServer), "no asyncio.AbstractServer"
    assert isinstance(server, asyncio.Server), "no asyncio.Server"


@probe(issue="uvloop#605")
async def server_sockets(loop):
    """`Server.sockets` is a tuple of sockets, and empty when closed"""
    server, _ = await serving(loop)
    sockets = server.sockets
    assert isinstance(sockets, tuple), f"it is a {type(sockets).__name__}"
    assert sockets[0].type == socket.SOCK_STREAM
    server.close()
    assert server.sockets == (), f"closed it is {server.sockets!r}"


@probe(issue="uvloop#702")
async def server_ssl_context(loop):
    """`Server._ssl_context`, which websockets reads, is the context given"""
    from support import server_context

    context = server_context()
    server, _ = await serving(loop, ssl=context)
    server.close()
    assert server._ssl_context is context


@probe()
async def start_serving(loop):
    """`start_serving=False`, `start_serving()`, `is_serving()` and `get_loop()`"""
    server, address = await serving(loop, start_serving=False)
    assert not server.is_serving() and server.get_loop() is loop
    await server.start_serving()
    assert server.is_serving()
    server.close()
    assert not server.is_serving()


@probe()
async def serve_forever(loop):
    """`serve_forever` ends by cancellation and closes the server; a second one raises RuntimeError"""
    server, _ = await serving(loop)
    task = loop.create_task(server.serve_forever())
    await asyncio.sleep(0.001)
    await expect_async(RuntimeError, server.serve_forever())
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and not server.is_serving()


@probe()
async def async_with_server(loop):
    """`async with server` closes it"""
    server, _ = await serving(loop)
    async with server as same:
        assert same is server
    assert not server.is_serving()


async def with_client(loop):
    made = []
    server, address = await serving(loop, lambda: made.append(Recorder()) or made[-1])
    client, protocol = await loop.create_connection(Recorder, *address)
    await until(lambda: made and made[0].transport)
    return server, made[0], client, protocol


@probe(since=(3, 12))
async def wait_closed_waits(loop):
    """`Server.wait_closed` waits until the last connection is lost"""
    server, made, client, _ = await with_client(loop)
    server.close()
    waiter = loop.create_task(server.wait_closed())
    await asyncio.sleep(0.005)
    assert not waiter.done(), "it does not wait"
    client.close()
    await waiter


@probe(since=(3, 12))
async def wait_closed_before_close(loop):
    """`Server.wait_closed` before `close` waits for it"""
    server, _ = await serving(loop)
    waiter = loop.create_task(server.wait_closed())
    await asyncio.sleep(0.002)
    assert not waiter.done(), "it does not wait"
    server.close()
    await waiter


@probe(since=(3, 13))
async def close_clients(loop):
    """`Server.close_clients` closes the connections"""
    server, made, _, protocol = await with_client(loop)
    server.close()
    server.close_clients()
    await made.lost
    await protocol.lost
    await server.wait_closed()


@probe(since=(3, 13))
async def abort_clients(loop):
    """`Server.abort_clients` drops them with what was not sent yet"""
    server, made, client, protocol = await with_client(loop)
    client.pause_reading()
    made.transport.write(b"x" * 20_000_000)
    server.close()
    server.abort_clients()
    await made.lost
    client.abort()
    await server.wait_closed()


@probe()
async def port_in_use(loop):
    """A port in use raises OSError with EADDRINUSE and the address in its text"""
    import errno

    server, (host, port) = await serving(loop)
    error = await expect_async(OSError, loop.create_server(Recorder, host, port))
    server.close()
    assert error.errno == errno.EADDRINUSE and str(port) in str(error), f"it says {error}"


@probe()
async def several_hosts(loop):
    """`create_server` with a list of hosts, with None, and with port 0"""
    server = await loop.create_server(
        Recorder, ["127.0.0.1", "localhost"], 0, family=socket.AF_INET
    )
    assert len(server.sockets) >= 1
    server.close()
    server = await loop.create_server(Recorder, None, 0)
    assert server.sockets
    server.close()


@probe()
async def given_listener(loop):
    """`create_server(sock=...)` serves on the socket, and refuses one that is no stream"""
    listener = socket.create_server(("127.0.0.1", 0))
    server = await loop.create_server(Recorder, sock=listener)
    transport, _ = await loop.create_connection(Recorder, *listener.getsockname())
    transport.close()
    server.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        await expect_async(ValueError, loop.create_server(Recorder, sock=datagrams))


@probe()
async def reuse_port(loop):
    """`reuse_port=True` lets two servers share a port"""
    first, (host, port) = await serving(loop, reuse_port=True)
    second = await loop.create_server(Recorder, host, port, reuse_port=True)
    first.close()
    second.close()


@probe()
async def failing_factory(loop):
    """In debug mode a protocol factory that fails is reported, and the server serves on"""
    loop.set_debug(True)
    seen, made = [], []
    loop.set_exception_handler(lambda _, context: seen.append(context))

    def factory():
        if not seen:
            raise ValueError("on purpose")
        made.append(Recorder())
        return made[-1]

    server, address = await serving(loop, factory)
    first, _ = await loop.create_connection(Recorder, *address)
    await until(lambda: seen, "it is not reported")
    second, _ = await loop.create_connection(Recorder, *address)
    await until(lambda: made, "it does not serve on")
    first.close()
    second.close()
    server.close()


@probe()
async def out_of_descriptors(loop):
    """A server that runs out of descriptors keeps the connections that wait, and accepts them when there are some again"""
    import os
    import resource

    seen, made = [], []
    loop.set_exception_handler(lambda _, context: seen.append(context))
    server, address = await serving(loop, lambda: made.append(Recorder()) or made[-1])
    clients = [socket.socket() for _ in range(3)]
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, limit[1]))
    held = []
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        pass
    for client in clients:
        client.connect(address)
    await asyncio.sleep(0.01)
    assert not made, "it accepted without descriptors"
    for fd in held:
        os.close(fd)
    for _ in range(1500):
        if len(made) == 3:
            break
        await asyncio.sleep(0.002)
    assert len(made) == 3, f"it accepted {len(made)} of 3 after"
    server.close()
