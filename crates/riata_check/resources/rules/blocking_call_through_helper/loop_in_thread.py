"""A loop that a thread is there for."""

import asyncio
import threading
import time


def renew():
    time.sleep(1)


def start():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    loop.call_soon_threadsafe(renew)


def start_in_function():
    loop = asyncio.new_event_loop()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_forever()

    threading.Thread(target=run, daemon=True).start()
    loop.call_soon_threadsafe(renew)
