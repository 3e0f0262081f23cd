"""The tests that are left out, for every loop alike: they hold asyncio's inside, not what a program can see.

Each entry is a pattern and its reason. SOURCE is looked for in what the test itself says (and the helpers of its own
class that it calls), NAMES in its id. A test that is left out is not run.
"""

import inspect
import re
import unittest

SOURCE = {
    r"\bloop\._(?!run_until|__)[a-z]\w*": "private attributes of asyncio's loop",
    r"\b(transport|tr|server|srv|proto)\._[a-z]\w*": "private attributes of asyncio's transports",
    r"mock\.patch\(\s*['\"](asyncio|socket|os|time|selectors|ssl|subprocess)\b": (
        "replaces functions of the modules that asyncio's loop is written with"
    ),
    r"mock\.patch\.object\((self\.)?(loop|asyncio|base_events|selector_events|unix_events|events|subprocess)\b": (
        "replaces methods of asyncio's loop or functions of its modules"
    ),
    r"patch_socket|mock_sock|m_sock": "puts a mock where a socket is, which no system call takes",
    r"\b(base_events|selector_events|unix_events|base_subprocess|sslproto|constants)\.\w": (
        "functions and constants of asyncio's private modules"
    ),
    r"(self\.)?\bloop\.(getaddrinfo|getnameinfo|sock_\w+|call_later|call_soon|add_reader|run_in_executor)\s*=[^=]": (
        "assigns to the loop's own methods, and expects that asyncio's code then calls those"
    ),
    r"_run_once|TestLoop|\bMyEventLoop\b": "a subclass of asyncio's loop, or one of its turns by hand",
}

NAMES = {
    r"\.test_internal_fds$": "asserts on loop._internal_fds",
    r"\.BaseEventLoopTests\.test_not_implemented": "BaseEventLoop is abstract, a loop is not",
    r"\.BaseEventLoopTests\.test_(__)?repr": "the text of asyncio's own repr",
    r"\.test_create_subprocess_fails_with_inactive_watcher": "the protocol of child watchers",
    r"\.test__run_once_cancelled_event_cleanup": "asyncio's heap of timers",
    r"\.test_custom_run_forever_integration": "the private hooks of run_forever",
    r"\.test_create_server_multiple_hosts_ipv[46]": "puts mocks where sockets are",
    r"\.test_popen_error": "puts a mock where subprocess.Popen is",
    r"test_subprocess\..*\.test_pause_reading": "puts a mock where asyncio's pipe transport is",
    r"\.test_unclosed_pipe_transport": "the text of asyncio's own repr",
}

# Said in passing, for the mocks that a fixture puts in; on a loop without those names nothing depends on it.
HARMLESS = re.compile(r"^.*loop\._(process_events|write_to_self) = mock\.Mock\(\).*$", re.MULTILINE)
# Helpers that make the objects under test: not what a test is about, and fixtures.py replaces most.
NOT_LOOKED_INTO = {"create_event_loop", "new_loop", "new_task", "new_future", "_run_loop"}

_source = {re.compile(pattern): reason for pattern, reason in SOURCE.items()}
_names = {re.compile(pattern): reason for pattern, reason in NAMES.items()}


def reason(test: unittest.TestCase) -> str | None:
    """Why the test is left out, or None."""
    return _found(_names, test.id()) or _found(_source, HARMLESS.sub("", _text(test)))


def _found(patterns: dict[re.Pattern[str], str], text: str) -> str | None:
    return next((why for pattern, why in patterns.items() if pattern.search(text)), None)


def _text(test: unittest.TestCase) -> str:
    """The source of the test and of the helpers of its own module that it calls on itself."""
    cls = type(test)
    try:
        text = inspect.getsource(getattr(test, test._testMethodName))
    except (AttributeError, OSError, TypeError):
        return ""
    for name in sorted(set(re.findall(r"\bself\.(\w+)\(", text)) - NOT_LOOKED_INTO):
        helper = getattr(cls, name, None)
        if inspect.isfunction(helper) and helper.__module__ == cls.__module__:
            text += inspect.getsource(helper)
    return text
