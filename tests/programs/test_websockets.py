"""The websockets library, server and client, unmodified, on the loop under test."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from ..support import differential


async def echo(connection):
    async for message in connection:
        await connection.send(message)


def test_echo():
    async def scenario(loop, log):
        async with serve(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}") as ws:
                for message in ("text", b"bytes", "", "x" * 500_000, bytes(500_000)):
                    await ws.send(message)
                    log(await ws.recv() == message)
                latency = await (await ws.ping())
                log(latency >= 0)
                await ws.send(["in ", "frag", "ments"])
                log(await ws.recv())
            log(ws.close_code)

    differential(scenario)


def test_many_clients_at_once():
    async def scenario(loop, log):
        async with serve(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]

            async def client(i):
                async with connect(f"ws://127.0.0.1:{port}") as ws:
                    for j in range(20):
                        await ws.send(f"{i} {j}")
                        assert await ws.recv() == f"{i} {j}"
                return i

            log(await asyncio.gather(*[client(i) for i in range(40)]))

    differential(scenario)


def test_server_closes_and_client_vanishes():
    async def scenario(loop, log):
        async def handler(connection):
            try:
                async for message in connection:
                    if message == "close":
                        await connection.close(4001, "as asked")
            except ConnectionClosed as error:
                log("handler", type(error).__name__)

        async with serve(handler, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}") as ws:
                await ws.send("close")
                with pytest.raises(ConnectionClosed) as caught:
                    await ws.recv()
                log(str(caught.value))
            ws = await connect(f"ws://127.0.0.1:{port}")
            ws.transport.abort()
            await ws.wait_closed()
            log(ws.close_code)

    differential(scenario)


def test_back_pressure():
    async def scenario(loop, log):
        async def slow(connection):
            total = 0
            async for message in connection:
                total += len(message)
                await asyncio.sleep(0)
            log("received", total)

        async with serve(slow, "127.0.0.1", 0, max_queue=2) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}", compression=None) as ws:
                for _ in range(100):
                    await ws.send(bytes(60_000))

    differential(scenario)
