"""What the tests of the primitives await."""

import asyncio

import pytest

import riata

from ..support import PY311


async def value(result, seconds=0.0):
    await riata.sleep(seconds)
    return result


async def boom(text="boom", seconds=0.0):
    await riata.sleep(seconds)
    raise ValueError(text)


async def told(log, *label):
    """Wait to be cancelled, and log the message."""
    try:
        await riata.sleep(60)
    except asyncio.CancelledError as error:
        log.append((*label, *error.args))
        raise


class Crowd:
    """Those that are at work, and how many that were at most."""

    def __init__(self):
        self.running = self.most = 0

    async def work(self, number):
        self.running += 1
        self.most = max(self.most, self.running)
        await riata.sleep(0.001)
        self.running -= 1
        return number


async def slow_to_end(seconds):
    """Wait to be cancelled, and take that long to end."""
    try:
        await riata.sleep(60)
    finally:
        await riata.sleep(seconds)


async def fails_when_cancelled():
    try:
        await riata.sleep(60)
    finally:
        raise ValueError("clean-up")


def needs_uncancel(go):
    if not PY311 and go.loop == "asyncio":
        pytest.skip("asyncio's tasks have no uncancel before 3.11")
