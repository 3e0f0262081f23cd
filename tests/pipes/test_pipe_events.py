"""Pipes event by event: what the protocol does when data comes, ends or does not fit."""

import asyncio
import logging
import os
import pty

import pytest

from ..support import Recorder, differential, until
from .test_pipes import Writer, files


class Bytes(bytes):
    __slots__ = ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"x" * 100_000,
        bytearray(b"array"),
        bytearray(b"x" * 100_000),
        memoryview(b"view"),
        memoryview(b"x" * 100_000),
        memoryview(b"every other")[::2],
        Bytes(b"subclass"),
        "text",
        None,
        [b"list"],
    ],
    ids=lambda data: f"{type(data).__name__}-{len(data or ())}",
)
def test_what_write_takes(data):
    async def scenario(loop, log):
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        readable, writable = files()
        _, reader = await loop.connect_read_pipe(Recorder, readable)
        transport, writer = await loop.connect_write_pipe(Writer, writable)
        reader.transport.pause_reading()
        try:
            log(transport.write(data))
            log(transport.get_write_buffer_size(), writer.events)
            transport.write(b"after")
            log(transport.get_write_buffer_size())
        except Exception as error:
            log(error)
        reader.transport.resume_reading()
        transport.close()
        log(await writer.lost, writer.events)
        await reader.lost
        log(len(reader.data), bytes(reader.data[-8:]))
        log([(report["message"], report["exception"]) for report in reports])
        loop.set_exception_handler(None)

    differential(scenario)


def test_more_than_fits_arrives_in_order():
    async def scenario(loop, log):
        readable, writable = files()
        _, reader = await loop.connect_read_pipe(Recorder, readable)
        transport, writer = await loop.connect_write_pipe(Writer, writable)
        sent = bytearray()
        for index in range(300):
            data = bytes([index % 251]) * (index * 7)
            sent += data
            transport.write(data)
        log(writer.events[:2], transport.get_write_buffer_size() > 0)
        await until(lambda: len(reader.data) == len(sent))
        log(reader.data == sent, writer.events)
        transport.close()
        await writer.lost
        await reader.lost

    differential(scenario)


class Doing(Recorder):
    """Does something when data comes."""

    def __init__(self, action):
        super().__init__()
        self.action = action

    def data_received(self, data):
        super().data_received(data)
        self.action(self)


def close(protocol):
    protocol.transport.close()


def pause(protocol):
    protocol.transport.pause_reading()
    asyncio.get_running_loop().call_soon(protocol.transport.resume_reading)


def switch(protocol):
    protocol.other = Recorder()
    protocol.other.connection_made(protocol.transport)
    protocol.transport.set_protocol(protocol.other)


def fail(protocol):
    raise ValueError("in data_received")


@pytest.mark.parametrize("action", [close, pause, switch, fail])
def test_in_data_received(action):
    async def scenario(loop, log):
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        readable, writable = files()
        transport, protocol = await loop.connect_read_pipe(lambda: Doing(action), readable)
        os.write(writable.fileno(), b"one")
        await until(lambda: protocol.data)
        await asyncio.sleep(0.01)
        log(protocol.events, transport.is_closing())
        if action is not close:
            os.write(writable.fileno(), b"two")
            await asyncio.sleep(0.01)
            log(protocol.events, bytes(protocol.data))
        writable.close()
        if action is switch:
            log(await protocol.other.lost, protocol.other.events)
        else:
            log(await protocol.lost, protocol.events)
        log([(report["message"], report["exception"]) for report in reports])
        loop.set_exception_handler(None)

    differential(scenario)


def test_the_end_in_turns():
    """End of file is told before the loss, each in a turn of its own."""

    async def scenario(loop, log):
        readable, writable = files()
        _, protocol = await loop.connect_read_pipe(Recorder, readable)
        writable.close()
        seen = []
        while not protocol.lost.done():
            seen.append(list(protocol.events))
            await asyncio.sleep(0)
        log(
            [
                seen[index]
                for index in range(len(seen))
                if index == 0 or seen[index] != seen[index - 1]
            ]
        )
        log(protocol.events)

    differential(scenario)


@pytest.mark.parametrize("debug", [False, True])
def test_a_terminal_hangs_up(caplog, debug):
    async def scenario(loop, log):
        caplog.clear()
        caplog.set_level(logging.DEBUG, "asyncio")
        loop.set_debug(debug)
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        master, slave = pty.openpty()
        _, reader = await loop.connect_read_pipe(Recorder, os.fdopen(master, "rb", 0))
        os.close(slave)
        error = await reader.lost
        log(type(error), error.errno, error.strerror)
        log([report["message"] for report in reports])
        log([record.exc_info is not None for record in caplog.records if "Fatal" in record.message])
        loop.set_exception_handler(None)

    differential(scenario)


def test_debug_mode_tells_of_the_end(caplog):
    async def scenario(loop, log):
        caplog.clear()
        caplog.set_level(logging.DEBUG, "asyncio")
        loop.set_debug(True)
        readable, writable = files()
        _, protocol = await loop.connect_read_pipe(Recorder, readable)
        writable.close()
        await protocol.lost
        log([(r.levelname, r.msg) for r in caplog.records if "closed by peer" in r.msg])

    differential(scenario)


def test_no_reader_is_left():
    async def scenario(loop, log):
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        readable, writable = files()
        transport, writer = await loop.connect_write_pipe(Writer, writable)
        readable.close()
        for _ in range(3):
            transport.write(b"data")
            log(transport.is_closing(), transport._conn_lost)
        error = await writer.lost
        log(type(error))
        log([(report["message"], type(report["exception"])) for report in reports])
        loop.set_exception_handler(None)

    differential(scenario)
