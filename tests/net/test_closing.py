"""The end of a connection: closed, aborted, half-closed, reset, or left open."""

import asyncio
import errno
import os
import socket
import struct

import pytest

from ..connections import finish, pair
from ..support import (
    Recorder,
    differential,
    run_script,
    until,
)


def reset(transport):
    """Close so that the peer gets a RST and not a FIN."""
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def test_states_of_closing(loop):
    async def main():
        peer, client, server = await pair(loop)
        transport = client.transport
        assert not transport.is_closing()
        assert transport.is_reading()
        transport.close()
        assert transport.is_closing()
        assert not transport.is_reading()
        assert client.events == ["made"], "connection_lost is not called from within close()"
        transport.close()
        await client.lost
        transport.close()
        transport.abort()
        assert client.events == ["made", ("lost", None)]
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_close_flushes_what_was_written(loop):
    payload = b"z" * 4_000_000

    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(payload)
        client.transport.close()
        await asyncio.sleep(0.01)
        assert client.events == ["made", "pause"]
        peer.transport.resume_reading()
        await peer.lost
        assert len(peer.data) == len(payload)
        assert await client.lost is None
        assert client.events == ["made", "pause", "resume", ("lost", None)] or client.events == [
            "made",
            "pause",
            ("lost", None),
        ]
        await finish(server)

    loop.run_until_complete(main())


