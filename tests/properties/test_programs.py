"""Random programs of tasks, futures, cancellations and callbacks: asyncio's loop and the loop under test agree.

A program is a list of small instructions for several actors; all of its choices are Hypothesis's, so that a
disagreement shrinks to the few instructions that matter.
"""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..support import DEBUG_BUILD, PY311, WORLDS, collect, differential, run_scenario, turns

FUTURES, ACTORS = 4, 5
LONG = os.environ.get("RIATA_TEST_LONG") == "1"
MORE = 5 if LONG else 1
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600 if LONG or DEBUG_BUILD else 120)]
index = st.integers(0, FUTURES - 1)
actor = st.integers(0, ACTORS - 1)

instruction = st.one_of(
    st.tuples(st.just("sleep")),
    st.tuples(st.just("await future"), index),
    st.tuples(st.just("await shielded"), index),
    st.tuples(st.just("await actor"), actor),
    st.tuples(st.just("set result"), index),
    st.tuples(st.just("set exception"), index),
    st.tuples(st.just("cancel future"), index),
    st.tuples(st.just("new future"), index),
    st.tuples(st.just("cancel actor"), actor, st.sampled_from([None, "why"])),
    st.tuples(st.just("uncancel")),
    st.tuples(st.just("call soon"), st.integers(0, 3)),
    st.tuples(st.just("call later"), st.integers(0, 3)),
    st.tuples(st.just("cancel handle"), st.integers(0, 6)),
    st.tuples(st.just("add callback"), index),
    st.tuples(st.just("remove callback"), index),
    st.tuples(st.just("spawn"), actor),
    st.tuples(st.just("gather"), index, index, st.booleans()),
    st.tuples(st.just("wait for"), index),
    st.tuples(st.just("wait first"), index, index),
    st.tuples(st.just("catch"), st.booleans()),
    st.tuples(st.just("raise"), st.sampled_from([ValueError, asyncio.CancelledError])),
    st.tuples(st.just("return")),
    st.tuples(st.just("queue put")),
    st.tuples(st.just("queue get")),
    st.tuples(st.just("lock")),
    st.tuples(st.just("current")),
)
program = st.lists(st.lists(instruction, max_size=8), min_size=1, max_size=ACTORS)


