"""Tests that do not end: each is ended, and told apart by what keeps it."""

import pytest

pytestmark = pytest.mark.slow  # each run starts a pytest of its own
INI = "riata_timeout = 30"
PROJECT = """
    import asyncio
    import os
    import signal
    import threading
    import time

    import pytest
    import riata

    soon = pytest.mark.riata(timeout=0.1)


    async def hang():
        await asyncio.sleep(60)


    @soon
    async def test_slow():
        await asyncio.create_task(hang(), name="sleeper")


    @pytest.mark.riata(timeout=0)
    async def test_without_a_limit():
        await asyncio.sleep(0.2)


    @soon
    async def test_swallows_its_cancellation():
        try:
            await hang()
        except asyncio.CancelledError:
            pass


    @soon
    async def test_goes_on():
        while True:
            try:
                await hang()
            except asyncio.CancelledError:
                pass


    @soon
    async def test_blocks():
        time.sleep(60)


    @soon
    async def test_spins():
        while True:
            pass


    @pytest.fixture
    async def slow_set_up():
        await hang()


    @soon
    async def test_set_up(slow_set_up):
        pass


    @pytest.fixture
    async def slow_tear_down():
        yield
        await hang()


    @soon
    async def test_tear_down(slow_tear_down):
        pass


    async def test_crossed_locks():
        first, second = riata.Lock(), riata.Lock()

        async def use(one, other):
            async with one:
                await asyncio.sleep(0)
                async with other:
                    pass

        async with riata.TaskGroup() as group:
            group.create_task(use(first, second), name="left")
            group.create_task(use(second, first), name="right")


    async def test_full_queue():
        queue = riata.Queue(1)
        await queue.put(1)
        await queue.put(2)


    async def test_starved_semaphore():
        semaphore = riata.Semaphore(1)

        async def hoard():
            await semaphore.acquire()
            await asyncio.Event().wait()

        task = asyncio.create_task(hoard(), name="hoarder")
        await asyncio.sleep(0)
        async with semaphore:
            pass


    async def test_ring():
        tasks = []

        async def wait(number):
            await tasks[number]

        tasks.append(asyncio.create_task(wait(1), name="left"))
        tasks.append(asyncio.create_task(wait(0), name="right"))
        await asyncio.sleep(0)
        await tasks[0]


    async def test_event():
        event = asyncio.Event()

        async def other():
            known = event
            await asyncio.Event().wait()

        task = asyncio.create_task(other(), name="other")
        await event.wait()


    async def test_future():
        await asyncio.get_running_loop().create_future()


    async def test_woken_by_a_thread():
        await asyncio.to_thread(time.sleep, 0.3)


    async def test_woken_by_another_thread():
        event = asyncio.Event()
        wake = asyncio.get_running_loop().call_soon_threadsafe
        threading.Timer(0.3, wake, (event.set,)).start()
        await event.wait()


    async def test_woken_by_a_process():
        process = await asyncio.create_subprocess_exec("sleep", "0.3")
        await process.wait()


    async def test_woken_by_a_descriptor():
        reader, writer = os.pipe()
        event = asyncio.Event()
        asyncio.get_running_loop().add_reader(reader, event.set)
        child = os.posix_spawn("/bin/sh", ["sh", "-c", "sleep 0.3; echo"], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
        await event.wait()
        os.waitpid(child, 0)
        asyncio.get_running_loop().remove_reader(reader)


    async def test_woken_by_a_signal():
        event = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, event.set)
        command = f"sleep 0.3; kill -USR1 {os.getpid()}"
        child = os.posix_spawn("/bin/sh", ["sh", "-c", command], os.environ)
        await event.wait()
        os.waitpid(child, 0)


    async def test_last():
        pass
"""
TOO_LONG = "riata: the {} of the test took longer than 0.1 s\n"
DEADLOCK = "riata: deadlock: no task can go on, since nothing is left that could wake one\n"


