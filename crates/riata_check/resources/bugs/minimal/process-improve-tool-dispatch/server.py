from safety import run_safely


def handler_for(name):
    async def handler(**arguments):
        return run_safely(name, arguments)  # bug

    return handler
