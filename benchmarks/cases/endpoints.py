"""Datagrams and pipes, both ends on one loop: a round trip is two receives and two sends."""

import asyncio
import os

from cases.registry import Bench, micro

MESSAGE = b"x" * 100


class EchoDatagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple) -> None:
        self.transport.sendto(data, addr)


class AskDatagrams(asyncio.DatagramProtocol):
    """Sends the next one when the answer is there."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple) -> None:
        self.left -= 1
        if self.left:
            self.transport.sendto(data)
        else:
            self.done.set_result(None)


@micro("UDP round trip, 100 bytes", unit="round trip", size=1_000)
async def udp_round_trip(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    here = ("127.0.0.1", 0)
    echo, _ = await loop.create_datagram_endpoint(EchoDatagrams, local_addr=here)
    address = echo.get_extra_info("sockname")
    ask, protocol = await loop.create_datagram_endpoint(
        lambda: AskDatagrams(bench.size), remote_addr=address
    )
    with bench.measure():
        ask.sendto(MESSAGE)
        await protocol.done
    bench.operations = bench.size
    ask.close()
    echo.close()
    await asyncio.sleep(0)


class ReadWhole(asyncio.Protocol):
    """Calls `then` for each message."""

    def __init__(self) -> None:
        self.received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        while self.received >= len(MESSAGE):
            self.received -= len(MESSAGE)
            self.then()


@micro("pipe round trip, 100 bytes", unit="round trip", size=1_000)
async def pipe_round_trip(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    transports = []

    async def pipe() -> tuple[ReadWhole, asyncio.WriteTransport]:
        readable, writable = os.pipe()
        reading, protocol = await loop.connect_read_pipe(ReadWhole, os.fdopen(readable, "rb", 0))
        writing, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(writable, "wb", 0)
        )
        transports.extend((reading, writing))
        return protocol, writing

    there, to_there = await pipe()
    back, to_back = await pipe()
    left = bench.size
    done = loop.create_future()

    def returned() -> None:
        nonlocal left
        left -= 1
        if left:
            to_there.write(MESSAGE)
        else:
            done.set_result(None)

    there.then = lambda: to_back.write(MESSAGE)
    back.then = returned
    with bench.measure():
        to_there.write(MESSAGE)
        await done
    bench.operations = bench.size
    for transport in transports:
        transport.close()
    await asyncio.sleep(0)