def test_abort_drops_what_was_written(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(b"z" * 8_000_000)
        assert client.transport.get_write_buffer_size() > 0
        client.transport.abort()
        assert client.transport.get_write_buffer_size() == 0
        assert await client.lost is None
        peer.transport.resume_reading()
        await peer.lost
        assert len(peer.data) < 8_000_000
        await finish(server)

    loop.run_until_complete(main())


def test_nothing_arrives_after_close(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.write(b"x" * 1000)
        client.transport.close()
        await client.lost
        assert client.data == b""
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_close_from_within_data_received(loop):
    class Closes(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(b"bye")
            self.transport.close()

    async def main():
        peer, client, server = await pair(loop, Closes)
        client.transport.write(b"hello")
        assert await client.lost is None
        assert client.data == b"bye"
        assert await peer.lost is None
        assert peer.events == ["made", "data", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_abort_from_within_data_received(loop):
    class Aborts(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.abort()

    async def main():
        peer, client, server = await pair(loop, Aborts)
        client.transport.write(b"x" * 100_000)
        await peer.lost
        await client.lost
        assert peer.events == ["made", "data", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_close_from_within_connection_made(loop):
    class Closes(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"greeting")
            transport.close()

    async def main():
        peer, client, server = await pair(loop, Closes)
        await client.lost
        await peer.lost
        assert client.data == b"greeting"
        assert peer.events == ["made", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_half_close_by_the_peer_closes_unless_kept(loop):
    async def main():
        peer, client, server = await pair(loop)
        assert client.transport.can_write_eof() is True
        client.transport.write(b"request")
        client.transport.write_eof()
        await peer.lost
        assert peer.events == ["made", "data", "eof", ("lost", None)]
        await client.lost
        assert client.events == ["made", "eof", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_half_close_kept_open(loop):
    class Keeps(Recorder):
        def eof_received(self):
            super().eof_received()
            return True

    async def main():
        peer, client, server = await pair(loop, Keeps, Keeps)
        client.transport.write_eof()
        await until(lambda: "eof" in peer.events)
        assert not peer.transport.is_closing()
        peer.transport.write(b"still here")
        await until(lambda: client.data == b"still here")
        peer.transport.write_eof()
        await until(lambda: "eof" in client.events)
        await asyncio.sleep(0)
        assert not client.transport.is_closing()
        client.transport.close()
        peer.transport.close()
        await client.lost
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_write_eof_waits_for_the_buffer(loop):
    payload = b"z" * 3_000_000

    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(payload)
        client.transport.write_eof()
        client.transport.write_eof()
        peer.transport.resume_reading()
        await peer.lost
        assert peer.data == payload
        await client.lost
        await finish(server)

    loop.run_until_complete(main())


def test_writes_that_come_too_late():
    async def scenario(loop, log):
        class Keeps(Recorder):
            def eof_received(self):
                return True

        peer, client, server = await pair(loop, Keeps)
        client.transport.write_eof()
        log.attempt("write after write_eof", client.transport.write, b"late")
        log.attempt("writelines after write_eof", client.transport.writelines, [b"late"])
        client.transport.close()
        log.attempt("write after close", client.transport.write, b"late")
        log.attempt("writelines after close", client.transport.writelines, [b"late"])
        log.attempt("write_eof after close", client.transport.write_eof)
        await client.lost
        log.attempt("pause_reading", client.transport.pause_reading)
        log.attempt("resume_reading", client.transport.resume_reading)
        log.attempt("size", client.transport.get_write_buffer_size)
        log.attempt("limits", client.transport.get_write_buffer_limits)
        log.attempt("is_reading", client.transport.is_reading)
        log.attempt("set limits", lambda: client.transport.set_write_buffer_limits(high=10))
        peer.transport.close()
        await peer.lost
        log(peer.events, client.events)
        await finish(server)

    differential(scenario)


def test_write_after_the_connection_was_lost(loop, caplog):
    """After five writes into the void asyncio logs a warning, and raises nothing."""

    async def main():
        peer, client, server = await pair(loop)
        client.transport.abort()
        await client.lost
        for _ in range(10):
            client.transport.write(b"x")
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())
    messages = [r.getMessage() for r in caplog.records if r.name == "asyncio"]
    assert messages == ["socket.send() raised exception."] * len(messages)
    assert len(messages) in (5, 6)


def test_reset_by_peer_while_reading(loop):
    async def main():
        peer, client, server = await pair(loop)
        reset(client.transport)
        error = await peer.lost
        assert isinstance(error, ConnectionResetError)
        assert error.errno == errno.ECONNRESET
        await client.lost
        await finish(server)

    loop.run_until_complete(main())


def test_reset_in_mid_write(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(b"z" * 8_000_000)
        assert client.transport.get_write_buffer_size() > 0
        reset(peer.transport)
        error = await client.lost
        assert isinstance(error, (ConnectionResetError, BrokenPipeError))
        assert client.transport.get_write_buffer_size() == 0
        assert client.transport.is_closing()
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_connection_errors(loop):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    sock.close()

    async def main():
        with pytest.raises(ConnectionRefusedError) as caught:
            await loop.create_connection(Recorder, "127.0.0.1", port)
        assert caught.value.errno == errno.ECONNREFUSED
        assert f"('127.0.0.1', {port})" in str(caught.value)
        with pytest.raises(socket.gaierror):
            await loop.create_connection(Recorder, "name.invalid", port)

    loop.run_until_complete(main())


def test_an_unclosed_transport_warns(loop):
    import gc

    listener = socket.create_server(("127.0.0.1", 0))
    transport, _ = loop.run_until_complete(
        loop.create_connection(asyncio.Protocol, *listener.getsockname())
    )
    listener.close()
    loop.close()
    with pytest.warns(ResourceWarning, match="unclosed transport"):
        del transport
        gc.collect()


@pytest.mark.parametrize("warnings", ["default", "ignore"])
def test_transports_that_are_open_at_the_interpreters_exit(loop_name, warnings):
    """They warn, as everywhere, and say nothing else."""
    source = """
        import asyncio, socket
        from loop_under_test import new_event_loop

        loop = new_event_loop()

        async def main():
            server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
            client = socket.create_connection(server.sockets[0].getsockname())
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            connected = await loop.connect_accepted_socket(asyncio.Protocol, ours)
            await asyncio.sleep(0.01)
            return server, client, theirs, connected

        held = loop.run_until_complete(main())
        """
    result = run_script(loop_name, source, python=("-W", warnings))
    assert result.returncode == 0
    if warnings == "ignore":
        assert result.stderr == ""
    else:
        assert result.stderr.count("ResourceWarning: unclosed transport") >= 2
        assert "ignored" not in result.stderr


@pytest.mark.parametrize("asked_before", [True, False])
def test_the_socket_is_shown_after_the_end(loop, asked_before):
    async def main():
        peer, client, server = await pair(loop)
        if asked_before:
            client.transport.get_extra_info("socket")
        await finish(server, peer, client)
        sock = client.transport.get_extra_info("socket")
        kind = f"family={socket.AF_INET!s}, type={socket.SOCK_STREAM!s}, proto=6"
        assert repr(sock) == f"<asyncio.TransportSocket fd=-1, {kind}>"
        assert (sock.fileno(), sock.family) == (-1, socket.AF_INET)
        with pytest.raises(OSError, match="Bad file descriptor"):
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    loop.run_until_complete(main())


@pytest.mark.parametrize("fails", [False, True])
def test_the_descriptor_was_closed_by_somebody_else(loop, reports, fails):
    """Nothing is lost on the way: the protocol is told, and what closing raises is reported."""

    class Client(Recorder):
        def connection_lost(self, exception):
            super().connection_lost(exception)
            if fails:
                raise ValueError("lost")

    async def main():
        peer, client, server = await pair(loop, client_class=Client)
        os.close(client.transport.get_extra_info("socket").fileno())
        client.transport.abort()
        await client.lost
        await finish(server, peer)

    loop.run_until_complete(main())
    (report,) = reports.take()
    assert report["message"].startswith(
        "Exception in callback _SelectorSocketTransport._call_connection_lost("
    )
    assert report["exception"].errno == errno.EBADF
    assert isinstance(report["exception"].__context__, ValueError) == fails
