"""riata's primitives on every loop: a test gets `go`, which runs a coroutine on one of them and checks what it left."""

import pytest

from ..support import LOOPS, checked_loop


@pytest.fixture(params=LOOPS)
def go(request):
    def run(coro):
        with checked_loop(request.param) as (loop, _):
            return loop.run_until_complete(coro)

    run.loop = request.param
    return run
