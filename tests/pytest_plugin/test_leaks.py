"""What tests leave behind fails them, or is told at the end; and it is the test that made it which is told of."""

import re
import sys

import pytest

PROJECT = """
import asyncio
import os
import socket
import sys
import threading
import unittest

import pytest

kept = []


async def poll():
    while True:
        await asyncio.sleep(3600)


async def test_task():
    asyncio.create_task(poll(), name="poll")  # a task
    await asyncio.sleep(0)


async def test_task_that_never_began():
    kept.append(asyncio.create_task(poll()))  # a task that never began


async def test_generator():
    async def count():
        yield 1
        yield 2

    numbers = count()
    kept.append(numbers)
    await anext(numbers)  # a generator


async def test_job():
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait, 0.2)  # a job


async def test_connection():
    async def serve(reader, writer):
        kept.append(writer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    kept.append(await asyncio.open_connection("127.0.0.1", port))  # a connection
    await asyncio.sleep(0.01)
    server.close()


async def test_accepted_connection():
    async def serve(reader, writer):
        kept.append(writer)
        await reader.read()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)  # an accepted connection
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    await asyncio.sleep(0.01)
    writer.close()
    server.close()


async def test_pipe():
    ours, _ = os.pipe()
    loop = asyncio.get_running_loop()
    pipe = open(ours, "rb")
    kept.append(await loop.connect_read_pipe(asyncio.Protocol, pipe))  # a pipe


async def test_datagrams():
    loop = asyncio.get_running_loop()
    kept.append(await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0)))  # datagrams


async def test_server():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)  # a server
    kept.append(server)


async def test_socket():
    kept.append(socket.socket())  # a socket


async def test_process():
    program = "import time; time.sleep(1)"
    kept.append(await asyncio.create_subprocess_exec(sys.executable, "-c", program))  # a process


async def test_coroutine():
    asyncio.sleep(1)  # a coroutine


async def test_coroutine_in_a_ring():
    ring = [asyncio.sleep(1)]  # a coroutine in a ring
    ring.append(ring)


async def test_exception():
    async def fail():
        raise ValueError("boom")

    asyncio.create_task(fail(), name="failing")  # an exception
    await asyncio.sleep(0)


async def test_exception_of_a_future():
    asyncio.get_running_loop().create_future().set_exception(ValueError("boom"))


async def hang():
    await asyncio.sleep(3600)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no eager tasks")
async def test_eager_task():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    kept.append(asyncio.create_task(hang()))


@pytest.fixture
async def poller():
    asyncio.create_task(poll(), name="of the fixture")  # by a fixture
    yield


async def test_fixture(poller):
    pass


class TestCase(unittest.IsolatedAsyncioTestCase):
    async def test_case(self):
        kept.append(asyncio.create_task(poll()))  # a task of a test case


# Nothing is left by these.


async def test_all_is_ended():
    task = asyncio.create_task(poll())
    await asyncio.sleep(0)
    task.cancel()  # and not awaited

    async def serve(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    await asyncio.sleep(0.01)
    writer.close()  # which the other end has not seen yet
    server.close()
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    await asyncio.to_thread(int)
    with socket.socket():
        pass


async def test_generator_that_is_dropped():
    async def count():
        yield 1
        yield 2

    async for number in count():
        break


async def test_tasks_that_take_a_moment_to_end():
    async def slow():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)

    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    task.cancel()
    process = await asyncio.create_subprocess_exec("sleep", "60")
    process.kill()


@pytest.fixture(scope="module")
def threaded():
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = listener.accept()
            kept.append(connection)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()


async def test_sockets_of_other_threads(threaded):
    _, writer = await asyncio.open_connection(*threaded)
    await asyncio.sleep(0.01)
    writer.close()


@pytest.fixture
async def cleaned():
    tasks = []
    yield tasks
    for task in tasks:
        task.cancel()


async def test_a_fixture_cleans_up(cleaned):
    cleaned.append(asyncio.create_task(poll()))


async def test_exception_that_is_retrieved():
    async def fail():
        raise ValueError("boom")

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    task.exception()


@pytest.mark.riata(leaks="off")
async def test_that_may():
    kept.append(asyncio.create_task(poll()))


async def test_that_fails():
    kept.append(asyncio.create_task(poll()))
    assert False


def test_that_is_synchronous():
    kept.append(socket.socket())
"""

INI = "riata_leaks = error"

NEEDS_EAGER = pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no eager tasks")
# The test, what is told of it, and the comment of the line that made it.
LEAKS = [
    ("test_task", "task 'poll', made in", "a task"),
    ("test_task_that_never_began", "task '", "a task that never began"),
    (
        "test_generator",
        "async generator 'test_generator.<locals>.count', unfinished",
        "a generator",
    ),
    ("test_job", "job <bound method Event.wait", "a job"),
    ("test_connection", "read=polling write=<idle, bufsize=0>>, open\n", "a connection"),
    ("test_accepted_connection", "open, accepted by a server", "an accepted connection"),
    ("test_pipe", "transport <", "a pipe"),
    ("test_datagrams", "transport <", "datagrams"),
    ("test_server", "<Server sockets=", "a server"),
    ("test_socket", "<socket.socket fd=", "a socket"),
    ("test_process", "process ", "a process"),
    ("test_coroutine", "coroutine 'sleep', never awaited", "a coroutine"),
    ("test_coroutine_in_a_ring", "coroutine 'sleep', never awaited", "a coroutine in a ring"),
    (
        "test_exception",
        "exception of task 'failing', never retrieved: ValueError('boom')",
        "an exception",
    ),
    ("test_exception_of_a_future", "exception of a future, never retrieved: ValueError", None),
    pytest.param("test_eager_task", ", in hang\n", None, marks=NEEDS_EAGER),
    ("test_fixture", "task 'of the fixture', made in", "by a fixture"),
    ("TestCase::test_case", "task '", "a task of a test case"),
]

