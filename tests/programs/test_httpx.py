"""httpx on the loop under test, against a uvicorn that runs on it too, in one process."""

import asyncio

import httpx
import uvicorn

from ..support import differential
from .apps.starlette_app import app


async def scenario(loop, log):
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.001)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        response = await client.get("/")
        log(response.status_code, response.text, response.headers["content-type"])
        responses = await asyncio.gather(
            *[client.get(f"/items/{i}", params={"name": "n"}) for i in range(100)]
        )
        log(
            all(
                r.json() == {"number": i, "square": i * i, "name": "n"}
                for i, r in enumerate(responses)
            )
        )
        body = b"0123456789" * 100_000
        log((await client.post("/echo", content=body)).content == body)
        async with client.stream("GET", "/stream") as stream:
            log([line async for line in stream.aiter_lines()])
        try:
            await client.get("/slow?seconds=0.2", timeout=0.05)
        except httpx.ReadTimeout as error:
            log(type(error).__name__)
        task = asyncio.ensure_future(client.get("/slow?seconds=0.2"))
        await asyncio.sleep(0.02)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            log("cancelled")
        try:
            await client.get("http://127.0.0.1:1/")
        except httpx.ConnectError as error:
            log(type(error).__name__, str(error))
        log((await client.get("/")).text)
    server.should_exit = True
    await serving


def test_httpx_and_uvicorn_in_one_process():
    assert len(differential(scenario)) >= 8
