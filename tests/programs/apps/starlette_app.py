"""A Starlette application, as a user writes one."""

import asyncio
import os
import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("Hello, world!")


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


async def item(request: Request) -> JSONResponse:
    number = int(request.path_params["number"])
    await asyncio.sleep(0)
    return JSONResponse(
        {"number": number, "square": number * number, "name": request.query_params.get("name")}
    )


async def stream(request: Request) -> StreamingResponse:
    async def lines():
        for i in range(100):
            yield f"line {i}\n"
            if i % 10 == 0:
                await asyncio.sleep(0)

    return StreamingResponse(lines(), media_type="text/plain")


in_flight = 0


async def slow(request: Request) -> PlainTextResponse:
    global in_flight
    in_flight += 1
    await asyncio.sleep(float(request.query_params.get("seconds", "0.3")))
    in_flight -= 1
    return PlainTextResponse("slow but whole")


async def count(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(in_flight))


async def fail(request: Request) -> PlainTextResponse:
    raise RuntimeError("on purpose")


async def loop(request: Request) -> PlainTextResponse:
    cls = type(asyncio.get_running_loop())
    return PlainTextResponse(f"{cls.__module__}.{cls.__qualname__}")


async def busy(request: Request) -> PlainTextResponse:
    """Block the process, and tell which one it is."""
    time.sleep(float(request.query_params["seconds"]))
    cls = type(asyncio.get_running_loop())
    return PlainTextResponse(f"{os.getpid()} {cls.__module__}.{cls.__qualname__}")


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())


app = Starlette(
    routes=[
        Route("/", hello),
        Route("/echo", echo, methods=["POST"]),
        Route("/items/{number:int}", item),
        Route("/stream", stream),
        Route("/slow", slow),
        Route("/in-flight", count),
        Route("/fail", fail),
        Route("/loop", loop),
        Route("/busy", busy),
        WebSocketRoute("/ws", socket),
    ]
)
