"""What a program may do to a TLS connection from within its callbacks: the same log on every loop."""

import asyncio
import contextlib
import socket
import ssl

import pytest

from ..support import PY311, differential
from .puppet import Puppet

pytestmark = pytest.mark.skipif(not PY311, reason="TLS of asyncio on CPython 3.10 is another one")

METHODS = ["connection_made", "data_received", "eof_received", "connection_lost"]
FLOW = ["pause_writing", "resume_writing"]


class Boom(Exception):
    pass


class Logged(asyncio.Protocol):
    """Logs each call, then does what the test wants done in the method `where`."""

    def __init__(self, log, where=None, action=None):
        self.log, self.where, self.action = log, where, action
        self.transport = None
        self.lost = asyncio.get_running_loop().create_future()

    def done(self, where):
        if where == self.where:
            self.where = None
            self.action(self)

    def connection_made(self, transport):
        self.transport = transport
        self.log("made", isinstance(transport, asyncio.Transport))
        self.done("connection_made")

    def data_received(self, data):
        self.log("data", data if len(data) < 100 else len(data))
        self.done("data_received")

    def eof_received(self):
        self.log("eof")
        self.done("eof_received")

    def pause_writing(self):
        self.log("pause")
        self.done("pause_writing")

    def resume_writing(self):
        self.log("resume")
        self.done("resume_writing")

    def connection_lost(self, error):
        self.log("lost", error)
        if not self.lost.done():
            self.lost.set_result(None)
        self.done("connection_lost")


async def conversation(loop, log, server_context, client_context, where, action):
    """A peer says something, asks for much, says goodbye; `action` happens once, in the server's method `where`."""
    made = []

    def factory():
        made.append(Logged(log, where, action))
        return made[-1]

    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context)
    puppet = Puppet(socket.create_connection(server.sockets[0].getsockname()), client_context)
    answer = b""
    with contextlib.suppress(OSError):  # the server may be gone by any step
        await puppet.call(puppet.tls.do_handshake)
        while not made:
            await asyncio.sleep(0.001)
        protocol = made[0]
        await puppet.send(puppet.records(b"hello"))
        if where in FLOW:
            await asyncio.sleep(0.01)
            while not any(event[0] == "pause" for event in log):
                protocol.transport.write(b"x" * 262_144)
                await asyncio.sleep(0)
            for _ in range(2000):
                with contextlib.suppress(ssl.SSLWantReadError):
                    while puppet.tls.read(65536):
                        pass
                if any(event[0] in ("resume", "lost") for event in log) or puppet.ended:
                    break
                await puppet.receive()
        await asyncio.sleep(0.01)
        await puppet.send(puppet.goodbye())
        while not puppet.ended:
            await puppet.receive()
            with contextlib.suppress(ssl.SSLError):
                while data := puppet.tls.read(65536):
                    answer += data
    protocol = made[0]
    # Errors before `connection_made` returns leave the protocol with no end to be told of.
    with contextlib.suppress(asyncio.TimeoutError):
        limit = 0.2 if where == "connection_made" else 10
        await asyncio.wait_for(asyncio.shield(protocol.lost), limit)
    await asyncio.sleep(0.01)
    if where not in FLOW:
        log("the peer got", answer)
    log("closing", protocol.transport.is_closing())
    protocol.lost.cancel()
    puppet.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.01)


def boom(protocol):
    raise Boom("in a callback")


def write(protocol):
    protocol.transport.write(b"a")
    protocol.transport.writelines([b"b", bytearray(b"c")])
    protocol.transport.write(memoryview(b"d"))


def write_much(protocol):
    protocol.transport.write(b"m" * 100_000)


def close(protocol):
    # After a second `close()` asyncio's transport raises AttributeError for nearly everything; riata's is closed.
    second = protocol.transport.is_closing()
    protocol.transport.close()
    if not second:
        protocol.transport.write(b"too late")


def write_and_close(protocol):
    protocol.transport.write(b"last words")
    protocol.transport.close()


def write_and_abort(protocol):
    protocol.transport.write(b"last words")
    protocol.transport.abort()


def abort(protocol):
    protocol.transport.abort()


def pause(protocol):
    protocol.transport.pause_reading()
    protocol.transport.pause_reading()
    asyncio.get_running_loop().call_later(0.02, protocol.transport.resume_reading)


