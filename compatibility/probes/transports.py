"""Transports."""

import asyncio

from registry import probe
from support import Recorder, connected, expect, until


@probe(issue="uvloop#605")
async def transport_class(loop):
    """A transport passes `isinstance` of `asyncio.Transport`"""
    transport, _, peer = await connected(loop)
    transport.abort()
    peer.close()
    assert isinstance(transport, asyncio.Transport)


@probe(issue="uvloop#702")
async def writable_write(loop):
    """`transport.write` can be replaced, as mocks and tracers do"""
    transport, _, peer = await connected(loop)
    seen = []
    transport.write = seen.append
    transport.write(b"x")
    assert seen == [b"x"]
    transport.abort()
    peer.close()


@probe()
async def kinds_of_data(loop):
    """`write` takes bytes, bytearray and memoryview, and refuses str with TypeError"""
    transport, _, peer = await connected(loop)
    with peer:
        transport.write(b"a")
        transport.write(bytearray(b"b"))
        transport.write(memoryview(b"c"))
        transport.writelines([b"d", bytearray(b"e"), memoryview(b"f")])
        expect(TypeError, transport.write, "text")
        transport.close()
        data = await loop.run_in_executor(None, lambda: b"".join(iter(lambda: peer.recv(100), b"")))
    assert data == b"abcdef", f"the peer got {data!r}"


@probe()
async def bytearray_may_change(loop):
    """A bytearray may be changed after `write`: what was in it then is sent"""
    transport, _, peer = await connected(loop)
    with peer:
        data = bytearray(b"a" * 2_000_000)
        transport.write(data)
        data[:] = b"b" * len(data)
        transport.close()
        got = await loop.run_in_executor(
            None, lambda: b"".join(iter(lambda: peer.recv(1 << 20), b""))
        )
    assert got.count(b"b") == 0 and len(got) == 2_000_000, f"{got.count(b'b')} bytes changed"


@probe(issue="uvloop#506")
async def write_after_close(loop):
    """`write` after `close` and after the connection was lost raises nothing"""
    transport, protocol, peer = await connected(loop)
    transport.close()
    transport.write(b"x")
    await protocol.lost
    transport.write(b"x")
    transport.close()
    transport.abort()
    assert transport.is_closing()
    peer.close()


@probe()
async def closed_transport_answers(loop):
    """A closed transport still answers `get_extra_info('peername')`, `get_write_buffer_size` and `repr`"""
    transport, protocol, peer = await connected(loop)
    name = transport.get_extra_info("peername")
    transport.close()
    await protocol.lost
    peer.close()
    assert transport.get_extra_info("peername") == name, "the peer's name is gone"
    assert transport.get_write_buffer_size() == 0
    assert "clos" in repr(transport), f"repr is {repr(transport)[:40]}"


@probe()
async def flow_control(loop):
    """`pause_writing` at the high-water mark, `resume_writing` at the low one"""
    transport, protocol, peer = await connected(loop)
    with peer:
        transport.set_write_buffer_limits(high=1000, low=500)
        assert transport.get_write_buffer_limits() == (500, 1000)
        transport.write(b"x" * 20_000_000)
        await asyncio.sleep(0.001)
        assert "pause" in protocol.events, "no pause_writing"
        transport.abort()
    await protocol.lost


@probe()
async def no_pause_after_lost(loop):
    """Writes to a connection that is lost never call `pause_writing`"""
    transport, protocol, peer = await connected(loop)
    transport.set_write_buffer_limits(high=10)
    transport.abort()
    peer.close()
    await protocol.lost
    protocol.events.clear()
    for _ in range(10):
        transport.write(b"x" * 100_000)
    await asyncio.sleep(0.001)
    assert protocol.events == [], f"it heard {protocol.events}"


