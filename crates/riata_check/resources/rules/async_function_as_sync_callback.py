"""Async functions where plain ones are called."""

import asyncio
import atexit
import functools
import signal
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor


async def finished(*args):
    pass


def plain(*args):
    pass


async def order(item) -> int:
    return 1


class Window:
    def __init__(self, closed: Callable[[], bool], opened: Callable[[], Awaitable[bool]], name: str = "") -> None:
        self.closed = closed
        self.opened = opened


class Broker:
    async def completed(self, session, future):
        pass

    def start(self, task: asyncio.Task, loop):
        task.add_done_callback(self.completed)  # error: RIA207
        task.add_done_callback(functools.partial(self.completed, None))  # error: RIA207
        task.add_done_callback(lambda done: self.completed(None, done))  # error: RIA207
        loop.add_signal_handler(signal.SIGTERM, finished)  # error: RIA207
        loop.call_later(1, finished)  # error: RIA207

    async def may_close(self) -> bool:
        return True

    def show(self):
        Window(self.may_close, self.may_close)  # error: RIA207
        Window(closed=self.may_close, opened=self.may_close)  # error: RIA207


async def given(items):
    loop = asyncio.get_running_loop()
    loop.call_soon(finished)  # error: RIA207
    await asyncio.to_thread(finished)  # error: RIA207
    await loop.run_in_executor(None, finished)  # error: RIA207
    threading.Thread(target=finished).start()  # error: RIA207
    sorted(items, key=order)  # error: RIA207
    atexit.register(finished)  # error: RIA207
    signal.signal(signal.SIGINT, finished)  # error: RIA207
    with ThreadPoolExecutor() as pool:
        pool.submit(finished)  # error: RIA207


async def fine(items, task: asyncio.Task, callbacks):
    loop = asyncio.get_running_loop()
    loop.call_soon(plain)
    task.add_done_callback(plain)
    task.add_done_callback(functools.partial(plain, 1))
    task.add_done_callback(lambda done: plain(done))
    await asyncio.to_thread(plain)
    await asyncio.to_thread(asyncio.run, finished())
    threading.Thread(target=asyncio.run, args=(finished(),)).start()
    sorted(items, key=len)
    callbacks.append(finished)
    Window(lambda: True, Broker().may_close)
    asyncio.create_task(finished())


class Endpoint:
    async def default(self):
        pass

    async def dispatch(self, name):
        handler = getattr(self, name, self.default)
        return await asyncio.to_thread(handler)


def tornado(app):
    app.io_loop.call_later(0, finished)
