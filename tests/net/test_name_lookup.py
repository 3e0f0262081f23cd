"""Which hosts are looked up, and how the addresses found are tried."""

import asyncio
import socket

import pytest

from ..connections import local
from ..support import PY312, Recorder, differential


def refuse_threads(loop):
    def refused(*args):
        raise AssertionError(f"run_in_executor was asked for {args[1:]}")

    loop.run_in_executor = refused


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_addresses_need_no_thread(loop, host):
    """Neither names nor threads are asked for what is an address already."""
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")

    async def main():
        refuse_threads(loop)
        server = await loop.create_server(Recorder, host, 0)
        port = local(server)[1]
        for how in ({}, {"local_addr": (host, 0)}, {"happy_eyeballs_delay": 1}):
            for given in (port, str(port)):
                _, client = await loop.create_connection(Recorder, host, given, **how)
                client.transport.abort()
                await client.lost
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=(host, 0), remote_addr=(host, port)
        )
        transport.close()
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, (host, port))
        server.close()
        await asyncio.sleep(0.01)
        del loop.run_in_executor

    loop.run_until_complete(main())


def test_names_are_looked_up_by_getaddrinfo():
    async def scenario(loop, log):
        asked = []
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        port = local(server)[1]

        async def getaddrinfo(host, given, **options):
            asked.append((host, given == port, sorted(options.items())))
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        loop.getaddrinfo = getaddrinfo
        for host in ("name.invalid", "127.1", "127.0.0.1%lo", "[::1]", "", None):
            try:
                _, client = await loop.create_connection(Recorder, host, port)
            except Exception as error:
                log(host, error)
            else:
                client.transport.abort()
                await client.lost
        log(asked)
        server.close()
        await asyncio.sleep(0.001)

    differential(scenario)


class Lookup:
    """A loop whose names have the given addresses, and whose `sock_connect` takes notes of what is tried."""

    def __init__(self, loop, log, addresses, slow=()):
        self.addresses, self.slow, self.log = addresses, slow, log
        self.connect = loop.sock_connect
        self.given_up = []
        self.loop = loop
        loop.getaddrinfo = self.getaddrinfo
        loop.sock_connect = self.sock_connect

    async def getaddrinfo(self, host, port, **options):
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, to, 0, 0) if ":" in address else (address, to),
            )
            for address, to in self.addresses
        ]

    async def sock_connect(self, sock, address):
        self.log("tried", address[0])
        if address[0] in self.slow:
            try:
                await self.loop.create_future()
            finally:
                self.given_up.append(address[0])
        await self.connect(sock, address)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.mark.parametrize("interleave", [None, 0, 1, 2])
@pytest.mark.parametrize("delay", [None, 0, 0.01])
def test_the_order_of_addresses(interleave, delay):
    """Happy eyeballs and `interleave` try what asyncio tries, in its order (uvloop #406)."""

    async def scenario(loop, log):
        port = free_port()
        others = ["127.0.0.2", "127.0.0.3", "::1", "127.0.0.4", "::ffff:127.0.0.5"]
        Lookup(loop, log, [(address, port) for address in others])
        try:
            await loop.create_connection(
                Recorder, "host", port, happy_eyeballs_delay=delay, interleave=interleave
            )
        except OSError as error:
            log(type(error), str(error).replace(str(port), "PORT"))

    differential(scenario)


@pytest.mark.parametrize("slow", [(), ("127.0.0.2",), ("127.0.0.2", "127.0.0.3")])
def test_a_slow_address_is_overtaken(slow):
    async def scenario(loop, log):
        server = await loop.create_server(Recorder, "127.0.0.4", 0)
        port = local(server)[1]
        lookup = Lookup(loop, log, [(f"127.0.0.{n}", port) for n in (2, 3, 4)], slow=slow)
        _, client = await loop.create_connection(Recorder, "host", port, happy_eyeballs_delay=0.02)
        log(client.transport.get_extra_info("peername")[0])
        log(sorted(lookup.given_up))  # asyncio keeps the tasks in a set
        client.transport.abort()
        await client.lost
        server.close()
        await asyncio.sleep(0.001)

    differential(scenario)


def test_cancelled_while_several_are_tried(loop):
    """The fixture sees that no socket is left."""

    async def main():
        tried = []
        lookup = Lookup(
            loop,
            lambda *event: tried.append(event),
            [("127.0.0.2", 1), ("127.0.0.3", 1)],
            slow=("127.0.0.2", "127.0.0.3"),
        )
        task = asyncio.ensure_future(
            loop.create_connection(Recorder, "host", 1, happy_eyeballs_delay=0.001)
        )
        while len(tried) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(
            0.001
        )  # up to 3.11 asyncio cancels its tasks and does not wait for them
        assert sorted(lookup.given_up) == ["127.0.0.2", "127.0.0.3"]
        del loop.getaddrinfo, loop.sock_connect, lookup

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY312, reason="create_connection(all_errors=) is new in CPython 3.12")
@pytest.mark.parametrize("delay", [None, 0.001])
def test_all_errors(delay):
    async def scenario(loop, log):
        port = free_port()
        Lookup(loop, log, [("127.0.0.2", port), ("127.0.0.3", port)])
        try:
            await loop.create_connection(
                Recorder, "host", port, all_errors=True, happy_eyeballs_delay=delay
            )
        except Exception as error:
            log(type(error), [str(e).replace(str(port), "PORT") for e in error.exceptions])

    differential(scenario)


def test_nothing_was_found():
    async def scenario(loop, log):
        Lookup(loop, log, [])
        for options in ({}, {"happy_eyeballs_delay": 1}, {"local_addr": ("127.0.0.1", 0)}):
            try:
                await loop.create_connection(Recorder, "host", 1, **options)
            except OSError as error:
                log(error)

    differential(scenario)
