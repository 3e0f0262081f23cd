"""Whose loop tests and fixtures run on, with pytest-asyncio, without it and in unittest; and that nothing changes when it is off."""

import pytest

from .conftest import REGISTERED, run_pytest

PROJECT = """
    import asyncio
    import contextvars
    import os
    import sys
    import unittest

    import pytest
    from hypothesis import given, settings, strategies

    EXPECTED = os.environ.get("EXPECTED", "TestLoop")
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []


    def name_of_loop():
        return type(asyncio.get_running_loop()).__name__


    @pytest.fixture
    async def fixture():
        return name_of_loop()


    @pytest.fixture
    async def generator():
        variable.set("fixture")
        yield name_of_loop()
        seen.append((variable.get(), name_of_loop()))


    async def test_function(fixture, generator):
        assert {name_of_loop(), fixture, generator} == {EXPECTED}
        assert variable.get() == "fixture"


    def test_after():
        assert seen == [("fixture", EXPECTED)]


    @pytest.mark.asyncio
    async def test_marked():
        assert name_of_loop() == EXPECTED


    @pytest.mark.parametrize("number", [1, 2])
    async def test_many(number):
        assert name_of_loop() == EXPECTED


    class TestClass:
        async def test_method(self, generator):
            assert name_of_loop() == EXPECTED


    def test_plain():
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()


    class Case(unittest.IsolatedAsyncioTestCase):
        def setUp(self):
            self.current = asyncio.get_event_loop()

        async def test_case(self):
            assert self.current is asyncio.get_running_loop()
            assert name_of_loop() == EXPECTED

        def test_plain_method(self):
            assert self.current is asyncio.get_event_loop()


    @settings(max_examples=5)
    @given(strategies.integers(0, 5))
    async def test_property(number):
        await asyncio.sleep(0)
        assert name_of_loop() == EXPECTED


    @settings(max_examples=50)
    @given(strategies.integers())
    async def test_property_that_fails(number):
        assert number < 10**6
"""
ARGUMENTS = ("-W", "error")
PASSED = [
    "test_function",
    "test_after",
    "test_marked",
    "test_many[1]",
    "test_many[2]",
    "TestClass::test_method",
    "test_plain",
    "Case::test_case",
    "Case::test_plain_method",
    "test_property",
]
OUTCOMES = {**{name: ["PASSED"] for name in PASSED}, "test_property_that_fails": ["FAILED"]}


def test_every_test_and_fixture_is_on_riata(ran):
    assert ran.outcomes == OUTCOMES, ran.text
    assert "assert 1000000 < " in ran.section("test_property_that_fails")


@pytest.mark.parametrize("off", ["ini", "command line", "RIATA_LOOP"])
def test_switched_off_it_changes_nothing(project, monkeypatch, off):
    monkeypatch.setenv("EXPECTED", "_UnixSelectorEventLoop")
    if off == "RIATA_LOOP":
        monkeypatch.setenv("RIATA_LOOP", "asyncio")
    arguments = ["--no-riata"] if off == "command line" else []
    result = project(PROJECT, *arguments, riata=off != "ini")
    assert result.outcomes == OUTCOMES, result.text


def test_the_command_line_switches_it_on(project):
    assert project(PROJECT, "--riata", riata=False).outcomes == OUTCOMES


def test_a_policy_of_a_conftest_goes_before(project):
    result = project(
        """
        import asyncio

        async def test_loop():
            assert type(asyncio.get_running_loop()).__name__ == "Own"
        """,
        conftest="""
        import asyncio

        import pytest

        class Own(asyncio.SelectorEventLoop):
            pass

        class Policy(asyncio.DefaultEventLoopPolicy):
            def new_event_loop(self):
                return Own()

        @pytest.fixture(scope="module")
        def event_loop_policy():
            return Policy()
        """,
    )
    assert result.outcomes == {"test_loop": ["PASSED"]}, result.text


def test_a_policy_of_the_process_does_not(project):
    result = project(
        """
        import asyncio

        async def test_loop():
            assert type(asyncio.get_running_loop()).__name__ == "TestLoop"
        """,
        conftest="""
        import asyncio

        class Policy(asyncio.DefaultEventLoopPolicy):
            pass

        asyncio.set_event_loop_policy(Policy())
        """,
    )
    assert result.outcomes == {"test_loop": ["PASSED"]}, result.text


# As if pytest-asyncio had no fixture that could be replaced, so that the hook has to answer.
BY_HOOK = """
        from riata.testing import riding

        riding._FACTORY_FIXTURE = "none"
"""


@pytest.mark.parametrize("order", ["", "trylast=True"])
@pytest.mark.parametrize("way", ["", BY_HOOK], ids=["by fixture", "by hook"])
def test_a_loop_factory_of_a_conftest_goes_before(project, way, order):
    result = project(
        """
        import asyncio

        async def test_loop():
            assert type(asyncio.get_running_loop()).__name__ == "_UnixSelectorEventLoop"
        """,
        conftest=f"""
        import asyncio

        import pytest
        {way}

        @pytest.hookimpl({order})
        def pytest_asyncio_loop_factories(config, item):
            return {{"own": asyncio.SelectorEventLoop}}
        """,
    )
    assert result.outcomes == {"test_loop": ["PASSED"]}, result.text


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("", "requires at least one pytest_asyncio_loop_factories hook implementation"),
        (BY_HOOK, "no hook pytest_asyncio_loop_factories of the suite gives the loop_factories"),
    ],
    ids=["by fixture", "by hook"],
)
def test_loop_factories_of_a_marker_that_nobody_gives_are_an_error(project, way, words):
    text = """
        import pytest

        @pytest.mark.asyncio(loop_factories=["uvloop"])
        async def test_loop():
            raise AssertionError("unreachable")
    """
    result = project(text, conftest=way)
    assert words in result.text
    assert result.status != 0 and not result.outcomes


