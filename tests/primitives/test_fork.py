"""The child of a fork runs no loop, whatever its parent did: asyncio says so, and so do the primitives."""

import asyncio
import ctypes
import os
import warnings

import pytest

import riata

from ..support import PY312


def fork_by_c():
    """What a library in C may do, which tells Python nothing."""
    return ctypes.PyDLL(None).fork()


@pytest.mark.parametrize("fork", [os.fork, fork_by_c], ids=["os", "C"])
def test_no_loop_runs_in_the_child(go, fork):
    if PY312 and fork is fork_by_c:
        pytest.skip("asyncio of 3.12 and newer does not notice such a fork")

    def answer(get):
        try:
            get()
        except RuntimeError as error:
            return str(error)
        return "a loop"

    async def main():
        async with riata.timeout(60):
            await riata.sleep(0)
        ours, theirs = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forks among threads
            child = fork()
        if child == 0:
            try:
                said = f"{answer(asyncio.get_running_loop)}, {answer(lambda: riata.timeout(1))}"
                os.write(theirs, said.encode())
            finally:
                os._exit(0)
        os.close(theirs)
        os.waitpid(child, 0)
        with open(ours, "rb") as pipe:
            said = pipe.read().decode()
        async with riata.timeout(60):
            await riata.sleep(0)
        return said

    assert go(main()) == "no running event loop, no running event loop"
