"""`riata_one_task`: the set-up of fixtures, the test and their tear-down run in one task."""

import pytest

PROJECT = """
import asyncio
import contextvars

import anyio
import pytest
import riata

seen = {}
variable = contextvars.ContextVar("variable")


@pytest.fixture
async def scope(request):
    with anyio.CancelScope() as scope:  # which must be left in the task that entered it
        seen[request.node.name] = [asyncio.current_task()]
        variable.set("fixture")
        yield scope
        seen[request.node.name].append(asyncio.current_task())
        assert len(set(map(id, seen[request.node.name]))) == 1


@pytest.fixture
async def group():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 3600)
        yield group
        group.cancel_scope.cancel()


@pytest.fixture
def sync(scope):
    before = variable.get()
    variable.set("sync")
    return before


async def test_one(scope, group):
    seen["test_one"].append(asyncio.current_task())
    assert variable.get() == "fixture"
    assert asyncio.current_task().cancelling() == 0 if hasattr(asyncio.Task, "cancelling") else True


async def test_variables(scope, sync):
    assert (sync, variable.get()) == ("fixture", "sync")


async def test_cancels_itself(scope):
    asyncio.current_task().cancel("me")
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(1)


async def test_fails(scope):
    assert seen["test_fails"] == 0


async def test_skips(scope):
    pytest.skip("for a reason")


async def test_is_cancelled(scope):
    asyncio.current_task().cancel("me")
    await asyncio.sleep(1)


@pytest.mark.riata(timeout=0.3)
async def test_hangs(scope):
    await asyncio.Event().wait()


@pytest.mark.riata(timeout=0.3)
async def test_takes_long(scope):
    await asyncio.sleep(3600)


async def test_leaves(scope):
    asyncio.create_task(asyncio.sleep(3600))


async def test_last(scope):
    pass


@pytest.fixture
async def ended():
    async with anyio.create_task_group() as ended:
        yield ended


async def test_ends_the_scope_of_its_fixture(ended):
    ended.start_soon(anyio.sleep, 3600)
    await asyncio.sleep(0)
    ended.cancel_scope.cancel()


@pytest.fixture
async def limited():
    with pytest.raises((TimeoutError, asyncio.TimeoutError)):
        async with riata.timeout(0.02):
            yield
            await asyncio.sleep(3600)


async def test_timeout_of_its_fixture(limited):
    import time

    time.sleep(0.05)


@pytest.mark.riata(one_task=False)
async def test_that_need_not():
    assert asyncio.current_task().get_name() != "one task"
"""

INI = "riata_one_task = true\nriata_leaks = error"

PASSED = (
    *("test_one", "test_variables", "test_cancels_itself", "test_last", "test_that_need_not"),
    *("test_ends_the_scope_of_its_fixture", "test_timeout_of_its_fixture"),
)


@pytest.mark.parametrize("name", PASSED)
def test_it_is_the_same_task(ran, name):
    assert ran.outcomes[name] == ["PASSED"]


def test_outcomes_are_as_without(ran):
    assert {name: found for name, found in ran.outcomes.items() if name not in PASSED} == {
        "test_fails": ["FAILED"],
        "test_skips": ["SKIPPED"],
        "test_is_cancelled": ["FAILED"],
        "test_hangs": ["FAILED"],
        "test_takes_long": ["FAILED"],
        "test_leaves": ["PASSED", "ERROR"],
    }


def test_reports_are_of_the_test(ran):
    failed = ran.section("test_fails")
    assert 'assert seen["test_fails"] == 0' in failed
    assert failed.count("test_it.py:") == 1
    hangs = ran.section("test_hangs")
    assert "riata: deadlock" in hangs
    assert "in test_hangs\n    await asyncio.Event().wait()" in hangs
    assert hangs.count("task '") == 1 and "1 task of" in hangs
    long = ran.section("test_takes_long")
    assert "the call of the test took longer than 0.3 s" in long
    assert "await asyncio.sleep(3600)" in long
    left = ran.section("ERROR at teardown of test_leaves")
    assert left.count(" made in ") == 1


def test_without_it_the_tasks_differ(project):
    result = project(PROJECT, "-k", "test_one or test_last")
    assert result.outcomes == {"test_one": ["PASSED", "ERROR"], "test_last": ["PASSED", "ERROR"]}
    assert "different task" in result.text


def test_pytest_asyncio_without_runners(project):
    conftest = """
        import pytest_asyncio.plugin

        del pytest_asyncio.plugin.Runner  # as before 1.1
    """
    pytest.importorskip("pytest_asyncio")
    result = project("", conftest=conftest, ini="riata_one_task = true")
    assert result.status == pytest.ExitCode.USAGE_ERROR
    assert "riata_one_task needs pytest-asyncio 1.1 or newer\nhint: " in result.text
