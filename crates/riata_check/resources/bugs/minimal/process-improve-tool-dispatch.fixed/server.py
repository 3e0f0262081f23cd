import asyncio

from safety import run_safely


def handler_for(name):
    async def handler(**arguments):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, run_safely, name, arguments)

    return handler
