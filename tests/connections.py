"""Connected pairs of protocols and of sockets, for the tests of transports."""

import socket
from typing import Any

from .support import Recorder


def local(server: Any) -> Any:
    return server.sockets[0].getsockname()[:2]


def socket_pair(*kind: Any) -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that do not block; `kind` as of `socket.socketpair`."""
    ours, theirs = socket.socketpair(*kind)
    for sock in (ours, theirs):
        sock.setblocking(False)
    return ours, theirs


async def pair(
    loop: Any,
    server_class: Any = Recorder,
    client_class: Any = Recorder,
    *,
    server_context: Any = None,
    **options: Any,
) -> Any:
    """A connected server-side and client-side protocol over TCP, and the server."""
    accepted = loop.create_future()

    def factory() -> Any:
        protocol = server_class()
        if not accepted.done():
            accepted.set_result(protocol)
        return protocol

    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context)
    _, client = await loop.create_connection(client_class, *local(server), **options)
    peer = await accepted
    await peer.made
    return peer, client, server


async def finish(server: Any, *protocols: Any) -> None:
    """Abort what is still open, and close the server."""
    for protocol in protocols:
        if protocol.transport is not None:
            protocol.transport.abort()
    for protocol in protocols:
        await protocol.lost
    server.close()
    await server.wait_closed()
