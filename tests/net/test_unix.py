"""Unix stream sockets."""

import asyncio
import os
import socket
import stat

import pytest

from ..support import PY313, Recorder, differential, until


@pytest.fixture
def path(tmp_path, monkeypatch):
    # The kernel's limit for such a path is 107 bytes.
    monkeypatch.chdir(tmp_path)
    return "s"


def test_echo(loop, path):
    class Echo(Recorder):
        def data_received(self, data):
            self.transport.write(data)

    async def main():
        server = await loop.create_unix_server(Echo, path)
        assert stat.S_ISSOCK(os.stat(path).st_mode)
        transport, client = await loop.create_unix_connection(Recorder, path)
        payload = os.urandom(300_000)
        transport.write(payload)
        await until(lambda: len(client.data) == len(payload))
        assert client.data == payload
        assert transport.get_extra_info("peername") == path
        assert transport.get_extra_info("sockname") == ""
        assert transport.get_extra_info("socket").family == socket.AF_UNIX
        transport.write_eof()
        await client.lost
        assert [event for event in client.events if event not in ("pause", "resume")][-2:] == [
            "eof",
            ("lost", None),
        ]
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_the_path_after_close(loop, path):
    async def main():
        server = await loop.create_unix_server(Recorder, path)
        server.close()
        await server.wait_closed()
        assert os.path.exists(path) is not PY313
        server = await loop.create_unix_server(Recorder, path)
        server.close()

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY313, reason="create_unix_server(cleanup_socket=) is new in CPython 3.13")
def test_cleanup_socket(loop, path):
    async def main():
        server = await loop.create_unix_server(Recorder, path, cleanup_socket=False)
        server.close()
        assert os.path.exists(path)
        server = await loop.create_unix_server(Recorder, path)
        os.unlink(path)
        open(path, "w").close()
        server.close()
        assert os.path.exists(path), "what took its place is not ours to remove"

    loop.run_until_complete(main())


def test_abstract_and_pathlike(loop, tmp_path, path):
    async def main():
        name = f"\0riata-test-{os.getpid()}-{id(loop)}"
        server = await loop.create_unix_server(Recorder, name)
        transport, client = await loop.create_unix_connection(Recorder, name)
        transport.close()
        await client.lost
        await asyncio.sleep(0.001)
        server.close()
        await server.wait_closed()
        import pathlib

        server = await loop.create_unix_server(Recorder, pathlib.Path(path))
        server.close()

    loop.run_until_complete(main())


def test_sockets_given(loop, path):
    async def main():
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        server = await loop.create_unix_server(Recorder, sock=listener)
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        transport, client = await loop.create_unix_connection(Recorder, sock=sock)
        transport.close()
        await client.lost
        await asyncio.sleep(0.001)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_errors(path):
    async def scenario(loop, log):
        async def attempt(label, coro):
            try:
                await coro
            except Exception as error:
                log(label, error)
            else:
                log(label, "no error")

        await attempt("nothing there", loop.create_unix_connection(Recorder, "missing"))
        await attempt("no path", loop.create_unix_connection(Recorder))
        await attempt("no path", loop.create_unix_server(Recorder))
        one = socket.socket(socket.AF_UNIX)
        inet = socket.socket()
        await attempt("both", loop.create_unix_connection(Recorder, path, sock=one))
        await attempt("both", loop.create_unix_server(Recorder, path, sock=one))
        await attempt("not unix", loop.create_unix_connection(Recorder, sock=inet))
        await attempt("not unix", loop.create_unix_server(Recorder, sock=inet))
        await attempt(
            "server_hostname", loop.create_unix_connection(Recorder, path, server_hostname="x")
        )
        await attempt("ssl", loop.create_unix_connection(Recorder, path, ssl=True))
        await attempt("ssl", loop.create_unix_server(Recorder, path, ssl=True))
        await attempt(
            "handshake", loop.create_unix_connection(Recorder, path, ssl_handshake_timeout=1)
        )
        await attempt("handshake", loop.create_unix_server(Recorder, path, ssl_handshake_timeout=1))
        open("file", "w").close()
        await attempt("a file", loop.create_unix_server(Recorder, "file"))
        await attempt("no folder", loop.create_unix_server(Recorder, "no/folder"))
        await attempt("too long", loop.create_unix_server(Recorder, "x" * 200))
        os.unlink("file")
        one.close()
        inet.close()

    differential(scenario)


def test_streams(loop, path):
    async def main():
        async def handle(reader, writer):
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()

        server = await asyncio.start_unix_server(handle, path)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"one\ntwo\n")
        assert await reader.readline() == b"ONE\n"
        assert await reader.readexactly(4) == b"TWO\n"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