@probe()
async def no_resume_after_closed(loop):
    """After `abort` a protocol that was paused hears `connection_lost`, and no `resume_writing` later"""
    transport, protocol, peer = await connected(loop)
    transport.set_write_buffer_limits(high=10)
    transport.write(b"x" * 20_000_000)
    transport.abort()
    await protocol.lost
    peer.close()
    await asyncio.sleep(0.001)
    assert protocol.events[-1] == "lost", f"the last was {protocol.events[-1]}"


@probe()
async def pause_reading(loop):
    """`pause_reading`, `resume_reading` and `is_reading`, twice each without harm"""
    transport, protocol, peer = await connected(loop)
    with peer:
        transport.pause_reading()
        transport.pause_reading()
        assert not transport.is_reading()
        peer.sendall(b"x")
        await asyncio.sleep(0.005)
        assert protocol.data == b"", "it reads when paused"
        transport.resume_reading()
        transport.resume_reading()
        await until(lambda: protocol.data == b"x", "it does not read on")
        transport.close()
        await protocol.lost
        transport.pause_reading()
        assert not transport.is_reading()


@probe()
async def buffered_protocol(loop):
    """A BufferedProtocol is read into its own buffer"""

    class Buffered(asyncio.BufferedProtocol):
        def __init__(self):
            self.buffer = bytearray(100)
            self.got = b""

        def get_buffer(self, hint):
            return self.buffer

        def buffer_updated(self, count):
            self.got += self.buffer[:count]

    transport, protocol, peer = await connected(loop, Buffered)
    with peer:
        peer.sendall(b"x" * 250)
        await until(lambda: len(protocol.got) == 250)
    transport.abort()


@probe()
async def set_protocol(loop):
    """`set_protocol` changes who is told, and `get_protocol` says who"""
    transport, first, peer = await connected(loop)
    second = Recorder()
    transport.set_protocol(second)
    assert transport.get_protocol() is second
    with peer:
        peer.sendall(b"x")
        await until(lambda: second.data == b"x")
    await second.lost
    assert "eof" in second.events and first.data == b""


@probe(issue="uvloop#241")
async def socket_of_transport(loop):
    """The `'socket'` of a transport has `shutdown`, options and names, and refuses nothing that asyncio's has"""
    import socket

    transport, protocol, peer = await connected(loop)
    sock = transport.get_extra_info("socket")
    assert sock.family == socket.AF_INET and sock.getpeername() and sock.fileno() >= 0
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.shutdown(socket.SHUT_WR)
    assert peer.recv(10) == b""
    transport.abort()
    peer.close()


@probe()
async def arguments_have_names(loop):
    """`write(data=...)`, `get_extra_info(name, default=...)`, `set_write_buffer_limits(high=, low=)` by name"""
    transport, _, peer = await connected(loop)
    with peer:
        transport.write(data=b"x")
        assert transport.get_extra_info("nothing", default=5) == 5
        transport.set_write_buffer_limits(high=10, low=5)
        await asyncio.sleep(0.005)
        assert peer.recv(10) == b"x"
    transport.abort()


@probe()
async def streams(loop):
    """Streams with `limit`, `readuntil`, `writelines` and `drain`, to the end"""

    async def serve(reader, writer):
        writer.write(await reader.readuntil(b"\n"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=100)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=100)
    writer.writelines([b"he", b"llo\n"])
    assert await reader.read() == b"hello\n"
    writer.close()
    await writer.wait_closed()
    server.close()


@probe()
async def unclosed_transport_warns(loop):
    """A transport that is dropped without `close()` warns with ResourceWarning"""
    import gc
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        transport, protocol, peer = await connected(loop)
        transport.pause_reading()
        protocol.transport = None
        del transport, protocol
        for _ in range(3):
            gc.collect()
            await asyncio.sleep(0)
    peer.close()
    assert any("unclosed transport" in str(w.message) for w in caught), "it does not warn"


@probe()
async def weakly_referenced(loop):
    """A transport can be weakly referenced and take attributes"""
    import weakref

    transport, _, peer = await connected(loop)
    transport.mine = 5
    assert weakref.ref(transport)() is transport and transport.mine == 5
    transport.abort()
    peer.close()
