import asyncio
import os


async def direct(path):
    if os.path.exists(path):  # error: RIA106
        os.unlink(path)  # error: RIA106
    return os.path.join(path, "x")


async def elsewhere(path):
    return await asyncio.to_thread(os.path.exists, path)