CLEAN = (
    "test_all_is_ended",
    "test_generator_that_is_dropped",
    "test_tasks_that_take_a_moment_to_end",
    "test_sockets_of_other_threads",
    "test_a_fixture_cleans_up",
    "test_exception_that_is_retrieved",
    "test_that_may",
    "test_that_is_synchronous",
)


def line_of(comment):
    lines = PROJECT.splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.endswith(f"  # {comment}"))


@pytest.mark.parametrize(("name", "text", "comment"), LEAKS)
def test_what_is_left_behind_fails_the_test(ran, name, text, comment):
    assert ran.outcomes[name] == ["PASSED", "ERROR"]
    told = ran.section(f"ERROR at teardown of {name.replace('::', '.')}")
    assert told.startswith("riata: the test leaves this behind:\n")
    assert text in told
    if comment is not None:
        assert f"test_it.py:{line_of(comment)})" in told
        # Each thing once; of a connection both ends are open.
        assert told.count(" made in ") == (2 if name == "test_connection" else 1)


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_told_of_a_test_that_cleans_up(ran, name):
    assert ran.outcomes[name] == ["PASSED"]


def test_a_test_that_fails_is_told_of_that_alone(ran):
    assert ran.outcomes["test_that_fails"] == ["FAILED"]
    assert "left behind by tests" not in ran.text


def test_a_warning_is_the_default(project):
    result = project(PROJECT, "-W", "error::ResourceWarning")
    assert {outcome for found in result.outcomes.values() for outcome in found} <= {
        "PASSED",
        "FAILED",
        "SKIPPED",
    }
    summary = result.text.partition("riata: left behind by tests")[2]
    for leak in LEAKS:
        name, text, comment = getattr(leak, "values", leak)
        if name == "test_eager_task" and sys.version_info < (3, 12):
            continue
        told = re.search(rf"^test_it\.py::{name}\n((?:  .*\n)+)", summary, re.M)
        assert told is not None, name
        assert text in told[1]
        assert comment is None or f"test_it.py:{line_of(comment)})" in told[1]
    for name in (*CLEAN, "test_that_fails"):
        assert f"::{name}\n" not in summary


def test_off_is_as_without(project):
    result = project(PROJECT, "--riata-leaks=off")
    plain = project(PROJECT, riata=False)
    assert result.outcomes == plain.outcomes
    # Neither the header, where the plugin is installed, nor the file in which the collector happened to come.
    assert "left behind by tests" not in result.text
    assert warnings_of(result) == warnings_of(plain)


def warnings_of(result):
    # How often depends on when the collector comes.
    return set(re.findall(r"\S+Warning: .*", result.text))


WIDER = """
import asyncio

import pytest_asyncio

kept = []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server():
    task = asyncio.create_task(asyncio.sleep(3600), name="server")
    yield task
    task.cancel()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def forgetful():
    kept.append(asyncio.create_task(asyncio.sleep(3600), name="forgotten"))


async def test_first(server, forgetful):
    kept.append(asyncio.create_task(asyncio.sleep(3600), name="of the first"))


async def test_second(server):
    assert len(asyncio.all_tasks()) == 4


async def test_third(server):
    pass
"""


def test_a_loop_of_wider_scope(project):
    """A test leaves behind what it made itself; what a wider fixture leaves is told when the loop ends."""
    pytest.importorskip("pytest_asyncio", minversion="1.0")
    ini = "riata_leaks = error\nasyncio_default_test_loop_scope = module"
    result = project(WIDER, ini=ini)
    assert result.outcomes == {
        "test_first": ["PASSED", "ERROR"],
        "test_second": ["PASSED"],
        "test_third": ["PASSED", "ERROR"],
    }
    first = result.section("ERROR at teardown of test_first")
    assert "task 'of the first', made in test_first" in first
    assert "'server'" not in first
    last = result.section("ERROR at teardown of test_third")
    assert "task 'forgotten', made in forgetful" in last
    assert "by fixture 'forgetful'" in last
    assert "of the first" not in last


LATE = """
import asyncio

import pytest

kept = []


class Ring:
    def __init__(self, coro):
        self.coro, self.me = coro, self


async def test_first():
    kept.append(Ring(asyncio.sleep(0)))


async def test_second():
    kept.clear()
    import gc

    gc.collect()


@pytest.fixture
async def ring():
    kept.append(Ring(asyncio.sleep(0)))


async def test_third(ring):
    async def inner():
        kept.append(Ring(asyncio.sleep(0)))

    await inner()


def in_a_helper():
    kept.append(Ring(asyncio.sleep(0)))


async def test_fourth():
    in_a_helper()


async def test_fifth():
    kept.clear()
    import gc

    gc.collect()
"""


def test_what_is_found_in_another_test(project):
    """The one that made it is told of, and the run fails all the same."""
    result = project(LATE, ini="riata_leaks = error")
    assert {*map(tuple, result.outcomes.values())} == {("PASSED",)}
    assert len(result.outcomes) == 5
    assert result.status == 1
    summary = result.text.partition("riata: left behind by tests")[2]
    assert "\ntest_it.py::test_first\n  coroutine 'sleep', never awaited\n" in summary
    assert summary.count("never awaited\n") == 4
    third = summary.partition("\ntest_it.py::test_third\n")[2].partition("\nof this test")[0]
    assert "made in ring" in third and "made in inner" in third
    # A helper may have been called by anybody.
    assert "\nof this test, or of one before\n  coroutine 'sleep', never awaited\n" in summary
    assert "::test_second" not in summary and "::test_fifth" not in summary
