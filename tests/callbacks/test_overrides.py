"""Loops whose methods are replaced, by a subclass or on the instance: asyncio calls what is there, so must riata."""

import asyncio
import socket
from unittest import mock

import pytest

from ..support import Log, Recorder, collect, turns


@pytest.fixture
def loop_class(loop_name):
    if loop_name == "asyncio":
        return asyncio.SelectorEventLoop
    import riata

    return riata.EventLoop


@pytest.fixture
def run_loop(loop_class):
    """Make a loop of a subclass made by `build(base)`; it is closed at the end."""
    made = []

    def make(build):
        loop = build(loop_class)()
        made.append(loop)
        return loop

    yield make
    for loop in made:
        loop.close()
    collect()


# A subclass


def test_call_later_asks_time_and_call_at(run_loop):
    calls = []

    def build(base):
        class Loop(base):
            def time(self):
                calls.append("time")
                return super().time()

            def call_at(self, when, callback, *args, context=None):
                calls.append(("call_at", args, context))
                return super().call_at(when, callback, *args, context=context)

        return Loop

    loop = run_loop(build)
    calls.clear()
    ran = []
    handle = loop.call_later(0, ran.append, 5)
    assert calls == ["time", ("call_at", (5,), None)]
    assert isinstance(handle, asyncio.TimerHandle)
    turns(loop, 2)
    assert ran == [5]
    calls.clear()
    loop.run_until_complete(asyncio.sleep(0.001))
    assert [call[1][1:] for call in calls if call != "time"] == [(None,)]
    with pytest.raises(TypeError):
        loop.call_later("no number", print)


@pytest.mark.parametrize("offset", [-1e6, 1e6])
def test_a_clock_with_an_offset(run_loop, offset):
    def build(base):
        class Loop(base):
            def time(self):
                return super().time() + offset

        return Loop

    loop = run_loop(build)

    async def main():
        log = []
        started = loop.time()
        loop.call_at(started + 0.02, log.append, 3)
        loop.call_later(0.01, log.append, 2)
        loop.call_later(0.001, log.append, 1)
        loop.call_later(30, log.append, 4).cancel()
        await asyncio.sleep(0.03)
        assert log == [1, 2, 3]
        assert 0.03 <= loop.time() - started < 2

    loop.run_until_complete(main())


def test_a_clock_that_jumps(run_loop):
    """Timers are due by the loop's own clock, and by no other."""

    def build(base):
        class Loop(base):
            now = 100.0

            def time(self):
                return self.now

        return Loop

    loop = run_loop(build)
    log = []

    def spin(turns_left):
        log.append((turns_left, loop.now))
        if turns_left:
            loop.call_soon(spin, turns_left - 1)
        else:
            loop.stop()
        if turns_left == 3:
            loop.now += 10

    loop.call_later(10.5, log.append, "late")
    loop.call_later(10, log.append, "due")
    loop.call_later(9, log.append, "first")
    loop.call_at(100, log.append, "now")
    loop.call_soon(spin, 6)
    loop.run_forever()
    assert log == [
        (6, 100.0), "now", (5, 100.0), (4, 100.0), (3, 100.0), (2, 110.0), "first", "due", (1, 110.0), (0, 110.0),
    ]  # fmt: skip


def test_a_clock_that_raises(run_loop):
    def build(base):
        class Loop(base):
            broken = False

            def time(self):
                if self.broken:
                    raise ZeroDivisionError("no clock")
                return super().time()

        return Loop

    loop = run_loop(build)
    loop.broken = True
    with pytest.raises(ZeroDivisionError):
        loop.call_later(1, print)
    loop.call_soon(int)
    with pytest.raises(ZeroDivisionError):
        loop.run_forever()
    loop.broken = False
    loop.run_until_complete(asyncio.sleep(0.001))


# The instance


