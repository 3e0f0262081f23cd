import asyncio
import queue
import threading

results: "asyncio.Queue[int]" = asyncio.Queue()
plain: "queue.Queue[int]" = queue.Queue()
stopped = asyncio.Event()
stopped_thread = threading.Event()


def worker():
    results.put_nowait(1)  # error: RIA708


def stopper():
    finish()


def finish():
    stopped.set()  # error: RIA708


def scheduler(loop: asyncio.AbstractEventLoop):
    loop.call_soon(print)  # error: RIA708


def plain_worker():
    plain.put_nowait(1)
    stopped_thread.set()


def safe_worker(loop: asyncio.AbstractEventLoop):
    loop.call_soon_threadsafe(results.put_nowait, 1)


def own_loop():
    loop = asyncio.new_event_loop()
    loop.call_soon(print)
    loop.run_forever()


def start(loop: asyncio.AbstractEventLoop):
    threading.Thread(target=worker).start()
    threading.Thread(target=plain_worker).start()
    threading.Thread(target=safe_worker, args=(loop,)).start()
    threading.Thread(target=own_loop).start()
    threading.Thread(target=scheduler, args=(loop,)).start()


async def main():
    await asyncio.to_thread(stopper)
    results.put_nowait(1)
    stopped.set()


def post(loop: asyncio.AbstractEventLoop, value):
    results.put_nowait(value)  # error: RIA708
    loop.call_soon_threadsafe(print)


def post_from_loop(value):
    results.put_nowait(value)


class Loop:
    def __init__(self):
        self.loop = asyncio.get_event_loop()

    def call_from_thread(self, callback):
        self.loop.call_soon(callback)  # error: RIA708

    def call(self, callback):
        self.loop.call_soon(callback)
