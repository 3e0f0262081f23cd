"""Other plugins of pytest beside riata's, and every place where pytest takes settings from."""

import importlib.util
import json
import textwrap

import pytest

from .conftest import run_pytest

pytestmark = pytest.mark.slow  # each run starts a pytest of its own


def needs(module):
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None,
        reason=f"{module} is not installed, see tests/requirements.txt",
    )


HANGING = """
    import asyncio
    import time

    import pytest


    async def test_slow():
        await asyncio.create_task(asyncio.sleep(60), name="sleeper")


    async def test_blocks():
        time.sleep(60)


    async def test_deadlock():
        await asyncio.Event().wait()


    @pytest.mark.riata(timeout=0.1)
    async def test_short():
        await asyncio.sleep(60)


    async def test_last():
        assert type(asyncio.get_running_loop()).__name__ == "TestLoop"
"""
FAILED = {
    **{f"test_{name}": ["FAILED"] for name in ("slow", "blocks", "deadlock", "short")},
    "test_last": ["PASSED"],
}
DEADLOCK = "riata: deadlock: no task can go on"


@needs("xdist")
def test_xdist(project):
    text = """
        import asyncio

        import pytest


        @pytest.fixture
        async def generator():
            yield type(asyncio.get_running_loop()).__name__


        @pytest.mark.parametrize("number", range(4))
        async def test_passes(generator, number):
            assert generator == type(asyncio.get_running_loop()).__name__ == "TestLoop"


        async def test_deadlock():
            await asyncio.Event().wait()


        @pytest.mark.riata(timeout=0.1)
        async def test_slow():
            await asyncio.sleep(60)
    """
    result = project(text, "-n", "2")
    assert "4 passed" in result.text and "2 failed" in result.text, result.text
    assert DEADLOCK in result.section("test_deadlock")
    assert "riata: the call of the test took longer than 0.1 s" in result.section("test_slow")


@needs("pytest_timeout")
def test_the_shorter_of_two_limits_ends_the_test(project):
    result = project(HANGING, "-p", "timeout", "--timeout", "0.5", "--timeout-method", "signal")
    assert result.outcomes == FAILED, result.text
    text = result.section("test_slow")
    assert text.startswith("Timeout (>0.5s) from pytest-timeout.\n")
    # The report is of what the loop was left with.
    assert "  awaits Task, held by 'sleeper'\n" in text
    text = result.section("test_blocks")
    assert "time.sleep(60)" in text and "Timeout (>0.5s) from pytest-timeout." in text
    assert "riata" not in text
    assert result.section("test_deadlock").startswith(DEADLOCK)
    assert "riata: the call of the test took longer than 0.1 s" in result.section("test_short")


@needs("pytest_timeout")
def test_the_timer_of_pytest_timeout_is_nothing_that_could_wake_a_task(project):
    text = HANGING.replace("async def test_slow", "async def _").replace("test_blocks", "_blocks")
    # Its end is that of the process, so that it is not to come.
    result = project(text, "-p", "timeout", "--timeout", "30", "--timeout-method", "thread")
    assert result.section("test_deadlock").startswith(DEADLOCK)
    assert result.outcomes["test_last"] == ["PASSED"]


@needs("pytest_cov")
def test_coverage_is_the_same(tmp_path):
    tmp_path.joinpath("app.py").write_text(
        """
import asyncio


async def work(number):
    if number > 1:
        await asyncio.sleep(0)
        return "many"
    async with asyncio.Lock():
        await asyncio.sleep(0)
    return "few"


async def count(number):
    try:
        for step in range(number):
            yield step
            await asyncio.sleep(0)
    finally:
        if number > 5:
            number = 0
        await asyncio.sleep(0)


def called(future):
    if future.done():
        future.seen = True
    else:
        future.seen = False


def in_thread(number):
    return 1 if number else 2
"""
    )
    text = """
        import asyncio

        import app


        async def test_work():
            assert await app.work(1) == "few"


        async def test_left_generator():
            async for step in app.count(3):
                break


        async def test_callback():
            task = asyncio.create_task(asyncio.sleep(0))
            future = asyncio.get_running_loop().create_future()
            future.add_done_callback(called)
            future.set_result(None)
            await task


        def called(future):
            class Other:
                done = future.done

            app.called(Other())


        async def test_thread():
            assert await asyncio.to_thread(app.in_thread, 1) == 1
    """
    seen = []
    for riata in (False, True):
        report = tmp_path / f"{riata}.json"
        arguments = ["--cov=app", "--cov-branch", f"--cov-report=json:{report}"]
        result = run_pytest(tmp_path, text, *arguments, riata=riata)
        assert result.status == 0, result.text
        seen.append(json.loads(report.read_text())["files"]["app.py"])
    assert seen[0] == seen[1]
    lines = tmp_path.joinpath("app.py").read_text().splitlines()
    missing = [lines[number - 1].strip() for number in seen[1]["missing_lines"]]
    step = "await asyncio.sleep(0)"
    assert missing == [step, 'return "many"', step, "number = 0", "future.seen = False"]


