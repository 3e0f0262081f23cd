"""aiohttp's server with one route.

python benchmarks/servers/aiohttp_hello.py ADDRESS module:factory
"""

import asyncio
import socket
import sys

from aiohttp import web
from echo import listen, load_factory, run


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="Hello, world!")


async def serve(listener: socket.socket) -> None:
    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    await asyncio.Event().wait()


def main() -> None:
    address, spec = sys.argv[1:]
    factory = load_factory(spec)
    listener, address = listen(address)
    print(f"listening on {address}", flush=True)
    run(serve(listener), factory)


if __name__ == "__main__":
    main()