def test_the_hook_answers_where_there_is_nothing_to_replace(project):
    text = """
        import asyncio

        async def test_loop():
            assert type(asyncio.get_running_loop()).__name__ == "TestLoop"
    """
    assert project(text, conftest=BY_HOOK).outcomes == {"test_loop": ["PASSED"]}


def test_plain_tests_share_async_fixtures_with_async_ones(project):
    """One set-up, on riata's loop, whoever asks first; and in the order of the file."""
    result = project(
        """
        import asyncio

        import pytest

        set_ups = []

        @pytest.fixture(scope="session")
        async def server():
            set_ups.append(type(asyncio.get_running_loop()).__name__)
            yield

        def test_plain(server):
            assert set_ups == ["TestLoop"]

        async def test_async(server):
            assert set_ups == ["TestLoop"]

        def test_plain_again(server):
            assert set_ups == ["TestLoop"]
        """,
        "-o",
        "asyncio_default_fixture_loop_scope=session",
        "-o",
        "asyncio_default_test_loop_scope=session",
    )
    names = ["test_plain", "test_async", "test_plain_again"]
    assert list(result.outcomes) == names
    assert result.outcomes == {name: ["PASSED"] for name in names}, result.text


def test_wider_scopes_with_pytest_asyncio(project):
    result = project("""
        import asyncio

        import pytest
        import pytest_asyncio

        pytestmark = pytest.mark.asyncio(loop_scope="module")
        loops = set()

        @pytest_asyncio.fixture(scope="module", loop_scope="module")
        async def fixture():
            loops.add(asyncio.get_running_loop())
            yield
            loops.add(asyncio.get_running_loop())

        async def test_one(fixture):
            loops.add(asyncio.get_running_loop())

        async def test_other(fixture):
            loops.add(asyncio.get_running_loop())
            assert [type(loop).__name__ for loop in loops] == ["TestLoop"]
    """)
    assert result.outcomes == {"test_one": ["PASSED"], "test_other": ["PASSED"]}, result.text


def test_what_needs_pytest_asyncio_says_so(project):
    result = project(
        """
        import pytest

        @pytest.mark.asyncio(loop_scope="module")
        async def test_wide_loop():
            raise AssertionError("unreachable")

        @pytest.fixture(scope="module")
        async def wide():
            raise AssertionError("unreachable")

        async def test_wide_fixture(wide):
            raise AssertionError("unreachable")
        """,
        riding=False,
    )
    hint = "hint: `pip install pytest-asyncio`, which riata's plugin rides on"
    text = result.section("test_wide_loop")
    assert "loop_scope='module' needs pytest-asyncio, which is not there" in text
    assert hint in text
    text = result.section("ERROR at setup of test_wide_fixture")
    assert "async fixture 'wide' of scope module needs pytest-asyncio, which is not there" in text
    assert hint in text


def test_wrong_settings(project):
    result = project("", ini="riata_timeout = -1")
    assert result.status == pytest.ExitCode.USAGE_ERROR
    assert "riata_timeout must be a number of seconds, 0 for none, not -1" in result.text
    result = project("""
        import pytest

        @pytest.mark.riata(timout=1)
        async def test_typo():
            pass

        @pytest.mark.riata(timeout="soon")
        async def test_word():
            pass
    """)
    text = "the marker riata takes these keyword arguments only: blocked_after, "
    assert text in result.section("ERROR at setup of test_typo")
    text = "riata(timeout=) must be a number of seconds, 0 for none, not 'soon'"
    assert text in result.section("ERROR at setup of test_word")


@pytest.mark.parametrize("table", ["tool.pytest.ini_options", "tool.pytest"])
def test_the_switches_in_pyproject(tmp_path, table):
    tmp_path.joinpath("pyproject.toml").write_text(f"""
        [{table}]
        asyncio_mode = "auto"
        riata_loop = true
        riata_timeout = {"0.1" if table == "tool.pytest" else '"0.1"'}
    """)
    result = run_pytest(
        tmp_path,
        """
        import asyncio

        async def test_slow():
            await asyncio.sleep(60)
        """,
        *("-c", "pyproject.toml"),
        riding=False,
    )
    assert "the call of the test took longer than 0.1 s" in result.section("test_slow")


def test_pytest_asyncio_that_is_not_loaded(project, monkeypatch):
    text = """
        import asyncio

        async def test_loop():
            assert type(asyncio.get_running_loop()).__name__ == "TestLoop"
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "riata.pytest_plugin" if REGISTERED else "")
    result = project(text)
    assert result.status == pytest.ExitCode.USAGE_ERROR
    assert "pytest-asyncio is installed, but not loaded" in result.text
    for arguments in (["-p", "pytest_asyncio.plugin"], ["-p", "no:asyncio"]):
        result = project(text, *arguments)
        assert result.outcomes == {"test_loop": ["PASSED"]}, result.text


@pytest.mark.parametrize("how", ["asyncio_debug = true", "--asyncio-debug", ""])
def test_debug_mode_without_pytest_asyncio(project, how):
    text = f"""
        import asyncio

        async def test_debug():
            assert asyncio.get_running_loop().get_debug() == {bool(how)}
    """
    arguments = [how] if how.startswith("--") else []
    result = project(text, *arguments, ini="" if arguments else how, riding=False)
    assert result.outcomes == {"test_debug": ["PASSED"]}
