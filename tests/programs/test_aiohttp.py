"""aiohttp, server and client, unmodified, in one process on the loop under test."""

import asyncio
import hashlib

import aiohttp
from aiohttp import web

from ..support import differential


async def serve(app, **options):
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, **options)
    await site.start()
    return runner, site._server.sockets[0].getsockname()[1]


def make_app(log):
    app = web.Application()
    routes = web.RouteTableDef()

    @routes.get("/")
    async def hello(request):
        return web.Response(text=f"Hello, {request.query.get('name', 'world')}!")

    @routes.post("/digest")
    async def digest(request):
        sha = hashlib.sha256()
        async for chunk in request.content.iter_chunked(10_000):
            sha.update(chunk)
        return web.json_response({"sha256": sha.hexdigest()})

    @routes.get("/stream")
    async def stream(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for i in range(200):
            await response.write(b"%06d\n" % i * 100)
        await response.write_eof()
        return response

    @routes.get("/slow")
    async def slow(request):
        try:
            await asyncio.sleep(30)
        finally:
            log("the slow handler ended")

    @routes.get("/ws")
    async def socket(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            if message.type == aiohttp.WSMsgType.TEXT:
                await ws.send_str(message.data[::-1])
            elif message.type == aiohttp.WSMsgType.BINARY:
                await ws.send_bytes(message.data)
        log("socket closed", ws.close_code)
        return ws

    @routes.get("/fail")
    async def fail(request):
        raise web.HTTPTeapot(text="short and stout")

    app.add_routes(routes)
    return app


def test_requests():
    async def scenario(loop, log):
        runner, port = await serve(make_app(log))
        url = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/?name=x") as response:
                log(
                    response.status,
                    await response.text(),
                    dict(response.headers).get("Content-Length"),
                )
            payload = bytes(range(256)) * 10_000
            async with session.post(f"{url}/digest", data=payload) as response:
                log((await response.json())["sha256"] == hashlib.sha256(payload).hexdigest())

            async def chunks():
                for i in range(50):
                    yield payload[:5000]
                    await asyncio.sleep(0)

            async with session.post(f"{url}/digest", data=chunks()) as response:
                log(await response.json())
            async with session.get(f"{url}/stream") as response:
                body = await response.read()
                log(len(body), hashlib.sha256(body).hexdigest())
            async with session.get(f"{url}/fail") as response:
                log(response.status, await response.text())
            async with session.get(f"{url}/nowhere") as response:
                log(response.status)
        await runner.cleanup()

    differential(scenario)


def test_many_at_once():
    async def scenario(loop, log):
        runner, port = await serve(make_app(log))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=40)) as session:

            async def one(i):
                async with session.get(f"http://127.0.0.1:{port}/?name={i}") as response:
                    return await response.text() == f"Hello, {i}!"

            log(all(await asyncio.gather(*[one(i) for i in range(400)])))
        await runner.cleanup()

    differential(scenario)


def test_timeouts_and_cancellation():
    async def scenario(loop, log):
        app = make_app(log)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        async with aiohttp.ClientSession() as session:
            try:
                await session.get(
                    f"http://127.0.0.1:{port}/slow", timeout=aiohttp.ClientTimeout(total=0.05)
                )
            except asyncio.TimeoutError as error:
                log("timed out", type(error).__name__)
            task = asyncio.ensure_future(session.get(f"http://127.0.0.1:{port}/slow"))
            await asyncio.sleep(0.05)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                log("cancelled")
            await asyncio.sleep(0.02)
            async with session.get(f"http://127.0.0.1:{port}/") as response:
                log(await response.text())
        await runner.cleanup()

    log = differential(scenario)
    assert log.count(("the slow handler ended",)) == 2


def test_websockets():
    async def scenario(loop, log):
        runner, port = await serve(make_app(log))
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f"http://127.0.0.1:{port}/ws") as ws:
                for text in ("hello", "", "x" * 100_000):
                    await ws.send_str(text)
                    log(await ws.receive_str() == text[::-1])
                await ws.send_bytes(bytes(100_000))
                log(len(await ws.receive_bytes()))
                await ws.ping()
                await ws.close(code=4000)
                log(ws.close_code)
        await runner.cleanup()

    differential(scenario)


def test_refused_and_broken_connections():
    async def scenario(loop, log):
        async def rude(reader, writer):
            await reader.readline()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(rude, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(f"http://127.0.0.1:{port}/") as response:
                    await response.read()
            except aiohttp.ClientError as error:
                log(type(error).__name__)
            server.close()
            await server.wait_closed()
            try:
                await session.get(f"http://127.0.0.1:{port}/")
            except aiohttp.ClientError as error:
                log(type(error).__name__)

    differential(scenario)


def test_unix_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def scenario(loop, log):
        runner = web.AppRunner(make_app(log))
        await runner.setup()
        await web.UnixSite(runner, "socket").start()
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector("socket")) as session:
            async with session.get("http://any/?name=unix") as response:
                log(await response.text())
        await runner.cleanup()

    differential(scenario)
