"""Virtual time: the clock of a test jumps, ends what cannot go on, and leaves the real world alone."""

import re

import pytest

pytestmark = pytest.mark.slow  # each run starts a pytest of its own
INI = """
    riata_virtual_time = true
    riata_timeout = 10
"""
PROJECT = """
    import asyncio
    import contextlib
    import os
    import signal
    import socket
    import sys
    import threading
    import time
    import unittest

    import pytest
    import riata

    REAL = time.monotonic, time.monotonic_ns
    BEGAN = time.monotonic()
    later = {}


    def now():
        return asyncio.get_running_loop().time()


    async def test_sleep_takes_no_time():
        assert now() == 0.0
        await asyncio.sleep(3600)
        assert now() == 3600.0
        await riata.sleep(0.5)
        assert now() == 3600.5


    async def test_timers_keep_their_order():
        ran = []
        for name, delay in [("c", 5), ("a", 3), ("b", 3), ("never", 4)]:
            timer = asyncio.get_running_loop().call_later(delay, lambda name=name: ran.append((name, now())))
            if name == "never":
                timer.cancel()
        await asyncio.sleep(5)
        assert ran == [("a", 3.0), ("b", 3.0), ("c", 5.0)]


    async def test_deadlines_are_exact():
        if sys.version_info >= (3, 11):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10):
                    await asyncio.Event().wait()
            assert now() == 10.0
        begun = now()
        with pytest.raises(TimeoutError):
            async with riata.timeout(5):
                await riata.Event().wait()
        assert now() == begun + 5
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 5)
        assert now() == begun + 10
        with pytest.raises(TimeoutError):
            async with riata.TaskGroup(deadline=now() + 5) as group:
                group.create_task(asyncio.sleep(100))
        assert now() == begun + 15

        async def double(number):
            await asyncio.sleep(number)
            return 2 * number

        assert [result async for result in riata.map(double, [3, 2, 1], limit=1)] == [6, 4, 2]
        assert now() == begun + 21


    async def spin(until):
        while not until.done():
            await asyncio.sleep(0)


    async def spin_natively(until):
        while not until.done():
            await riata.sleep(0)


    @pytest.mark.parametrize("kind", ["asyncio", "riata", "both", "foreign"])
    async def test_the_clock_moves_beside_tasks_that_spin(kind):
        sleeper = asyncio.ensure_future(asyncio.sleep(7))
        if kind == "both":
            await asyncio.gather(spin(sleeper), spin_natively(sleeper))
        elif kind == "foreign":
            await asyncio.tasks._CTask(spin(sleeper))
        else:
            await (spin if kind == "asyncio" else spin_natively)(sleeper)
        assert now() == 7.0


    async def test_the_clock_stands_still_while_tasks_get_on():
        there, back = asyncio.Queue(1), asyncio.Queue(1)

        async def echo():
            while True:
                await back.put(await there.get())

        echoes = asyncio.ensure_future(echo())
        spinner = asyncio.ensure_future(spin(echoes))
        asyncio.get_running_loop().call_later(1, echoes.cancel)
        for number in range(12_000):
            await there.put(number)
            assert await back.get() == number
        assert now() == 0.0
        echoes.cancel()
        await spinner


    async def test_monotonic_agrees():
        await asyncio.sleep(1.25)
        assert time.monotonic() == now() == 1.25
        assert time.monotonic_ns() == 1_250_000_000
        told = []
        thread = threading.Thread(target=lambda: told.append(time.monotonic()))
        thread.start()
        thread.join()
        assert told[0] >= BEGAN


    def test_monotonic_is_put_back():
        assert (time.monotonic, time.monotonic_ns) == REAL


    async def test_patches_monotonic(monkeypatch):
        monkeypatch.setattr(time, "monotonic", lambda: 5.0)
        assert time.monotonic() == 5.0


    def test_monotonic_is_put_back_after_a_patch():
        assert (time.monotonic, time.monotonic_ns) == REAL


    @pytest.fixture
    async def slow():
        await asyncio.sleep(100)
        yield now()
        await asyncio.sleep(100)
        later["tear-down"] = now()


    async def test_fixtures_share_the_clock(slow):
        assert slow == now() == 100.0
        await asyncio.sleep(100)


    def test_the_clock_ran_on():
        assert later["tear-down"] == 300.0


    @pytest.fixture
    def head_start(riata_clock):
        riata_clock.advance(7)
        return riata_clock.now


    async def test_advance(head_start, riata_clock):
        assert head_start == riata_clock.now == now() == 7.0
        ran = []
        for delay in (2, 1, 3):
            asyncio.get_running_loop().call_later(delay, ran.append, delay)
        riata_clock.advance(2.5)
        assert riata_clock.now == 9.5 and not ran
        await asyncio.sleep(0)
        assert ran == [1, 2] and now() == 9.5
        await asyncio.sleep(10)
        assert ran == [1, 2, 3]
        for wrong in (-1, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="the clock cannot move by"):
                riata_clock.advance(wrong)
        assert now() == 19.5


    def test_clock_without_a_loop(riata_clock):
        with pytest.raises(RuntimeError, match="there is no event loop of riata's plugin here"):
            riata_clock.now


    @pytest.mark.riata(virtual_time=False)
    async def test_real_time(riata_clock):
        assert time.monotonic is REAL[0]
        begun = time.monotonic()
        await asyncio.sleep(0.02)
        assert time.monotonic() - begun >= 0.02
        assert abs(riata_clock.now - time.monotonic()) < 1
        with pytest.raises(RuntimeError, match=r"this test runs in real time(.|\\n)*hint: .*virtual_time=True"):
            riata_clock.advance(1)


    class TestUnittest(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            await asyncio.sleep(100)

        async def test_unittest(self):
            await asyncio.sleep(100)
            self.assertEqual(now(), 200.0)


    async def test_graceful():
        ran = []
        signal.signal(signal.SIGTERM, before := lambda *_: ran.append("ours"))
        try:
            async with riata.graceful() as stop:
                asyncio.get_running_loop().call_later(100, os.kill, os.getpid(), signal.SIGTERM)
                await stop.wait()
            assert now() == 100.0
            os.kill(os.getpid(), signal.SIGTERM)
            assert ran == ["ours"]
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


    async def test_signals():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, later.__setitem__, "signal", 1)
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(1)
        assert later.pop("signal") == 1
        assert loop.remove_signal_handler(signal.SIGUSR1) and not loop.remove_signal_handler(signal.SIGUSR1)
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
        with pytest.raises(RuntimeError):
            loop.add_signal_handler(signal.SIGKILL, print)
        with pytest.raises(TypeError):
            loop.add_signal_handler(signal.SIGUSR1, test_signals)


    async def test_dump(capsys):
        asyncio.get_running_loop().set_debug(True)
        await asyncio.sleep(3)
        riata.dump()
        assert "1 task of <VirtualLoop running=True closed=False debug=True>, at loop time 3.000" in capsys.readouterr().err


    async def test_slow_steps_are_really_slow(caplog):
        asyncio.get_running_loop().set_debug(True)
        await asyncio.sleep(3)
        time.sleep(0.11)
        await asyncio.sleep(0)
        assert "Executing <Task" in caplog.text and "took 0." in caplog.text
        assert "took 3." not in caplog.text


    async def test_the_real_world():
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        calls = {
            "create_connection": lambda: asyncio.open_connection("localhost", 80),
            "create_server": lambda: asyncio.start_server(print, "localhost", 0),
            "create_unix_connection": lambda: asyncio.open_unix_connection("/tmp/none"),
            "create_unix_server": lambda: asyncio.start_unix_server(print, "/tmp/none"),
            "create_datagram_endpoint": lambda: loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("localhost", 0)),
            "connect_accepted_socket": lambda: loop.connect_accepted_socket(asyncio.Protocol, ours),
            "sock_recv": lambda: loop.sock_recv(ours, 1),
            "sock_sendall": lambda: loop.sock_sendall(ours, b"x"),
            "sock_connect": lambda: loop.sock_connect(ours, ("localhost", 80)),
            "sock_accept": lambda: loop.sock_accept(ours),
            "start_tls": lambda: loop.start_tls(None, None, None),
            "add_reader": lambda: loop.add_reader(ours, print),
            "add_writer": lambda: loop.add_writer(ours, print),
            "connect_read_pipe": lambda: loop.connect_read_pipe(asyncio.Protocol, ours),
            "connect_write_pipe": lambda: loop.connect_write_pipe(asyncio.Protocol, ours),
            "subprocess_exec": lambda: asyncio.create_subprocess_exec("true"),
            "subprocess_shell": lambda: asyncio.create_subprocess_shell("true"),
            "getaddrinfo": lambda: loop.getaddrinfo("localhost", 80),
            "getnameinfo": lambda: loop.getnameinfo(("127.0.0.1", 80)),
            "run_in_executor": lambda: asyncio.to_thread(print),
        }
        with ours, theirs:
            for name, call in calls.items():
                with pytest.raises(RuntimeError) as raised:
                    result = call()
                    if result is not None:
                        await result
                text, hint = str(raised.value).splitlines()
                assert text.startswith("riata: a") and f"({name}) in virtual time" in text
                assert f"({__file__}:" in text
                assert hint.startswith("hint: ") and "virtual_time=False" in hint


    async def test_socket():
        await asyncio.open_connection("localhost", 80)


    async def test_a_closed_loop_with_an_executor():
        from concurrent.futures import ThreadPoolExecutor

        executor = ThreadPoolExecutor()
        asyncio.get_running_loop().set_default_executor(executor)
        executor.submit(time.sleep, 0.05)


    async def test_deadlock():
        await asyncio.sleep(5)
        await asyncio.create_task(asyncio.Event().wait(), name="stuck")


    async def test_deadlock_with_a_time_that_never_comes():
        await riata.sleep(float("inf"))


    async def test_waits_for_a_thread():
        event = asyncio.Event()
        release = threading.Event()
        thread = threading.Thread(target=release.wait, name="helper")
        thread.start()
        try:
            await event.wait()
        finally:
            release.set()
            thread.join()


    async def test_swallows_its_cancellation():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()


    @pytest.mark.riata(timeout=0.1)
    async def test_sleeps_for_ever():
        while True:
            await asyncio.sleep(1)


    @pytest.mark.riata(timeout=0.1)
    async def test_spins_for_ever():
        while True:
            await asyncio.sleep(0)


    @pytest.fixture
    def no_alarm():
        before = signal.signal(signal.SIGALRM, lambda *_: None)
        yield
        signal.signal(signal.SIGALRM, before)


    @pytest.mark.riata(timeout=0.1)
    async def test_goes_on_when_cancelled(no_alarm):
        until = time.perf_counter() + 3
        while time.perf_counter() < until:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.ensure_future(asyncio.sleep(0))
        later["went on"] = True


    def test_it_did_not_go_on():
        assert "went on" not in later


    def test_no_thread_is_left():
        assert [thread for thread in threading.enumerate() if thread is not threading.main_thread()] == []
"""
DEADLOCK = "riata: deadlock: no task can go on, since nothing is left that could wake one\n"


