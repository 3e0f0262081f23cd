import asyncio

from execution import run_executable_sync


async def run_executable_endpoint(parameters):
    if parameters.asynchronous:
        return {"job": 1}
    result = await asyncio.to_thread(run_executable_sync, parameters.name, parameters.arguments)
    return {"result": result}
