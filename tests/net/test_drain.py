"""`StreamWriter.drain` in the step that wrote: it tells what came of the write."""

import asyncio
import socket
import struct

import pytest

from ..support import differential


async def reset_by_peer(loop):
    """Streams over a connection whose peer has reset it, which nobody has noticed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        peer, _ = listener.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    return reader, writer


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_a_failed_write_is_told(size):
    async def scenario(loop, log):
        _, writer = await reset_by_peer(loop)
        for _ in range(3):
            writer.write(b"x" * size)
            try:
                log(await writer.drain())
            except ConnectionError as error:
                log(error)
        log(writer.transport.is_closing())
        writer.close()

    differential(scenario)
