import asyncio

_tasks = set()


def close_clients(close):
    """Run an async function to its end, or beside what runs already."""
    coroutine = close()
    try:
        asyncio.run(coroutine)
    except RuntimeError:
        loop = asyncio.get_event_loop()
        if loop.is_running():
            task = loop.create_task(coroutine)
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)
        else:
            loop.run_until_complete(coroutine)
