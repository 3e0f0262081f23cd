import asyncio

from aiohttp import web


async def cache_response(cache, request, response):
    if response.get("error"):
        return
    await cache.set(request["id"], response, ttl=3)


@web.middleware
async def caching_middleware(request, handler):
    cache = request.app["cache"]
    cached = await cache.get(request["id"])
    if cached is not None:
        return web.json_response(cached)
    response = await handler(request)
    asyncio.shield(cache_response(cache, request, response))  # bug
    return web.json_response(response)
