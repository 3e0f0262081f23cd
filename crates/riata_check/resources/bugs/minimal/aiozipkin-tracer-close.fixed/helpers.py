from aiohttp import web

from tracer import Tracer


def setup(app: web.Application, tracer: Tracer, *, tracer_key: str = "tracer") -> web.Application:
    app[tracer_key] = tracer

    async def close_aiozipkin(app):
        await app[tracer_key].close()

    app.on_cleanup.append(close_aiozipkin)
    return app
