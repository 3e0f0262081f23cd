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
