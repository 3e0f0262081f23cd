"""Datagram protocols that lack methods, raise, or are gone; errors and sizes (uvloop #319, #276, #403, #196, #594)."""

import asyncio
import errno
import socket

import pytest

from ..support import PY313, differential, until


class Protocol(asyncio.DatagramProtocol):
    def __init__(self, log=None):
        self.log = log or (lambda *event: None)
        self.received = []
        self.errors = []
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.received.append(data)

    def error_received(self, error):
        self.errors.append(error)

    def pause_writing(self):
        self.log("pause")

    def resume_writing(self):
        self.log("resume")

    def connection_lost(self, error):
        self.log("lost", error)
        self.lost.set_result(error)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_no_call_of_flow_control_after_the_end(tmp_path, how):
    """What is still in the buffer at the end goes or is dropped; the lost protocol hears no more."""

    async def scenario(loop, log):
        path = str(tmp_path / f"full-{id(loop)}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
            full.bind(path)
            full.setblocking(False)
            transport, protocol = await loop.create_datagram_endpoint(
                lambda: Protocol(log), remote_addr=path, family=socket.AF_UNIX
            )
            transport.set_write_buffer_limits(high=2000)
            while transport.get_write_buffer_size() <= 2000:
                transport.sendto(bytes(1000))
            log("waits", transport.get_write_buffer_size())
            getattr(transport, how)()
            transport.sendto(b"after the end")
            log("closing", transport.is_closing())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            log(protocol.lost.done())
            count = 0
            while not protocol.lost.done() or count == 0:
                try:
                    full.recv(2000)
                    count += 1
                except BlockingIOError:
                    pass
                await asyncio.sleep(0)
            await protocol.lost

    differential(scenario)


def test_errors_come_to_the_protocol():
    """A refused datagram is told by `error_received`, and the transport lives."""

    async def scenario(loop, log):
        with socket.socket(type=socket.SOCK_DGRAM) as nobody:
            nobody.bind(("127.0.0.1", 0))
            address = nobody.getsockname()
        transport, protocol = await loop.create_datagram_endpoint(
            Protocol, local_addr=("127.0.0.1", 0), remote_addr=address
        )
        transport.sendto(b"1")
        await until(lambda: protocol.errors)
        log([error.errno == errno.ECONNREFUSED for error in protocol.errors])
        log(transport.is_closing())
        transport.sendto(b"x" * 70_000)
        await asyncio.sleep(0.001)
        log(sorted(error.errno for error in protocol.errors[1:]))
        with socket.socket(type=socket.SOCK_DGRAM) as somebody:
            somebody.bind(address)
            somebody.settimeout(5)
            transport.sendto(b"2")
            log(somebody.recv(10))
        transport.close()
        await protocol.lost

    differential(scenario)


@pytest.mark.parametrize("size", [0, 1, 1472, 9000, 65507])
def test_sizes(size):
    async def scenario(loop, log):
        server, receiver = await loop.create_datagram_endpoint(
            Protocol, local_addr=("127.0.0.1", 0)
        )
        address = server.get_extra_info("sockname")
        for connected in (True, False):
            to = {"remote_addr": address} if connected else {"local_addr": ("127.0.0.1", 0)}
            transport, protocol = await loop.create_datagram_endpoint(Protocol, **to)
            for kind in (bytes, bytearray, memoryview):
                data = kind(bytes(size))
                transport.sendto(data, None if connected else address)
            transport.sendto(b"last", None if connected else address)
            await until(lambda: receiver.received[-1:] == [b"last"])
            log([len(data) for data in receiver.received], protocol.errors)
            receiver.received.clear()
            transport.close()
            await protocol.lost
        server.close()
        await receiver.lost

    log = differential(scenario)
    if PY313 and size == 0:
        assert log[0][0] == (0, 0, 0, 4)


def test_protocols_with_few_methods(loop, reports):
    """A factory may give anything; what is missing is reported where it is called."""

    class Bare:
        def connection_made(self, transport):
            pass

        def connection_lost(self, error):
            pass

    async def main():
        transport, protocol = await loop.create_datagram_endpoint(Bare, local_addr=("127.0.0.1", 0))
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", transport.get_extra_info("sockname"))
        await until(lambda: reports)
        await asyncio.sleep(0.001)
        transport.abort()
        await asyncio.sleep(0.001)

    loop.run_until_complete(main())
    assert all(isinstance(c["exception"], AttributeError) for c in reports.take())


def test_one_instance_for_several_endpoints(loop):
    """The factory may be a function that gives the same protocol, or a class with its own `__call__` (uvloop #69)."""

    async def main():
        received = []

        class Factory:
            def __call__(self):
                return self

            connection_made = staticmethod(lambda transport: None)
            connection_lost = staticmethod(lambda error: None)
            datagram_received = staticmethod(lambda data, address: received.append(data))

        shared = Factory()
        made = [
            await loop.create_datagram_endpoint(shared, local_addr=("127.0.0.1", 0))
            for _ in range(2)
        ]
        assert [protocol for _, protocol in made] == [shared, shared]
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for transport, _ in made:
                sender.sendto(b"x", transport.get_extra_info("sockname"))
        await until(lambda: len(received) == 2)
        for transport, _ in made:
            transport.close()
        await asyncio.sleep(0.001)

    loop.run_until_complete(main())
