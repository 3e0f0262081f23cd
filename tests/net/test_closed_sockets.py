"""A program closes the socket below a transport, and the number of its descriptor is given to another one."""

import asyncio
import socket

import pytest

from ..connections import socket_pair
from ..support import differential


class Told(asyncio.Protocol):
    def __init__(self, log):
        self.log = log

    def data_received(self, data):
        self.log("data", data)

    def eof_received(self):
        self.log("eof")

    def connection_lost(self, error):
        self.log("lost", error)


def received(sock):
    try:
        return sock.recv(100)
    except BlockingIOError:
        return "nothing"


async def lose_the_number(loop, log, *, detached):
    """A transport whose socket is closed; who talks to it; a stranger that has its number, and who talks to that."""
    below, peer = socket_pair()
    transport, _ = await loop.create_connection(lambda: Told(log), sock=below)
    number = below.fileno()
    still_open = below.dup()  # so that the kernel goes on to tell of it
    if detached:
        socket.close(below.detach())
    else:
        below.close()
    first, second = socket_pair()
    stranger, friend = (first, second) if first.fileno() == number else (second, first)
    assert stranger.fileno() == number
    return transport, peer, stranger, friend, still_open


ACTIONS = {
    "write": lambda transport: transport.write(b"secret"),
    "write much": lambda transport: transport.write(bytes(1_000_000)),
    "writelines": lambda transport: transport.writelines([b"a", b"b"]),
    "write_eof": lambda transport: transport.write_eof(),
    "close": lambda transport: transport.close(),
    "abort": lambda transport: transport.abort(),
    "nothing": lambda transport: None,
}


@pytest.mark.parametrize("detached", [False, True], ids=["closed", "detached"])
@pytest.mark.parametrize("action", list(ACTIONS))
def test_the_next_socket_of_that_number_is_left_alone(action, detached):
    async def scenario(loop, log):
        transport, peer, stranger, friend, still_open = await lose_the_number(
            loop, log, detached=detached
        )
        log.attempt(action, ACTIONS[action], transport)
        log(transport.is_closing())
        friend.send(b"for the stranger")
        peer.send(b"wake")
        for _ in range(3):
            await asyncio.sleep(0.001)
        log(received(stranger), received(friend), received(peer))
        transport.abort()
        await asyncio.sleep(0.001)
        for sock in (peer, stranger, friend, still_open):
            sock.close()

    differential(scenario)
