import asyncio


def close_clients(close):
    """Run an async function to its end, or beside what runs already."""
    coroutine = close()
    try:
        asyncio.run(coroutine)
    except RuntimeError:
        loop = asyncio.get_event_loop()
        if loop.is_running():
            loop.create_task(coroutine)  # bug
        else:
            loop.run_until_complete(coroutine)
