"""What pytest-asyncio does every day, for where it is not installed: the marker `asyncio`, async tests, async fixtures.

What is deliberately absent: loops that outlive a test. A wider `loop_scope`, and an async fixture of a wider scope, get an
error that says to install pytest-asyncio.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any

import pytest

from riata.runner import Runner
from riata.testing.loop import new_test_loop

__all__ = ["Standalone"]

_MODES = ("auto", "strict")
_INSTALL = "hint: `pip install pytest-asyncio`, which riata's plugin rides on"


class Standalone:
    """The plugin that runs async tests. Registered when riata is switched on and pytest-asyncio is not there."""

    def __init__(self, config: pytest.Config) -> None:
        mode = config.getoption("asyncio_mode") or config.getini("asyncio_mode")
        if mode not in _MODES:
            raise pytest.UsageError(
                f"{mode!r} is not a valid asyncio_mode. Valid modes: {', '.join(_MODES)}."
            )
        for name in ("asyncio_default_fixture_loop_scope", "asyncio_default_test_loop_scope"):
            scope = config.getini(name)
            if scope not in ("", "function"):
                raise pytest.UsageError(
                    f"{name} = {scope} needs pytest-asyncio, which is not there\n{_INSTALL}"
                )
        config.addinivalue_line("markers", "asyncio: run the test on an event loop")
        self._is_auto = mode == "auto"
        _Running.debug = bool(config.getoption("asyncio_debug") or config.getini("asyncio_debug"))

    def pytest_collection_modifyitems(self, items: "list[pytest.Item]") -> None:
        if not self._is_auto:
            return
        for item in items:
            if _is_async(item) and item.get_closest_marker("asyncio") is None:
                item.add_marker("asyncio")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> "bool | None":
        if not _is_ours(pyfuncitem):
            return None
        names = pyfuncitem._fixtureinfo.argnames
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        running = _Running.of(pyfuncitem)
        function = pyfuncitem.obj
        if _is_hypothesis(function):
            inner = function.hypothesis.inner_test
            function.hypothesis.inner_test = running.synchronous(inner)
            try:
                function(**arguments)
            finally:
                function.hypothesis.inner_test = inner
        else:
            running.synchronous(function)(**arguments)
        return True

    def _has_loop(self, item: Any) -> bool:
        """Whether the async fixtures of this test are ours to run: in auto mode those of plain tests, too."""
        is_plain = isinstance(item, pytest.Function) and not _is_async(item)
        return _is_ours(item) or (self._is_auto and is_plain and not _is_of_anyio(item))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: "pytest.FixtureDef[Any]", request: pytest.FixtureRequest
    ) -> Generator[None, None, None]:
        function: Any = fixturedef.func
        item: Any = getattr(request, "_pyfuncitem", None)
        is_generator = inspect.isasyncgenfunction(function)
        if fixturedef.argname == "riata_clock" and _is_ours(item):
            _Running.of(item).make_loop()
        if not (is_generator or inspect.iscoroutinefunction(function)) or not self._has_loop(item):
            yield
            return
        if fixturedef.scope != "function":
            pytest.fail(
                f"async fixture {fixturedef.argname!r} of scope {fixturedef.scope} needs pytest-asyncio, "
                f"which is not there\n{_INSTALL}",
                pytrace=False,
            )
        running = _Running.of(item)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fixturedef, "func", running.fixture(function, request))
            yield


def _is_of_anyio(item: Any) -> bool:
    return "anyio_backend" in getattr(item, "fixturenames", ())


def _is_async(item: Any) -> bool:
    function: Any = getattr(item, "obj", None)
    if not isinstance(item, pytest.Function) or _is_of_anyio(item):
        return False
    if _is_hypothesis(function):
        function = function.hypothesis.inner_test
    return inspect.iscoroutinefunction(function)


def _is_hypothesis(function: Any) -> bool:
    return bool(getattr(function, "is_hypothesis_test", False))


def _is_ours(item: Any) -> bool:
    if not _is_async(item):
        return False
    marker = item.get_closest_marker("asyncio")
    if marker is None:
        return False
    scope = marker.kwargs.get("loop_scope") or marker.kwargs.get("scope") or "function"
    if scope != "function":
        pytest.fail(
            f"{item.nodeid}: loop_scope={scope!r} needs pytest-asyncio, which is not there\n{_INSTALL}",
            pytrace=False,
        )
    return True


class _Running:
    """The loop of one test, and of its fixtures."""

    debug = False
    _key: "pytest.StashKey[_Running]" = pytest.StashKey()

    def __init__(self, item: pytest.Item) -> None:
        self._runner = Runner(debug=self.debug or None, loop_factory=new_test_loop)
        item.addfinalizer(self._close)

    @classmethod
    def of(cls, item: pytest.Item) -> "_Running":
        if cls._key not in item.stash:
            item.stash[cls._key] = cls(item)
        return item.stash[cls._key]

    def run(self, coro: Coroutine[Any, Any, Any], context: Context) -> Any:
        return self._runner.run(coro, context=context)

    def make_loop(self) -> None:
        """Now rather than for the first coroutine, so that what is not async may ask for the time before that."""
        self._runner.get_loop()

    def synchronous(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The test, as a function."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self.run(function(*args, **kwargs), copy_context())

        return call

    def fixture(
        self, function: Callable[..., Any], request: pytest.FixtureRequest
    ) -> Callable[..., Any]:
        """A fixture, as a function. What it sets in context variables holds until its tear-down."""
        is_generator = inspect.isasyncgenfunction(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            made = function(*args, **kwargs)
            context = copy_context()
            value = self.run(_begin(made) if is_generator else made, context)
            request.addfinalizer(_take_over(context))
            if is_generator:
                request.addfinalizer(lambda: self.run(_end(made, request.fixturename), context))
            return value

        return call

    def _close(self) -> None:
        self._runner.close()
        asyncio.set_event_loop(None)


async def _begin(generator: AsyncGenerator[Any, None]) -> Any:
    return await generator.__anext__()


async def _end(generator: AsyncGenerator[Any, None], name: "str | None") -> None:
    try:
        await generator.__anext__()
    except StopAsyncIteration:
        return
    raise ValueError(f"async fixture {name!r} yields more than once")


def _take_over(context: Context) -> Callable[[], None]:
    """Set what has changed in this context in the current one; what is returned takes that back."""
    here = copy_context()
    changed = [
        variable for variable in context if here.get(variable, here) is not context[variable]
    ]
    tokens = [(variable, variable.set(context[variable])) for variable in changed]

    def take_back() -> None:
        for variable, token in reversed(tokens):
            variable.reset(token)

    return take_back
