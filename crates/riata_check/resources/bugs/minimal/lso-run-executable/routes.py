from execution import run_executable_sync


async def run_executable_endpoint(parameters):
    if parameters.asynchronous:
        return {"job": 1}
    result = run_executable_sync(parameters.name, parameters.arguments)  # bug
    return {"result": result}
