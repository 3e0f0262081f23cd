"""Functions that start tasks."""

import asyncio

running = set()


def log(task):
    print(task)


def logged(coroutine):
    task = asyncio.create_task(coroutine)
    task.add_done_callback(log)
    return task


def direct(coroutine):
    return asyncio.get_running_loop().create_task(coroutine)


def through(coroutine):
    return logged(coroutine)


async def later(coroutine):
    await asyncio.sleep(0)
    return asyncio.create_task(coroutine)


async def result_or_task(coroutine, wait):
    if wait:
        return await coroutine
    return asyncio.create_task(coroutine)


def kept(coroutine):
    task = asyncio.create_task(coroutine)
    running.add(task)
    task.add_done_callback(running.discard)
    return task


def nothing(coroutine):
    kept(coroutine)


class Registry:
    def __init__(self):
        self.tasks = []

    def start(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.append(task)
        return task

    def start_lost(self, coroutine):
        return asyncio.ensure_future(coroutine)
