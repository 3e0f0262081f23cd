"""Handshakes leave nothing behind: good ones, refused ones, ones that the peer or the client breaks off."""

import asyncio
import ssl

import pytest

from ..connections import local
from ..flat import flat
from ..support import PY311, Recorder


def handshakes(loop, count, server_context, client_context):
    """Some `count` handshakes: of twenty, one is over a plain connection's transport, one ends without a
    certificate that the client trusts, one is cancelled and one aborted; the others say a word and close."""
    stranger = ssl.create_default_context()

    class Echo(Recorder):
        def data_received(self, data):
            self.transport.write(data)

    async def client(address, number):
        context = stranger if number == 7 else client_context
        if number == 3 and PY311:
            transport, protocol = await loop.create_connection(Recorder, *address)
            upgrade = loop.start_tls(transport, protocol, context, server_hostname="localhost")
            transport = await upgrade
            protocol.connection_made(transport)
        else:
            arguments = {"ssl": context, "server_hostname": "localhost"}
            connect = loop.create_connection(Recorder, *address, **arguments)
            if number == 11:
                connect = asyncio.wait_for(connect, 0.002)
            try:
                transport, protocol = await connect
            except (ssl.SSLError, asyncio.TimeoutError):
                assert number in (7, 11)
                return
        transport.write(b"a word")
        (transport.abort if number == 13 else transport.close)()
        await protocol.lost

    async def main():
        server = await loop.create_server(Echo, "127.0.0.1", 0, ssl=server_context, backlog=128)
        for _ in range(count // 20):
            await asyncio.gather(*[client(local(server), number) for number in range(20)])
        server.close()
        await server.wait_closed()
        # asyncio's TLS lets a handshake that was cancelled end in its own time.
        await asyncio.sleep(0.02)

    def work():
        # That the peer breaks off a handshake is reported.
        loop.set_exception_handler(lambda loop, context: None)
        loop.run_until_complete(main())

    return work


@pytest.mark.slow
def test_two_thousand_handshakes(loop, server_context, client_context):
    flat(loop, handshakes(loop, 400, server_context, client_context), limit=6_000_000)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_thousand_handshakes(loop, server_context, client_context):
    work = handshakes(loop, 20_000, server_context, client_context)
    flat(loop, work, limit=6_000_000, record=print)
