"""The modules of `test.test_asyncio` that are run, and which of their classes.

A test body that CPython runs on each selector, or on each of its own Task classes, is run once here: the loop and the
classes are what a form puts in. What is not named is not run: `test_selector_events`, `test_proactor_events`,
`test_windows_*` are about asyncio's own classes throughout, `test_protocols`, `test_transports`, `test_free_threading`,
`test_graph` and `test_tools` about functions and classes without a loop, or about asyncio's C code.
"""

import re
import unittest
from pathlib import Path

ALL = r""
NOT_PYTHON_CLASSES = r"^(?!.*Py)"

# module: the classes kept
MODULES = {
    # networking and processes: here the loop decides
    "test_ssl": ALL,
    "test_events": r"^(EPollEventLoopTests|TestCGetEventLoop|TestServer)$",
    "test_base_events": r"^(BaseEventLoopTests|BaseEventLoopWithSelectorTests|RunningLoopTests)$",
    "test_subprocess": r"^(SubprocessThreadedWatcherTests|GenericWatcherTests)$",
    "test_sendfile": r"^EPollEventLoopTests$",
    "test_sslproto": r"^SelectorStartTLSTests$",
    "test_sock_lowlevel": r"^EPollEventLoopTests$",
    "test_streams": ALL,
    "test_server": r"^(?!Proactor)",
    "test_buffered_proto": r"^(?!.*Proactor)",
    "test_unix_events": r"^(TestFunctional|TestFork)$",
    # tasks, futures and what is made of them
    "test_tasks": r"^(?!.*(Py|CTaskSubclass))",
    "test_futures": r"^(?!Py)",
    "test_futures2": r"^(?!Py)",
    "test_eager_task_factory": NOT_PYTHON_CLASSES,
    "test_taskgroups": NOT_PYTHON_CLASSES,
    "test_context": ALL,
    "test_locks": ALL,
    "test_pep492": ALL,
    "test_queues": ALL,
    "test_runners": ALL,
    "test_staggered": ALL,
    "test_threads": ALL,
    "test_timeouts": ALL,
    "test_waitfor": ALL,
}

# The fewest tests that a form must have scored, by Python. A little under what CPython's first releases have.
FLOORS = {(3, 10): 600, (3, 11): 780, (3, 12): 830, (3, 13): 890, (3, 14): 1000}
FLOOR_OF_NEWER = 1000


class NoSuite(Exception):
    """This Python comes without its own tests."""


def present() -> list[str]:
    """The modules that this Python has; older ones lack a few."""
    try:
        import test.test_asyncio as suite
    except ImportError:
        raise NoSuite from None
    folder = Path(suite.__path__[0])
    found = [name for name in MODULES if (folder / f"{name}.py").exists()]
    if "test_tasks" not in found or "test_events" not in found:
        raise NoSuite
    return found


def cases(module, name: str) -> list[unittest.TestCase]:
    """The tests of a module's kept classes, in order."""
    keep = re.compile(MODULES[name])
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    # What could not be loaded is a `_FailedTest`: kept, so that it is seen.
    return [
        test
        for test in flat(suite)
        if keep.search(type(test).__name__) or type(test).__module__.startswith("unittest")
    ]


def flat(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flat(item)
        else:
            yield item