@pytest.mark.parametrize(
    "name",
    [
        "test_sleep_takes_no_time",
        "test_timers_keep_their_order",
        "test_deadlines_are_exact",
        "test_the_clock_moves_beside_tasks_that_spin[asyncio]",
        "test_the_clock_moves_beside_tasks_that_spin[riata]",
        "test_the_clock_moves_beside_tasks_that_spin[both]",
        "test_the_clock_moves_beside_tasks_that_spin[foreign]",
        "test_the_clock_stands_still_while_tasks_get_on",
        "test_monotonic_agrees",
        "test_monotonic_is_put_back",
        "test_patches_monotonic",
        "test_monotonic_is_put_back_after_a_patch",
        "test_fixtures_share_the_clock",
        "test_the_clock_ran_on",
        "test_advance",
        "test_clock_without_a_loop",
        "test_real_time",
        "TestUnittest::test_unittest",
        "test_graceful",
        "test_signals",
        "test_dump",
        "test_slow_steps_are_really_slow",
        "test_the_real_world",
        "test_a_closed_loop_with_an_executor",
        "test_it_did_not_go_on",
        "test_no_thread_is_left",
    ],
)
def test_what_holds_in_virtual_time(ran, name):
    assert ran.outcomes[name] == ["PASSED"]


def test_the_real_world_is_named_with_the_line_and_the_way_out(ran):
    assert ran.outcomes["test_socket"] == ["FAILED"]
    text = ran.section("test_socket")
    assert "riata: a socket (create_connection) in virtual time" in text
    assert ", in test_socket (" in text
    assert "hint: `@pytest.mark.riata(virtual_time=False)` runs the test in real time" in text


