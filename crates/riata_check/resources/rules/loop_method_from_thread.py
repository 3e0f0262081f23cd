import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import paho.mqtt.client as mqtt
from pynput import keyboard
from watchdog.events import FileSystemEventHandler

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


class Bridge:
    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop
        self.lock = asyncio.Lock()
        self.task = asyncio.ensure_future(main())
        self.pool = ThreadPoolExecutor()
        self.client = mqtt.Client()
        self.client.on_message = self.on_message
        self.client.on_connect = self.on_connect

    def on_message(self, client, userdata, message):
        results.put_nowait(message)  # error: RIA708

    def on_connect(self, client, userdata, flags, code):
        self.loop.call_soon_threadsafe(results.put_nowait, code)

    def start(self):
        threading.Thread(target=lambda: results.put_nowait(1)).start()  # error: RIA708
        threading.Thread(target=lambda: plain.put_nowait(1)).start()
        threading.Timer(1, stopped.set).start()  # error: RIA708
        threading.Timer(1, stopped_thread.set).start()
        threading.Timer(1, self.tick).start()
        self.pool.submit(results.put_nowait, 3)  # error: RIA708
        self.pool.submit(partial(results.put_nowait, 3))  # error: RIA708
        self.pool.submit(self.stop)
        keyboard.Listener(on_press=self.on_press).start()

    def tick(self):
        self.lock.release()  # error: RIA708

    def stop(self):
        self.task.cancel()  # error: RIA708

    def on_press(self, key):
        asyncio.ensure_future(main(), loop=self.loop)  # error: RIA708


class Reader(threading.Thread):
    def run(self):
        results.put_nowait(2)  # error: RIA708


class SafeReader(threading.Thread):
    def __init__(self, loop: asyncio.AbstractEventLoop):
        super().__init__()
        self.loop = loop

    def run(self):
        self.loop.call_soon_threadsafe(results.put_nowait, 2)


class Changes(FileSystemEventHandler):
    def on_modified(self, event):
        results.put_nowait(event)  # error: RIA708

    def describe(self):
        results.put_nowait(3)
