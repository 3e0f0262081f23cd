"""Wrong calls raise what asyncio raises, in its words."""

import asyncio
import warnings

import pytest

import riata

from ..support import PY311, PY312


async def nothing(module):
    await module.sleep(0)


def begun(coro):
    coro.send(None)
    return coro


def throw(*args):
    return lambda module: module.Event().wait().throw(*args)


CALLS = {
    "sleep of three": lambda module: module.sleep(1, 2, 3),
    "sleep with a wrong name": lambda module: module.sleep(0, value=1),
    "wait_for of three": lambda module: module.wait_for(1, 2, 3),
    "wait_for of one": lambda module: module.wait_for(1),
    "wait_for of what is awaited": lambda module: module.wait_for(begun(module.Event().wait()), 5),
    "wait_for of a coroutine that is awaited": (
        lambda module: module.wait_for(begun(nothing(module)), None)
    ),
    "timeout of two": lambda module: module.timeout(1, 2),
    "timeout_at of two": lambda module: module.timeout_at(1, 2),
    "shield of two": lambda module: module.shield(1, 2),
    "wait of two": lambda module: module.wait([], 5),
    "notify of a word without the lock": lambda module: module.Condition().notify("x"),
    "a value sent to what has not begun": lambda module: module.Event().wait().send(5),
    "throw of nothing": throw(),
    "throw of four": throw(ValueError, None, None, None),
    "throw of a number": throw(5),
    "throw of a word": throw("x"),
    "throw of an exception with a value": throw(ValueError("a"), "b"),
    "throw of a class with a value": throw(ValueError, "b"),
    "throw of a class with values": throw(ValueError, ("a", "b")),
    "throw of a class with an exception": throw(ValueError, ValueError("b")),
    "throw of a class with another exception": throw(ValueError, TypeError("b")),
    "throw with what is no traceback": throw(ValueError, None, 5),
    "throw of an exception with nothing": throw(ValueError("a"), None, None),
}
NEW_IN_311 = {"timeout of two", "timeout_at of two"}
# Before, wait_for makes a task of it, which fails at its first step.
NEW_IN_312 = {"wait_for of what is awaited"}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("call", CALLS)
def test_the_error_of(go, call):
    if call in NEW_IN_311 and not PY311:
        pytest.skip("asyncio.timeout is new in CPython 3.11")
    if call in NEW_IN_312 and not PY312:
        pytest.skip("wait_for drives its coroutine itself since CPython 3.12")

    async def main():
        errors = []
        for module in (asyncio, riata):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # throw with several arguments
                with pytest.raises(Exception) as caught:
                    await CALLS[call](module)
            errors.append((caught.type, str(caught.value)))
        assert errors[0] == errors[1]

    go(main())
