"""What the event loop is given to call."""

import asyncio
import functools
import socket
import time


def poll():
    time.sleep(1)


def done(task):
    time.sleep(1)


def stop():
    time.sleep(1)


def flush():
    time.sleep(1)


def later():
    time.sleep(1)


def quick():
    return 1


def receive(connection: socket.socket):
    return connection.recv(100)


def start(loop: asyncio.AbstractEventLoop):
    loop.call_later(1, poll)  # error: RIA102
    loop.call_later(1, quick)


def start_untyped(loop, own):
    loop.call_soon(later)  # error: RIA102
    own.register(later)


async def main(connection):
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(asyncio.sleep(1))
    task.add_done_callback(done)  # error: RIA102
    loop.add_signal_handler(15, functools.partial(stop))  # error: RIA102
    loop.call_soon_threadsafe(lambda: flush())  # error: RIA102
    loop.add_reader(connection, receive, connection)
    await task
