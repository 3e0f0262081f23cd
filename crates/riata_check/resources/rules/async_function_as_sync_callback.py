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


class Emitter:
    """Calls what it keeps, and looks at nothing that this gives."""

    def __init__(self, on_close=None, on_open=None, on_error=None):
        self.on_close = on_close
        self.on_open = on_open
        self.on_error = on_error
        self.listeners = []
        self.waiters = []

    def listen(self, listener):
        self.listeners.append(listener)

    def wait(self, waiter):
        self.waiters.append(waiter)

    def close(self):
        if self.on_close is not None:
            self.on_close()
        for listener in list(self.listeners):
            listener()

    async def open(self):
        if self.on_open:
            await self.on_open()
        for waiter in self.waiters:
            await waiter()

    def fail(self):
        handler = self.on_error
        if handler:
            answer = handler()
            if asyncio.iscoroutine(answer):
                return answer
        return None


def after(callback, times):
    for _ in range(times):
        callback()


def chained(callback):
    return callback()


def kept_elsewhere(callback, registry):
    registry.add(callback)


async def emits(registry):
    emitter = Emitter(finished, on_open=finished, on_error=finished)  # error: RIA207
    Emitter(on_close=plain, on_open=finished)
    emitter.listen(finished)  # error: RIA207
    emitter.listen(plain)
    emitter.wait(finished)
    after(finished, 3)  # error: RIA207
    after(functools.partial(finished), 3)  # error: RIA207
    after(plain, 3)
    await chained(finished)
    kept_elsewhere(finished, registry)


class Debouncer:
    @property
    def function(self):
        return self._function

    @function.setter
    def function(self, function):
        self._function = function


class Receiver:
    def __init__(self, reader: asyncio.StreamReader, emitter: Emitter, debouncer: Debouncer, other):
        debouncer.function = self.on_close
        reader.feed_data = self.on_data  # error: RIA207
        reader.feed_eof = plain
        emitter.close = self.on_close  # error: RIA207
        emitter.open = self.on_close
        emitter.on_close = None
        other.close = self.on_close

    async def on_data(self, data): ...

    async def on_close(self): ...
