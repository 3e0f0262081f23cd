"""`StreamWriter.drain` over TLS, in the step that wrote."""

import asyncio
import asyncio.sslproto
import socket
import struct
import threading

import pytest

from ..support import differential


@pytest.mark.skipif(
    not hasattr(asyncio.sslproto.SSLProtocol, "_is_transport_closing"),
    reason="asyncio's TLS transport did not tell that the one below is closing",
)
def test_a_failed_write_is_told(server_context, client_context):
    async def scenario(loop, log):
        go = threading.Event()

        def serve(listener):
            plain, _ = listener.accept()
            with server_context.wrap_socket(plain, server_side=True) as peer:
                go.wait(10)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener,))
            thread.start()
            _, writer = await asyncio.open_connection(
                *listener.getsockname(), ssl=client_context, server_hostname="localhost"
            )
            await asyncio.sleep(0.05)  # the tickets that come after the handshake
            go.set()
            thread.join()
        for _ in range(3):
            writer.write(b"data")
            try:
                log(await writer.drain())
            except ConnectionError as error:
                log(error)
        log(writer.transport.is_closing())
        writer.close()

    differential(scenario)