@needs("anyio")
def test_anyio(project):
    """As in docs/guides/testing.md. The fixture of the module has all of its tests share what anyio runs them in."""
    result = project(
        """
        import asyncio

        import anyio
        import pytest

        pytestmark = pytest.mark.anyio


        def name_of_loop():
            return type(asyncio.get_running_loop()).__name__


        @pytest.fixture(scope="module")
        async def wide():
            yield name_of_loop()


        @pytest.fixture
        async def fixture():
            return name_of_loop()


        @pytest.fixture
        async def slow():
            yield
            await anyio.sleep(60)


        async def test_loop(wide, fixture):
            assert name_of_loop() == wide == fixture == "TestLoop"


        @pytest.mark.riata(timeout=0.1)
        async def test_slow(wide):
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 60, name="sleeper")


        async def test_deadlock(wide):
            await anyio.Event().wait()


        @pytest.mark.riata(timeout=0.1)
        async def test_tear_down(slow):
            pass


        async def test_last(wide, fixture):
            assert name_of_loop() == wide == fixture == "TestLoop"
        """,
        conftest="""
        import pytest
        import riata.testing


        @pytest.fixture(scope="session")
        def anyio_backend():
            return "asyncio", {"loop_factory": riata.testing.new_test_loop}
        """,
        # What anyio runs them in is nothing that a test leaves behind.
        ini="riata_leaks = error",
        others=True,
        riding=False,
    )
    assert result.outcomes == {
        "test_loop": ["PASSED"],
        "test_slow": ["FAILED"],
        "test_deadlock": ["FAILED"],
        "test_tear_down": ["PASSED", "ERROR"],
        "test_last": ["PASSED"],
    }, result.text
    text = result.section("test_slow")
    assert text.startswith("riata: the call of the test took longer than 0.1 s\n")
    assert "\ntask 'sleeper', made in test_slow (" in text
    assert result.section("test_deadlock").startswith(DEADLOCK)
    text = result.section("ERROR at teardown of test_tear_down")
    assert text.startswith("riata: the tear-down of the test took longer than 0.1 s\n")


NATIVE = """
    [tool.pytest]
    asyncio_mode = "auto"
    asyncio_default_fixture_loop_scope = "function"
    strict = true
    riata_loop = true
    riata_timeout = 5
    riata_blocked_after = 2.5
    riata_leaks = "error"
"""
OLDER = """
    [tool.pytest.ini_options]
    addopts = "--strict-markers --strict-config"
    asyncio_mode = "auto"
    asyncio_default_fixture_loop_scope = "function"
    riata_loop = true
    riata_timeout = 5
    riata_blocked_after = 2.5
    riata_leaks = "error"
"""
INI = """
    [{}]
    addopts = --strict-markers --strict-config
    asyncio_mode = auto
    asyncio_default_fixture_loop_scope = function
    riata_loop = true
    riata_timeout = 5
    riata_blocked_after = 2.5
    riata_leaks = error
"""
SETTINGS = """
    import asyncio

    import pytest
    from riata.testing.phase import current_phase


    @pytest.mark.asyncio
    @pytest.mark.riata(blocked_after=1)
    async def test_settings():
        settings = current_phase().settings
        assert (settings.timeout, settings.blocked_after, settings.leaks) == (5, 1, "error")
        assert type(asyncio.get_running_loop()).__name__ == "TestLoop"
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param(
            *("pyproject.toml", NATIVE),
            id="tool.pytest",
            marks=pytest.mark.skipif(
                pytest.version_tuple < (9,), reason="pytest 9 brought typed settings"
            ),
        ),
        pytest.param("pyproject.toml", OLDER, id="tool.pytest.ini_options"),
        pytest.param("setup.cfg", INI.format("tool:pytest"), id="setup.cfg"),
        pytest.param("tox.ini", INI.format("pytest"), id="tox.ini"),
    ],
)
def test_every_file_of_settings(tmp_path, name, text):
    tmp_path.joinpath(name).write_text(textwrap.dedent(text))
    result = run_pytest(tmp_path, SETTINGS, "-c", name, "-W", "error")
    assert result.outcomes == {"test_settings": ["PASSED"]}, result.text


@pytest.mark.parametrize(
    "setting", ["riata_timeout = soon", "riata_timeout =", "riata_loop = maybe", "riata_leaks = on"]
)
def test_a_wrong_value_is_named_with_its_option(project, setting):
    result = project("", ini=setting, riata=not setting.startswith("riata_loop"))
    assert result.status == pytest.ExitCode.USAGE_ERROR
    name, _, value = setting.partition(" =")
    assert f"{name} must be " in result.text
    assert repr(value.strip()) in result.text