def interpreter(plans, world=None):
    def make_task(loop, coro):
        return world.task(loop, coro) if world else loop.create_task(coro)

    def make_future(loop):
        return world.future(loop) if world else loop.create_future()

    def scenario(loop, log):
        futures = [make_future(loop) for _ in range(FUTURES)]
        every = list(futures)
        tasks = []
        handles = []
        spawned = 0
        winding_down = False
        queue, lock = asyncio.Queue(2), asyncio.Lock()

        def observed(future):
            log("callback", every.index(future), future.cancelled())

        async def actor(name, plan, me):
            nonlocal spawned
            catching = True
            for number, step in enumerate(plan):
                where = (name, number, step[0])
                try:
                    match_step = step[0]
                    if match_step == "sleep":
                        await asyncio.sleep(0)
                    elif match_step == "await future":
                        log(where, await futures[step[1]])
                    elif match_step == "await shielded":
                        log(where, await asyncio.shield(futures[step[1]]))
                    elif match_step == "await actor":
                        if (
                            step[1] < me
                        ):  # only those before: a ring of tasks could not be cancelled
                            log(where, await tasks[step[1]])
                    elif match_step == "set result":
                        futures[step[1]].set_result((name, number))
                    elif match_step == "set exception":
                        futures[step[1]].set_exception(KeyError(f"{name} {number}"))
                        futures[step[1]]._log_traceback = False
                    elif match_step == "cancel future":
                        log(where, futures[step[1]].cancel())
                    elif match_step == "new future":
                        futures[step[1]] = make_future(loop)
                        every.append(futures[step[1]])
                    elif match_step == "cancel actor":
                        if step[1] < len(tasks):
                            log(where, tasks[step[1]].cancel(step[2]))
                    elif match_step == "uncancel":
                        if PY311:
                            log(where, asyncio.current_task().uncancel())
                    elif match_step == "call soon":
                        handles.append(loop.call_soon(log, where, "ran", step[1]))
                    elif match_step == "call later":
                        # All in the past and no two alike: asyncio's heap is in no order for those.
                        when = -1000 + step[1] + len(handles) / 1000
                        handles.append(loop.call_at(when, log, where, "timer", step[1]))
                    elif match_step == "cancel handle":
                        if step[1] < len(handles):
                            handles[step[1]].cancel()
                    elif match_step == "add callback":
                        futures[step[1]].add_done_callback(observed)
                    elif match_step == "remove callback":
                        log(where, futures[step[1]].remove_done_callback(observed))
                    elif match_step == "spawn":
                        if spawned < 8 and not winding_down and step[1] < len(plans):
                            spawned += 1
                            tasks.append(
                                make_task(loop, actor(f"s{spawned}", plans[step[1]], len(tasks)))
                            )
                    elif match_step == "gather":
                        both = asyncio.gather(
                            futures[step[1]], futures[step[2]], return_exceptions=step[3]
                        )
                        log(where, await both)
                    elif match_step == "wait for":
                        log(where, await asyncio.wait_for(futures[step[1]], 0))
                    elif match_step == "wait first":
                        both = {futures[step[1]], futures[step[2]]}
                        done, pending = await asyncio.wait(
                            both, return_when=asyncio.FIRST_COMPLETED
                        )
                        log(
                            where,
                            sorted(every.index(f) for f in done),
                            sorted(every.index(f) for f in pending),
                        )
                    elif match_step == "catch":
                        catching = step[1]
                    elif match_step == "raise":
                        raise step[1](f"{name} {number}")
                    elif match_step == "return":
                        return (name, number)
                    elif match_step == "queue put":
                        await queue.put(name)
                    elif match_step == "queue get":
                        log(where, await queue.get())
                    elif match_step == "lock":
                        async with lock:
                            await asyncio.sleep(0)
                    elif match_step == "current":
                        log(where, tasks.index(asyncio.current_task()), len(asyncio.all_tasks()))
                except (asyncio.CancelledError, Exception) as error:
                    log(where, "raised", type(error), str(error)[:60])
                    if not catching:
                        raise
            return name

        for i, plan in enumerate(plans):
            tasks.append(make_task(loop, actor(f"a{i}", plan, i)))
        turns(loop, 12)
        log("states", [(t.done(), t.cancelled()) for t in tasks], [f._state for f in every])
        # Whoever still waits is freed in rounds.
        winding_down = True
        for _ in range(200):
            waiting = [task for task in tasks if not task.done()]
            if not waiting:
                break
            for task in waiting:
                task.cancel()
            turns(loop, 3)
        for task in tasks:
            if task.done() and not task.cancelled():
                log("end", type(task.exception()))
        for future in every:
            future.cancel()
        turns(loop, 2)

    return scenario


# A run by hand draws anew each time, and so does the long form, more often; CI repeats the same programs.
COMMON = settings(
    deadline=None,
    database=None,
    derandomize=os.environ.get("CI") == "true" and not LONG,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(COMMON, max_examples=150 * MORE)
@given(program)
def test_random_programs(plans):
    differential(interpreter(plans))


@settings(COMMON, max_examples=80 * MORE)
@given(program)
def test_random_programs_in_debug_mode(plans):
    differential(interpreter(plans), debug=True)


@settings(COMMON, max_examples=60 * MORE)
@given(program)
def test_every_mixture_of_loops_and_classes_agrees(plans):
    expected = None
    for world in WORLDS:
        if world.tasks == "python":
            continue  # asyncio's Python classes differ from its own C ones in texts
        log = run_scenario(world.loop, interpreter(plans, world))
        if expected is None:
            expected = log
        assert log == expected, world.name
    collect()


@settings(COMMON, max_examples=100 * MORE)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["soon", "later", "at", "cancel", "nest", "raise", "stop"]),
            st.integers(0, 20),
        ),
        max_size=40,
    )
)
def test_random_callbacks_and_timers(operations):
    def scenario(loop, log):
        handles = []

        def nested(n):
            log("nested", n)
            if n:
                handles.append(loop.call_soon(nested, n - 1))

        def boom(n):
            raise ValueError(n)

        for i, (kind, n) in enumerate(operations):
            if kind == "soon":
                handles.append(loop.call_soon(log, "soon", i))
            elif kind == "later":
                handles.append(loop.call_later(-1000 * n - i, log, "later", n))
            elif kind == "at":
                handles.append(loop.call_at(-n - i / 1000, log, "at", i, n))
            elif kind == "cancel":
                if n < len(handles):
                    handles[n].cancel()
            elif kind == "nest":
                handles.append(loop.call_soon(nested, n % 4))
            elif kind == "raise":
                handles.append(loop.call_soon(boom, i))
            elif kind == "stop":
                handles.append(loop.call_soon(loop.stop))
        turns(loop, 8)
        log([handle.cancelled() for handle in handles])

    differential(scenario)
