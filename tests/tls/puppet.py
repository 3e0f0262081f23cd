"""The other end of a TLS connection, moved by hand: what is sent is chosen record by record and byte by byte."""

import asyncio
import contextlib
import socket
import ssl
from typing import Any


class Puppet:
    """A client (or server) over a plain socket, which does nothing that it is not told."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server_side: bool = False):
        sock.setblocking(False)
        self.sock = sock
        self.loop = asyncio.get_running_loop()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming,
            self.outgoing,
            server_side=server_side,
            server_hostname=None if server_side else "localhost",
        )
        self.ended = False

    @classmethod
    async def connect(cls, address: Any, context: ssl.SSLContext) -> "Puppet":
        puppet = cls(socket.create_connection(address), context)
        await puppet.call(puppet.tls.do_handshake)
        return puppet

    async def call(self, function: Any, *args: Any) -> Any:
        """Call a method of the TLS object, with what it takes of sending and receiving."""
        while True:
            try:
                result = function(*args)
            except ssl.SSLWantReadError:
                await self.send(self.outgoing.read())
                await self.receive()
            else:
                await self.send(self.outgoing.read())
                return result

    async def send(self, data: bytes) -> None:
        if data:
            await self.loop.sock_sendall(self.sock, data)

    async def receive(self) -> None:
        data = await self.loop.sock_recv(self.sock, 65536)
        if data:
            self.incoming.write(data)
        else:
            self.ended = True
            self.incoming.write_eof()

    def records(self, *texts: bytes) -> bytes:
        """The texts, a record each, not sent yet."""
        for text in texts:
            self.tls.write(text)
        return self.outgoing.read()

    def goodbye(self) -> bytes:
        """A close_notify, not sent yet."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self.outgoing.read()

    async def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += await self.call(self.tls.read, count - len(data))
        return data

    def close(self) -> None:
        self.sock.close()


class Scene:
    """A TLS server with one connection: `protocol` is the loop's end, `puppet` the other."""

    def __init__(self, protocol: Any, puppet: Puppet, server: Any):
        self.protocol, self.puppet, self.server = protocol, puppet, server

    async def end(self) -> None:
        self.puppet.close()
        transport = self.protocol.transport
        if transport is not None:
            transport.abort()
        if not self.protocol.lost.done():
            await self.protocol.lost
        self.server.close()
        await self.server.wait_closed()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def scene(factory: Any, server_context: Any, client_context: Any, **options: Any) -> Any:
    loop = asyncio.get_running_loop()
    made: list[Any] = []

    def remember() -> Any:
        made.append(factory())
        return made[-1]

    server = await loop.create_server(remember, "127.0.0.1", 0, ssl=server_context, **options)
    puppet = await Puppet.connect(server.sockets[0].getsockname(), client_context)
    while not made or not made[0].events:
        await asyncio.sleep(0.001)
    here = Scene(made[0], puppet, server)
    try:
        yield here
    finally:
        await here.end()