def test_patched_call_soon(loop):
    log = Log()
    plain = loop.call_soon

    def call_soon(callback, *args, context=None):
        log("call_soon", bool(context))
        return plain(callback, *args, context=context)

    before = loop.create_future()

    async def wait_for(future):
        return await future

    waiting = loop.create_task(wait_for(before))
    turns(loop)
    loop.call_soon = call_soon
    assert loop.call_soon is call_soon
    # What was made before, and is waited for by a task and by a callback.
    before.add_done_callback(lambda _: None)
    before.set_result(5)
    assert log == [("call_soon", True)] * 2
    log.clear()
    assert loop.run_until_complete(waiting) == 5
    log.clear()
    # What is made now.
    future = loop.create_future()
    task = loop.create_task(wait_for(future))
    assert log == [("call_soon", True)]
    loop.call_later(0, future.set_result, 6)
    assert loop.run_until_complete(task) == 6
    assert len(log) == 3  # the first step, the wake-up, and the callback that ends the run
    log.clear()
    loop.run_until_complete(asyncio.sleep(0))
    assert len(log) == 3
    log.clear()
    del loop.call_soon
    assert loop.run_until_complete(asyncio.sleep(0, "plain again")) == "plain again"
    assert log == []


def test_a_mock_of_call_soon(loop):
    future = loop.create_future()
    future.add_done_callback(print)
    with mock.patch.object(loop, "call_soon") as call_soon:
        future.set_result(1)
    call_soon.assert_called_once_with(print, future, context=mock.ANY)
    assert loop.run_until_complete(asyncio.sleep(0, 1)) == 1


def test_patched_timers(loop):
    log = Log()
    with mock.patch.object(loop, "call_at", wraps=loop.call_at) as call_at:
        loop.run_until_complete(asyncio.sleep(0.001))
        assert call_at.call_count == 1
    with mock.patch.object(loop, "time", return_value=5.0):
        handle = loop.call_later(10, print)
    assert handle.when() == 15.0
    handle.cancel()
    with mock.patch.object(loop, "call_later", wraps=loop.call_later) as call_later:
        loop.run_until_complete(asyncio.sleep(0.001))
        assert call_later.call_count == 1
    loop.run_until_complete(asyncio.sleep(0.001))
    assert not log


def test_patched_time_drives_the_timers(loop):
    now = loop.time()
    ran = []
    loop.call_later(3600, ran.append, 1)
    loop.time = lambda: now + 7200
    turns(loop)
    assert ran == [1]
    del loop.time
    loop.call_later(3600, ran.append, 1).cancel()
    turns(loop)
    assert abs(loop.time() - now) < 60


def test_patched_call_exception_handler(loop):
    def boom():
        raise ValueError("boom")

    async def fails():
        raise ValueError("boom")

    with mock.patch.object(loop, "call_exception_handler") as handler:
        loop.call_soon(boom)
        turns(loop)
        assert handler.call_count == 1
        loop.create_task(fails())
        turns(loop, 2)
        collect()
        assert handler.call_count == 2
    messages = [call.args[0]["message"] for call in handler.call_args_list]
    assert messages[0].startswith("Exception in callback")
    assert messages[1] == "Task exception was never retrieved"


def test_patched_call_soon_and_transports(loop):
    a, b = socket.socketpair()
    a.setblocking(False)
    names = []
    plain = loop.call_soon

    def call_soon(callback, *args, context=None):
        names.append(getattr(callback, "__name__", "?"))
        return plain(callback, *args, context=context)

    async def main():
        loop.call_soon = call_soon
        transport, protocol = await loop.connect_accepted_socket(Recorder, a)
        transport.close()
        await protocol.lost

    try:
        loop.run_until_complete(main())
    finally:
        del loop.call_soon
    b.close()
    wanted = ["connection_made", "_set_result_unless_cancelled", "_call_connection_lost"]
    assert [name for name in names if name in wanted] == wanted


@pytest.mark.parametrize("name", ["_anything", "call_soon_", "slow_callback_duration"])
def test_other_attributes_can_be_set_and_deleted(loop, name):
    setattr(loop, name, 5)
    assert getattr(loop, name) == 5
    if name != "slow_callback_duration":
        delattr(loop, name)
        with pytest.raises(AttributeError):
            delattr(loop, name)
    with pytest.raises(AttributeError):
        del loop.call_soon


# The class, after the loop was made


@pytest.mark.parametrize("method", ["call_soon", "time"])
def test_a_class_that_is_patched_between_runs(run_loop, method):
    loop = run_loop(lambda base: type("Patched", (base,), {}))
    turns(loop)
    calls = []
    original = getattr(type(loop), method)

    def spy(self, *args, **kwargs):
        calls.append(method)
        return original(self, *args, **kwargs)

    async def main():
        future = loop.create_future()
        loop.call_later(0.001, future.set_result, None)
        await future

    with mock.patch.object(type(loop), method, spy):
        loop.run_until_complete(main())
    assert calls
    calls.clear()
    loop.run_until_complete(main())
    assert not calls
