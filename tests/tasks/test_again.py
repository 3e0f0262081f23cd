"""`__init__` of a task or future once more, from the middle of another `__init__`: whatever comes of it, no crash.

A task that is pending stands in a list of its loop, without a reference. One that stood in two lists, or stood in one
while it died, would crash whoever walks the list later.
"""

import pytest

from ..support import PY315, run_script

PRELUDE = """
    import asyncio, gc, sys
    from loop_under_test import new_event_loop

    riata = "{name}" == "riata"
    if riata:
        from riata import Future, Task
    else:
        from asyncio import Future, Task

    first, second = new_event_loop(), new_event_loop()

    class ForeignLoop(asyncio.AbstractEventLoop):
        act = staticmethod(lambda: None)
        def get_debug(self):
            act, self.act = self.act, lambda: None
            act()
            return False
        def call_soon(self, *args, context=None):
            pass
        def call_exception_handler(self, context):
            pass
        def is_running(self):
            return False

    foreign = ForeignLoop()
    for loop in (first, second):
        loop.set_exception_handler(lambda *_: None)

    async def waits():
        await asyncio.sleep(3600)

    coros = []
    def coro():
        coros.append(waits())
        return coros[-1]

    def look():
        # Fill the memory of what has died with others of its kind, and walk the lists.
        for _ in range(3):
            gc.collect()
            others = [Task(coro(), loop=loop) for loop in (first, second) for _ in range(50)]
            for loop in (first, second):
                tasks = loop._native_tasks() if riata else asyncio.all_tasks(loop)
                assert len(tasks) == len(set(tasks))
                assert all(task.get_loop() is loop for task in tasks)
            del others, tasks
            gc.collect()
            for loop in (first, second):
                loop.call_soon(loop.stop)
                loop.run_forever()
    """

CASES = {
    "the old coroutine": """
        class Awaits:
            def __await__(self):
                try:
                    yield
                finally:
                    task.__init__(coro(), loop=second)

        async def old():
            await Awaits()

        task = Task(old(), loop=first)
        first.call_soon(first.stop)
        first.run_forever()
        task.__init__(coro(), loop=first)
        """,
    "the old name": """
        class Name(str):
            def __str__(self):
                return self
            def __del__(self):
                task.__init__(coro(), loop=second)

        task = Task(coro(), loop=first, name="x")
        task.__init__(coro(), loop=first, name=type("N", (), {"__str__": lambda self: Name("y")})())
        task.__init__(coro(), loop=first, name="z")
        """,
    "the new name": """
        class Name:
            def __str__(self):
                task.__init__(coro(), loop=second)
                return "name"

        task = Task.__new__(Task)
        task.__init__(coro(), loop=first, name=Name())
        """,
    "the new name on one loop": """
        class Name:
            def __str__(self):
                task.__init__(coro(), loop=first)
                return "name"

        task = Task.__new__(Task)
        task.__init__(coro(), loop=first, name=Name())
        """,
    "a foreign loop": """
        task = Task(coro(), loop=first)
        foreign.act = lambda: task.__init__(coro(), loop=second)
        task.__init__(coro(), loop=foreign)
        """,
    "a foreign loop, and a future's init": """
        task = Task(coro(), loop=first)
        foreign.act = lambda: task.__init__(coro(), loop=second)
        Future.__init__(task, loop=foreign)
        """,
    "the current loop": """
        class Policy(type(asyncio.get_event_loop_policy())):
            def get_event_loop(self):
                task.__init__(coro(), loop=second)
                return first

        asyncio.set_event_loop_policy(Policy())
        task = Task(coro(), loop=first)
        task.__init__(coro())
        """,
    "a coroutine of an odd type": """
        import collections.abc

        class Odd(collections.abc.Coroutine):
            def send(self, value):
                yield
            def throw(self, *args):
                raise StopIteration
            def close(self):
                pass
            def __await__(self):
                return self
            @property
            def __class__(self):
                if not Odd.done:
                    Odd.done = True
                    task.__init__(coro(), loop=second)
                return Odd
            done = False

        task = Task(coro(), loop=first)
        task.__init__(Odd(), loop=first)
        """,
}

END = """
    look()
    del task
    look()
    for each in coros:
        each.close()
    print("alive")
    """


@pytest.mark.skipif(PY315, reason="3.15 initialises nothing twice")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_init_within_init(loop_name, case):
    def flat(text):
        return "\n".join(line[4:] for line in text.splitlines())

    def flatter(text):
        return "\n".join(line[8:] for line in text.splitlines())

    source = flat(PRELUDE.replace("{name}", loop_name)) + flatter(CASES[case]) + flat(END)
    result = run_script(
        loop_name, source, python=("-W", "ignore", "-X", "faulthandler"), timeout=20
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout == "alive\n"