def test_a_deadlock_is_named_at_once(ran):
    assert ran.outcomes["test_deadlock"] == ["FAILED"]
    text = ran.section("test_deadlock")
    assert text.startswith(DEADLOCK)
    assert "2 tasks of <VirtualLoop running=True closed=False debug=False>, at loop time 5" in text
    assert "  awaits Task, held by 'stuck'\n" in text
    assert "thread" not in text


@pytest.mark.parametrize(
    "name",
    ["test_deadlock_with_a_time_that_never_comes", "test_swallows_its_cancellation"],
)
def test_other_deadlocks(ran, name):
    assert ran.outcomes[name] == ["FAILED"]
    assert ran.section(name).startswith(DEADLOCK)


def test_a_thread_is_not_waited_for_but_named(ran):
    assert ran.outcomes["test_waits_for_a_thread"] == ["FAILED"]
    text = ran.section("test_waits_for_a_thread")
    assert text.startswith(DEADLOCK)
    assert "virtual time does not wait for threads" in text.lower()
    assert "that are alive: 'helper'\n" in text
    assert "hint: `@pytest.mark.riata(virtual_time=False)`" in text


@pytest.mark.parametrize(
    "name", ["test_sleeps_for_ever", "test_spins_for_ever", "test_goes_on_when_cancelled"]
)
def test_the_time_limit_is_real(ran, name):
    assert ran.outcomes[name][0] == "FAILED"
    text = ran.section(name)
    assert text.startswith("riata: the call of the test took longer than 0.1 s\n")
    # What it does at that moment is chance.
    assert re.search(r"^  (awaits (sleep|Task)|is about to run|runs)", text, re.M)


