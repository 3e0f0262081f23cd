"""The context that a transport's callbacks run in. asyncio changed it in 3.15; each Python has its own's expectation."""

import asyncio
import contextvars
import socket

import pytest

from ..support import PY315, differential

place = contextvars.ContextVar("place", default="nowhere")


def recorder(log, role):
    class Protocol(asyncio.Protocol):
        def __init__(self):
            log(role, "factory", place.get())
            place.set(f"{role} factory")
            self.lost = asyncio.get_running_loop().create_future()

        def connection_made(self, transport):
            log(role, "made", place.get())
            place.set(f"{role} made")
            self.transport = transport
            transport.set_write_buffer_limits(0)

        def data_received(self, data):
            log(role, "data", place.get())
            place.set(f"{role} data")
            if role == "server":
                self.transport.write(data)
                self.transport.close()

        def eof_received(self):
            log(role, "eof", place.get())
            place.set(f"{role} eof")

        def connection_lost(self, error):
            log(role, "lost", place.get())
            self.lost.set_result(None)

    return Protocol


@pytest.mark.parametrize("accepted", [False, True])
def test_plain(accepted):
    async def scenario(loop, log):
        place.set("main")
        made = []

        def factory():
            made.append(recorder(log, "server")())
            return made[0]

        server = await loop.create_server(factory, "127.0.0.1", 0)
        place.set("after the server began")
        address = server.sockets[0].getsockname()
        if accepted:
            sock = socket.create_connection(address)
            sock.setblocking(False)
            transport, client = await loop.connect_accepted_socket(recorder(log, "client"), sock)
        else:
            transport, client = await loop.create_connection(recorder(log, "client"), *address)
        log("main", place.get())
        place.set("at the write")
        transport.write(b"x")
        await client.lost
        await made[0].lost
        server.close()
        await asyncio.sleep(0)

    events = [event[:2] for event in differential(scenario)]
    assert ("server", "lost") in events and ("client", "lost") in events


def test_paused():
    async def scenario(loop, log):
        place.set("main")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        transport, protocol = await loop.connect_accepted_socket(recorder(log, "client"), ours)
        transport.pause_reading()
        theirs.send(b"x")
        place.set("at the resumption")
        transport.resume_reading()
        while ("client", "data") not in [event[:2] for event in log]:
            await asyncio.sleep(0)
        place.set("at the end")
        transport.abort()
        await protocol.lost
        theirs.close()

    log = differential(scenario)
    assert ("client", "data", "client made" if PY315 else "at the resumption") in log
