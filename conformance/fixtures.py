"""Replaces what the suite's set-up does with asyncio's inside; the tests themselves stay as they are."""

import asyncio
import sys
import unittest

from conformance.install import LoopFactory


def replace(module, name: str, factory: LoopFactory) -> None:
    from test.test_asyncio import utils

    _real_time(utils, factory)
    if sys.version_info < (3, 14) and name not in ("test_subprocess", "test_unix_events"):
        # Set-ups attach a watcher that takes SIGCHLD from the loop; this one leaves it alone.
        asyncio.SafeChildWatcher = asyncio.ThreadedChildWatcher
    for cls in list(vars(module).values()):
        if isinstance(cls, type) and issubclass(cls, unittest.TestCase):
            _make_loops(cls, name, factory)
            if hasattr(cls, "_run_loop"):
                cls._run_loop = _turns(utils)
    if name == "test_base_events":
        for cls in (module.BaseEventLoopTests, module.BaseEventLoopWithSelectorTests):
            cls.setUp = _real_loop_set_up(utils, factory)
    if name == "test_runners":
        module.BaseTest.new_loop = _loop_that_tells_shutdown(factory)


def _real_time(utils, factory: LoopFactory) -> None:
    """Tests that script the time keep asyncio's loop of virtual time, the others get a real one."""

    def new_test_loop(self, gen=None):
        loop = factory() if gen is None else utils.TestLoop(gen)
        self.set_event_loop(loop)
        return loop

    utils.TestCase.new_test_loop = new_test_loop


def _make_loops(cls: type, name: str, factory: LoopFactory) -> None:
    if issubclass(cls, unittest.IsolatedAsyncioTestCase) and hasattr(cls, "loop_factory"):
        cls.loop_factory = staticmethod(factory)
    for method in ("create_event_loop", "new_loop"):
        if hasattr(cls, method) and name != "test_runners":
            setattr(cls, method, lambda self: factory())


def _turns(utils):
    """In place of turns for as long as asyncio's ready queue is not empty."""

    def _run_loop(self, loop):
        for _ in range(20):
            utils.run_briefly(loop)

    return _run_loop


def _real_loop_set_up(utils, factory: LoopFactory):
    """In place of asyncio's abstract BaseEventLoop with a mock for a selector."""

    def setUp(self):
        utils.TestCase.setUp(self)
        self.loop = factory()
        self.loop.__class__ = _without_mocks(type(self.loop))
        self.set_event_loop(self.loop)

    return setUp


def _without_mocks(loop_type: type) -> type:
    """Tests put mocks in for what BaseEventLoop lacks. A whole loop has it, and asyncio's needs its own."""

    def __setattr__(self, name, value):
        if name not in ("_process_events", "_write_to_self", "_selector"):
            loop_type.__setattr__(self, name, value)

    body = {"__setattr__": __setattr__, "__module__": loop_type.__module__}
    return type(loop_type.__name__, (loop_type,), body)


def _loop_that_tells_shutdown(factory: LoopFactory):
    def new_loop(self):
        loop = factory()
        shutdown = loop.shutdown_asyncgens
        loop.shutdown_ag_run = False

        async def shutdown_asyncgens():
            loop.shutdown_ag_run = True
            await shutdown()

        loop.shutdown_asyncgens = shutdown_asyncgens
        return loop

    return new_loop