def other_protocol(protocol):
    other = Logged(lambda *event: protocol.log("other", *event))
    other.transport = protocol.transport
    other.lost = protocol.lost
    protocol.transport.set_protocol(other)
    protocol.log("protocol is other", protocol.transport.get_protocol() is other)


def write_wrong_types(protocol):
    for data in (1, "text", None, [1]):
        protocol.log.attempt("write", protocol.transport.write, data)
    protocol.log.attempt("write nothing", protocol.transport.write, b"")
    protocol.log.attempt("write_eof", protocol.transport.write_eof)
    protocol.log("can_write_eof", protocol.transport.can_write_eof())


ACTIONS = [
    boom,
    write,
    write_much,
    close,
    write_and_close,
    write_and_abort,
    abort,
    pause,
    other_protocol,
    write_wrong_types,
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
@pytest.mark.parametrize("where", METHODS)
def test_in_a_callback(server_context, client_context, where, action):
    differential(conversation, server_context, client_context, where, action)


# `abort` in `resume_writing` is left out: asyncio's socket transport ends twice then, with an AttributeError.
@pytest.mark.parametrize(
    ("where", "action"),
    [(where, action) for where in FLOW for action in (boom, close)] + [("pause_writing", abort)],
)
def test_in_a_callback_of_flow_control(server_context, client_context, where, action):
    async def scenario(loop, log, *args):
        await conversation(loop, log, *args)
        # How much passes between the two is the kernel's affair.
        log[:] = [event for event in log if event[0] in ("handler", "made", "pause", "lost")][:4]

    differential(scenario, server_context, client_context, where, action)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["data_received"])
def test_what_ends_the_loop_comes_out(loop, server_context, client_context, where, error, reports):
    def end(protocol):
        raise error("stop")

    log = []

    async def main():
        await conversation(
            loop, lambda *event: log.append(event), server_context, client_context, where, end
        )

    task = loop.create_task(main())
    with pytest.raises(error):
        loop.run_until_complete(task)
    loop.run_until_complete(asyncio.wait_for(task, 20))
    assert log[-1][0] == "closing"
    reports.clear()


def test_true_from_eof_received_is_warned_about(loop, server_context, client_context, caplog):
    async def main():
        class Stubborn(Logged):
            def eof_received(self):
                return True

        made = []

        def factory():
            made.append(Stubborn(lambda *event: None))
            return made[0]

        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context)
        puppet = await Puppet.connect(server.sockets[0].getsockname(), client_context)
        await puppet.send(puppet.goodbye())
        while not made:
            await asyncio.sleep(0.001)
        await made[0].lost
        puppet.close()
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    text = "returning true from eof_received() has no effect when using ssl"
    assert [record.message for record in caplog.records].count(text) == 1


def test_writes_after_the_end_are_warned_about(loop, server_context, client_context, caplog):
    async def main():
        protocol = Logged(lambda *event: None)
        server = await loop.create_server(
            lambda: Logged(lambda *event: None), "127.0.0.1", 0, ssl=server_context
        )
        transport, _ = await loop.create_connection(
            lambda: protocol,
            *server.sockets[0].getsockname(),
            ssl=client_context,
            server_hostname="localhost",
        )
        transport.abort()
        await protocol.lost
        assert "SSL connection is closed" not in caplog.text
        for _ in range(10):
            transport.write(b"x")
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    assert 4 <= caplog.text.count("SSL connection is closed") <= 6


def test_writelines_of_what_has_no_length(loop, server_context, client_context, reports):
    async def main():
        peer = Logged(lambda *event: None)
        server = await loop.create_server(lambda: peer, "127.0.0.1", 0, ssl=server_context)
        protocol = Logged(lambda *event: None)
        transport, _ = await loop.create_connection(
            lambda: protocol,
            *server.sockets[0].getsockname(),
            ssl=client_context,
            server_hostname="localhost",
        )
        with pytest.raises(TypeError, match="object of type 'int' has no len()"):
            transport.writelines([b"x", 1])
        assert not transport.is_closing()
        transport.write(b"y")
        await protocol.lost
        await peer.lost
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    assert [context["message"] for context in reports.take()] == ["Fatal error on SSL protocol"]