SHARED = """
    import asyncio

    import pytest

    virtual = pytest.mark.riata(virtual_time=True)
    shared = pytest.mark.asyncio(loop_scope="module")


    @shared
    async def test_real():
        pass


    @shared
    @virtual
    async def test_shared():
        await asyncio.sleep(3600)


    @shared
    async def test_real_again():
        pass


    @virtual
    async def test_on_its_own():
        await asyncio.sleep(3600)


    @pytest.mark.asyncio(loop_scope="class")
    class TestAll:
        @virtual
        async def test_virtual(self):
            await asyncio.sleep(3600)

        async def test_other(self):
            pass
"""


def test_a_loop_is_of_one_kind_for_all_that_share_it(project):
    ran = project(SHARED)
    names = ("test_real", "test_shared", "test_real_again", "test_on_its_own")
    outcomes = [ran.outcomes[name] for name in names]
    assert outcomes == [["PASSED"], ["FAILED"], ["PASSED"], ["PASSED"]]
    text = ran.section("test_shared")
    assert text.startswith(
        "riata: this test wants virtual time, and shares a loop that was made for real time\n"
    )
    assert "riata(virtual_time=True)" in text
    assert 'loop_scope="function"' in text
    assert ran.outcomes["TestAll::test_virtual"] == ["PASSED"]
    assert ran.outcomes["TestAll::test_other"] == ["FAILED"]
    assert "wants real time, and shares a loop that was made for virtual time" in ran.text
    assert "never awaited" not in ran.text


def test_asyncio_has_no_virtual_time(project, monkeypatch):
    monkeypatch.setenv("RIATA_LOOP", "asyncio")
    ran = project("async def test_it(): pass", ini="riata_virtual_time = true")
    assert ran.status == 1
    assert "RIATA_LOOP=asyncio leaves this test on asyncio's loop" in ran.text
    assert "hint: " in ran.text


def test_off_nothing_is_changed(project):
    text = """
        import asyncio
        import time

        import pytest

        REAL = time.monotonic


        @pytest.mark.riata(virtual_time=True)
        async def test_it():
            begun = time.monotonic()
            await asyncio.sleep(0.02)
            assert time.monotonic() - begun >= 0.02
            assert time.monotonic is REAL


        def test_fixture(riata_clock):
            pass
    """
    ran = project(text, riata=False)
    assert ran.outcomes == {"test_it": ["PASSED"], "test_fixture": ["ERROR"]}
    assert "fixture 'riata_clock' not found" in ran.text
