import asyncio

import aiohttp

from app import after_request


async def stream(path, user, payload):
    async with aiohttp.ClientSession() as session:
        async with session.post(path, json=payload) as response:
            async for chunk in response.content.iter_any():
                yield chunk
    asyncio.create_task(after_request(user, path))  # bug
