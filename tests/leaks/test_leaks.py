"""Memory and descriptors are flat after much work. Short form here; RIATA_TEST_LONG=1 runs the long one."""

import asyncio
import collections
import socket
import threading
import weakref

import pytest

from ..flat import flat, settle
from ..support import Recorder, collect, new_event_loop


def connections(loop, count):
    class Echo(Recorder):
        def data_received(self, data):
            self.transport.write(data)

    async def main():
        server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=128)
        address = server.sockets[0].getsockname()
        for i in range(count // 50):
            pairs = await asyncio.gather(
                *[loop.create_connection(Recorder, *address) for _ in range(50)]
            )
            for transport, _ in pairs:
                transport.write(b"x" * 100)
                (transport.abort if i % 3 == 2 else transport.close)()
            for _, protocol in pairs:
                await protocol.lost
        server.close()
        await asyncio.sleep(0.01)
        await server.wait_closed()

    return lambda: loop.run_until_complete(main())


def tasks(loop, count):
    async def leaf(i):
        if i % 3:
            await asyncio.sleep(0)
        if i % 11 == 0:
            raise ValueError("expected")
        return i

    async def main():
        for _ in range(count // 500):
            made = [asyncio.ensure_future(leaf(i)) for i in range(500)]
            for task in made[::7]:
                task.cancel()
            await asyncio.gather(*made, return_exceptions=True)

    return lambda: loop.run_until_complete(main())


def timers(loop, count):
    async def main():
        for _ in range(count // 1000):
            handles = [loop.call_later(3600 + i % 86400, print) for i in range(1000)]
            for i in range(100):
                loop.call_later(i / 1e6, int)
            for handle in handles:
                handle.cancel()
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)

    return lambda: loop.run_until_complete(main())


def streams(loop, count):
    async def main():
        async def handle(reader, writer):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()

        async def client():
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"hello\n")
            await reader.read()
            writer.close()
            await writer.wait_closed()

        for _ in range(count // 25):
            await asyncio.gather(*[client() for _ in range(25)])
        server.close()
        await asyncio.sleep(0.01)
        await server.wait_closed()

    return lambda: loop.run_until_complete(main())


def watchers(loop, count):
    def work():
        for _ in range(count):
            a, b = socket.socketpair()
            b.send(b"x")
            loop.add_reader(a, int)
            loop.add_writer(a, int)
            loop.remove_writer(a)
            loop.remove_reader(a)
            a.close()
            b.close()

    return work


def threadsafe(loop, count):
    def work():
        import threading

        def other():
            for _ in range(count):
                loop.call_soon_threadsafe(int)
            loop.call_soon_threadsafe(loop.stop)

        thread = threading.Thread(target=other)
        thread.start()
        loop.run_forever()
        thread.join()

    return work


def loops(loop, count):
    def work():
        made = type(loop)
        for _ in range(count):
            one = made()
            one.call_later(100, print)
            one.run_until_complete(asyncio.sleep(0))
            one.close()

    return work


def handlers(loop, count):
    def work():
        before = loop.get_exception_handler()
        loop.set_exception_handler(lambda loop, context: None)

        def boom():
            raise ValueError("boom")

        for _ in range(count):
            loop.call_soon(boom)
            loop.create_future().set_exception(ValueError())
        settle(loop)
        loop.set_exception_handler(before)

    return work


SHORT = [
    (connections, 500),
    (tasks, 25_000),
    (timers, 25_000),
    (streams, 250),
    (watchers, 2000),
    (threadsafe, 5000),
    (loops, 50),
    (handlers, 1000),
]


@pytest.mark.slow
@pytest.mark.parametrize("make, count", SHORT, ids=lambda x: getattr(x, "__name__", None))
def test_short(loop, make, count):
    flat(loop, make(loop, count), limit=6_000_000)


# Each is done five times, the first time to warm up: a million tasks, ten thousand connections, and so on.
LONG = [
    (connections, 2500),
    (tasks, 250_000),
    (timers, 250_000),
    (streams, 2500),
    (watchers, 20_000),
    (threadsafe, 50_000),
    (loops, 500),
    (handlers, 10_000),
]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("make, count", LONG, ids=lambda x: getattr(x, "__name__", None))
def test_long(loop, make, count):
    flat(loop, make(loop, count), limit=6_000_000, record=print)


def hour_of_timers(loop, count):
    """What a server does with timers in an hour, with the seconds passing `count` times faster: 20 of them a second, half
    of which fire; a watchdog that is moved every second; and a reminder for tomorrow, cancelled a minute later."""

    async def main():
        fired = 0

        def fire():
            nonlocal fired
            fired += 1

        second = 1 / count
        watchdog = loop.call_later(86_400, print)
        reminders = collections.deque()
        start = loop.time()
        for now in range(3600):
            timeouts = [loop.call_later(60 * second, print) for _ in range(10)]
            for i in range(10):
                loop.call_later(i * second / 10, fire)
            watchdog.cancel()
            watchdog = loop.call_later(86_400, print)
            reminders.append(loop.call_later(86_400 - now, print))
            if len(reminders) > 60:
                reminders.popleft().cancel()
            for handle in timeouts:
                handle.cancel()
            await asyncio.sleep(start + now * second - loop.time())
        for handle in [watchdog, *reminders]:
            handle.cancel()
        await asyncio.sleep(2 * second)
        assert fired == 36_000

    return lambda: loop.run_until_complete(main())


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_day_of_timers(loop):
    work = hour_of_timers(loop, count=3600)
    flat(loop, work, rounds=23, limit=6_000_000, record=print)


def test_dropping_everything_at_once(loop):
    """A hundred thousand pending tasks and timers go when they are cancelled."""

    async def waits():
        await asyncio.sleep(3600)

    async def main():
        made = [asyncio.ensure_future(waits()) for _ in range(20_000)]
        await asyncio.sleep(0)
        for task in made:
            task.cancel()
        await asyncio.gather(*made, return_exceptions=True)

    flat(loop, lambda: loop.run_until_complete(main()), rounds=1, limit=30_000_000)


class Keeper:
    """Keeps the handle of its own callback, as `asyncio.timeout` does."""

    def schedule(self, loop, how):
        if how == "call_later":
            self.handle = loop.call_later(1000, self.fire)
        else:
            self.handle = getattr(loop, how)(self.fire)

    def schedule_all(self, loop, how):
        self.schedule(loop, how)
        # The handle that runs now stays queued for the next turn.
        loop.stop()

    def fire(self):
        raise AssertionError("never called")


def dropped(loop, how, when):
    """Use a loop, and keep nothing of it but a weak reference."""
    keeper = Keeper()
    if when == "within":
        loop.call_soon(keeper.schedule_all, loop, how)
    elif when == "from a thread":

        def call():
            thread = threading.Thread(target=keeper.schedule_all, args=(loop, how))
            thread.start()
            thread.join()

        loop.call_soon(call)
    else:
        loop.call_soon(loop.stop)
    if when != "before":
        loop.run_forever()
    if when in ("before", "after"):
        keeper.schedule(loop, how)
    return weakref.ref(loop)


@pytest.mark.parametrize("how", ["call_soon", "call_later", "call_soon_threadsafe"])
@pytest.mark.parametrize("when", ["before", "within", "from a thread", "after"])
def test_a_dropped_loop_goes_with_its_kept_handles(loop_name, how, when):
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        reference = dropped(new_event_loop(loop_name), how, when)
        collect()
    assert reference() is None