def test_a_test_that_takes_too_long_is_ended_and_described(ran):
    assert ran.outcomes["test_slow"] == ["FAILED"]
    text = ran.section("test_slow")
    assert text.startswith(TOO_LONG.format("call"))
    assert "\n2 tasks of <TestLoop running=True closed=False debug=False>, at loop time " in text
    assert "  awaits Task, held by 'sleeper'\n" in text
    assert '    await asyncio.create_task(hang(), name="sleeper")\n' in text
    assert "\ntask 'sleeper', made in test_slow (" in text
    assert "  awaits sleep\n" in text
    assert "    await asyncio.sleep(60)\n" in text


def test_a_ring_is_left_behind_in_order(ran):
    assert ran.outcomes["test_ring"] == ["FAILED"]
    assert "RecursionError" not in ran.text


def test_the_run_goes_on(ran):
    assert ran.outcomes["test_without_a_limit"] == ["PASSED"]
    assert ran.outcomes["test_last"] == ["PASSED"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("test_swallows_its_cancellation", "  awaits sleep\n"),
        ("test_goes_on", "  awaits sleep\n"),
        ("test_blocks", "    time.sleep(60)\n"),
        ("test_spins", "    while True:\n"),
    ],
)
def test_a_test_that_resists_is_ended_too(ran, name, line):
    assert ran.outcomes[name][0] == "FAILED"
    text = ran.section(name)
    assert text.startswith(TOO_LONG.format("call"))
    assert line in text or (name == "test_spins" and "    pass\n" in text)


@pytest.mark.parametrize(
    ("title", "phase"),
    [
        ("ERROR at setup of test_set_up", "set-up"),
        ("ERROR at teardown of test_tear_down", "tear-down"),
    ],
)
def test_fixtures_are_ended_too(ran, title, phase):
    assert ran.section(title).startswith(TOO_LONG.format(phase))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "test_crossed_locks",
            [
                "deadlock: 'left' awaits Lock.__aenter__, held by 'right'; 'right' awaits Lock.__aenter__, held by 'left'\n",
                "task 'left', made in test_crossed_locks (",
                " [locked, waiters:1]>, held by 'right'\n",
            ],
        ),
        ("test_full_queue", ["  awaits Queue.put of <Queue at "]),
        (
            "test_starved_semaphore",
            ["  awaits Semaphore.__aenter__ of <riata.Semaphore object at ", "held by 'hoarder'\n"],
        ),
        (
            "test_ring",
            [
                "deadlock: 'left' awaits Task, held by 'right'; 'right' awaits Task, held by 'left'\n"
            ],
        ),
        ("test_event", ["  awaits Event.wait of <", "; task 'other' has it as known in other ("]),
        ("test_future", ["  awaits Future of <Future pending"]),
    ],
)
def test_a_deadlock_is_named_at_once(ran, name, lines):
    assert ran.outcomes[name][0] == "FAILED"
    text = ran.section(name)
    assert text.startswith(DEADLOCK)
    for line in lines:
        assert line in text


@pytest.mark.parametrize(
    "name", ["a_thread", "another_thread", "a_process", "a_descriptor", "a_signal"]
)
def test_what_something_outside_will_wake_is_no_deadlock(ran, name):
    assert ran.outcomes[f"test_woken_by_{name}"] == ["PASSED"], ran.text


def test_a_clock_that_a_test_sets_is_not_that_of_its_limit(project):
    text = """
        import asyncio
        import time
        from unittest import mock

        async def test_future():
            with mock.patch("time.monotonic", return_value=time.monotonic() + 10**6):
                await asyncio.sleep(0.1)
    """
    assert project(text).outcomes == {"test_future": ["PASSED"]}


def test_the_command_line_goes_before_the_ini_file(project):
    text = """
        import asyncio

        async def test_slow():
            await asyncio.sleep(60)
    """
    result = project(text, "--riata-timeout", "0.2", ini="riata_timeout = 0.1")
    assert "took longer than 0.2 s" in result.section("test_slow")
