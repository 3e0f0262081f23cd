import queue
import threading

import helpers


async def test_thread(items: queue.Queue, thread: threading.Thread):
    helpers.read("x")
    helpers.next_item(items)
    thread.join()
    helpers.slept()  # error: RIA102
