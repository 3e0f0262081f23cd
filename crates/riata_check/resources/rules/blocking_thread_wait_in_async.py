import asyncio
import concurrent.futures
import queue
import threading


async def direct(jobs: queue.Queue, future: concurrent.futures.Future):
    jobs.get()  # error: RIA104
    jobs.get(block=False)
    jobs.get_nowait()
    future.result()  # error: RIA104
    threading.Event().wait()  # error: RIA104


class Worker:
    def __init__(self):
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=print)

    async def stop(self):
        self.lock.acquire()  # error: RIA104
        self.lock.acquire(blocking=False)
        self.thread.join()  # error: RIA104


async def its_own(jobs: asyncio.Queue, event: asyncio.Event):
    await jobs.get()
    await event.wait()


async def new_lock(locks: dict[str, threading.Lock]):
    lock = threading.Lock()
    lock.acquire()
    locks["x"] = lock


async def has_ended(work):
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.1)
    thread.join()


async def told_the_loop(loop: asyncio.AbstractEventLoop, done: asyncio.Future):
    def work():
        loop.call_soon_threadsafe(done.set_result, None)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        await done
    finally:
        thread.join()


async def asked_before(
    future: concurrent.futures.Future, thread: threading.Thread, jobs: queue.Queue, other: queue.Queue
):
    await asyncio.wrap_future(future)
    print(future.result())
    if not thread.is_alive():
        thread.join()
    while not jobs.empty():
        jobs.get()
    if other.qsize():
        other.get()  # error: RIA104


async def asked_after(future: concurrent.futures.Future):
    result = future.result()  # error: RIA104
    return result if future.done() else None
