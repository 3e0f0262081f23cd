"""riata's names: what each Python gets, what is behind asyncio's names, who waits for whom."""

import asyncio
import gc
import inspect
import pkgutil
import random
import subprocess
import sys
import textwrap
import weakref

import pytest

import riata

from ..support import PY311, PY312, PY313

ASYNCIO_NAMES = [
    "gather",
    "wait",
    "wait_for",
    "as_completed",
    "shield",
    "timeout",
    "timeout_at",
    "Timeout",
    "TaskGroup",
    "sleep",
    "to_thread",
    "run_coroutine_threadsafe",
    "Lock",
    "Event",
    "Condition",
    "Semaphore",
    "BoundedSemaphore",
    "Barrier",
    "Queue",
    "LifoQueue",
    "PriorityQueue",
    "QueueEmpty",
    "QueueFull",
    "QueueShutDown",
    "Runner",
    "run",
    "TimeoutError",
]


def python(code, *options):
    return subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_module_hides_a_name():
    """A module that is imported becomes an attribute of the package."""
    modules = {module.name for module in pkgutil.iter_modules(riata.__path__)}
    assert modules & set(riata.__all__) == set()


def test_every_name_is_there():
    for name in ASYNCIO_NAMES:
        assert getattr(riata, name) is not None
        assert name in dir(riata) and name in riata.__all__


@pytest.mark.parametrize("name", ["Lock", "Event", "Condition", "Semaphore", "Queue", "TaskGroup"])
def test_signatures_are_asyncios(name):
    if not hasattr(asyncio, name):
        pytest.skip(f"asyncio has no {name} before 3.11")
    ours = inspect.signature(getattr(riata, name))
    theirs = inspect.signature(getattr(asyncio, name))
    named = [p for p in ours.parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert [(p.name, p.default) for p in named] == [
        (p.name, p.default) for p in theirs.parameters.values() if p.name != "loop"
    ]


def test_run_takes_a_factory_of_loops():
    async def main():
        loop = asyncio.get_running_loop()
        return type(loop), loop.get_debug()

    made = []

    def factory():
        made.append(asyncio.SelectorEventLoop())
        return made[0]

    assert riata.run(main(), loop_factory=factory, debug=True) == (asyncio.SelectorEventLoop, True)
    assert made[0].is_closed()
    assert riata.run(main(), loop_factory=None) == (riata.EventLoop, False)
    ours, theirs = (inspect.signature(names.run) for names in (riata, asyncio))
    if PY312:
        assert list(ours.parameters) == list(theirs.parameters)


def test_timeout_error_is_caught_by_both_names():
    async def main():
        async with riata.timeout(0):
            await riata.sleep(1)

    with pytest.raises(asyncio.TimeoutError):
        riata.run(main())
    with pytest.raises(TimeoutError):
        riata.run(main())

    async def waiting():
        await riata.wait_for(riata.sleep(1), 0.001)

    with pytest.raises(asyncio.TimeoutError):
        riata.run(waiting())
    with pytest.raises(TimeoutError):
        riata.run(waiting())


def test_as_completed_raises_what_both_names_catch(go):
    async def main():
        task = asyncio.ensure_future(riata.sleep(60))
        for kind in (TimeoutError, asyncio.TimeoutError):
            with pytest.raises(kind):
                for waiting in riata.as_completed([task], timeout=0.001):
                    await waiting
        (done,) = [await waiting for waiting in riata.as_completed([riata.sleep(0, "x")])]
        task.cancel()
        return done

    assert go(main()) == "x"


def test_queues_shut_down_on_every_python(go):
    async def main():
        queue = riata.Queue()
        queue.put_nowait(1)
        waiting = asyncio.create_task(queue.join())
        queue.shutdown()
        with pytest.raises(riata.QueueShutDown):
            await queue.put(2)
        assert await queue.get() == 1
        queue.task_done()
        await waiting
        with pytest.raises(riata.QueueShutDown):
            queue.get_nowait()
        assert "shutdown" in repr(queue)

    go(main())
    assert not PY313 or riata.QueueShutDown is asyncio.QueueShutDown


def test_an_operation_passes_for_a_coroutine(go):
    async def main():
        lock = riata.Lock()
        acquiring = lock.acquire()
        assert asyncio.iscoroutine(acquiring)
        assert acquiring.__qualname__ == "Lock.acquire"
        assert await asyncio.create_task(acquiring) is True
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await acquiring
        assert await asyncio.wait_for(riata.Queue(1).put(1), 1) is None
        waiting = lock.acquire()
        future = waiting.send(None)
        assert asyncio.isfuture(future) and waiting.cr_await is future
        with pytest.raises(KeyError):
            waiting.throw(KeyError("thrown"))
        assert lock._waiters is not None and len(lock._waiters) == 0
        closed = lock.acquire()
        closed.close()
        lock.release()

    go(main())


def test_an_operation_that_nobody_awaits_is_warned_of():
    done = python("import riata; riata.Lock().acquire()", "-W", "always")
    assert "RuntimeWarning: coroutine 'Lock.acquire' was never awaited" in done.stderr


@pytest.mark.parametrize("rounds", [1, 3])
def test_an_operation_that_waits_is_collected_with_its_queue(go, rounds):
    async def main():
        kept = []
        for _ in range(rounds):
            queue = riata.Queue()
            queue.getting = queue.get()
            queue.getting.send(None)
            kept.append(weakref.ref(queue))
            del queue
            gc.collect()
        assert [reference() for reference in kept] == [None] * rounds

    go(main())


def test_a_timeout_tells_its_deadline_once_made(go):
    async def main():
        now = asyncio.get_running_loop().time()
        async with riata.timeout(30) as within:
            when = within.when()
            assert now + 30 <= when < now + 31 and within.when() is when
            within.reschedule(None)
            assert within.when() is None
        later = 2**60
        async with riata.timeout_at(later) as within:
            assert within.when() is later
        assert riata.timeout(None).when() is None
        assert riata.Timeout.__new__(riata.Timeout).when() is None

    go(main())


def test_a_lock_belongs_to_one_loop():
    lock = riata.Lock()

    async def contend():
        async def use():
            async with lock:
                await riata.sleep(0)

        await riata.gather(use(), use())

    riata.run(contend())
    with pytest.raises(
        RuntimeError, match=r"<riata.Lock object at \w+ \[locked\]> is bound to a different"
    ):
        riata.run(contend())


def test_install_puts_the_native_versions_behind_asyncio():
    done = python(
        """
        import asyncio, asyncio.locks, warnings
        from asyncio import Lock as kept
        import riata

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            riata.install(primitives=True)
            riata.install(primitives=True)
        print([str(w.message) for w in caught])
        print(asyncio.Lock is riata.Lock, asyncio.locks.Lock is riata.Lock, asyncio.sleep is riata.sleep)

        async def main():
            async with asyncio.Lock():
                return await asyncio.gather(asyncio.sleep(0, 1), asyncio.wait_for(asyncio.sleep(0, 2), 1))

        print(asyncio.run(main()))
        riata.uninstall()
        print(asyncio.Lock is kept, asyncio.locks.Lock is kept, asyncio.sleep is riata.sleep)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    warned, *rest = done.stdout.splitlines()
    assert warned == (
        "[\"these modules took asyncio's own names before `riata.install(primitives=True)`, and keep them: "
        '__main__ (Lock)"]'
    )
    assert rest == ["True True True", "[1, 2]", "True True False"]


def test_riata_run_native_and_missing_names(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio\n"
        "names = ['Lock', 'TaskGroup', 'timeout', 'Runner', 'Barrier']\n"
        "print([getattr(asyncio, name).__module__.split('.')[0] for name in names])\n"
    )

    def run(*options):
        command = [sys.executable, "-m", "riata", "run", *options, str(program)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    added = "asyncio" if PY311 else "riata"
    assert run() == str(["asyncio", added, added, added, added])
    assert run("--native") == str(["riata", "riata", "riata", added, "riata"])


def test_waits_tells_who_waits_for_whom(go):
    async def main():
        lock, queue = riata.Lock(), riata.Queue()

        async def hold():
            async with lock:
                await riata.sleep(60)

        async def want():
            async with lock:
                pass

        async def join(task):
            await task

        tasks = {}
        for label, coro in [("holder", hold()), ("waiter", want()), ("getter", queue.get())]:
            tasks[label] = asyncio.create_task(coro, name=label)
        tasks["joiner"] = asyncio.create_task(join(tasks["waiter"]), name="joiner")
        await riata.sleep(0)
        await riata.sleep(0)
        found = {wait["task"]: wait for wait in riata.waits()}
        for task in tasks.values():
            task.cancel()
        await asyncio.wait(tasks.values())
        return {label: (wait["awaits"], wait["held_by"]) for label, wait in found.items()}

    assert go(main()) == {
        "holder": ("sleep", []),
        "waiter": ("Lock.__aenter__", ["holder"]),
        "getter": ("Queue.get", []),
        "joiner": ("Task", ["waiter"]),
    }


@pytest.mark.parametrize("kind", [None, asyncio.Task])
def test_waits_names_all_who_hold_a_semaphore(go, kind):
    async def main():
        loop = asyncio.get_running_loop()
        semaphore, other = riata.Semaphore(3), riata.Semaphore(1)
        released = loop.create_future()

        async def hold(times):
            for _ in range(times):
                await semaphore.acquire()
            await released
            semaphore.release()
            await loop.create_future()

        async def want(semaphore):
            async with semaphore:
                await loop.create_future()

        def start(coro, name):
            return loop.create_task(coro, name=name) if kind is None else kind(coro, name=name)

        def held():
            return {w["task"]: w["held_by"] for w in riata.waits() if "Semaphore" in w["awaits"]}

        tasks = [start(hold(2), "twice"), start(hold(1), "once"), start(want(semaphore), "waiter")]
        await riata.sleep(0)
        await riata.sleep(0)
        seen = [held()]
        released.set_result(None)
        for _ in range(3):
            await riata.sleep(0)
        tasks.append(start(want(semaphore), "late"))
        tasks.append(start(want(semaphore), "later"))
        await riata.sleep(0)
        await riata.sleep(0)
        seen.append(held())

        # Who is gone holds nothing that could be named; whoever releases it then does so in its place.
        async def take():
            await other.acquire()

        gone = start(take(), "gone")
        await gone
        del gone
        tasks.append(start(want(other), "last"))
        await riata.sleep(0)
        await riata.sleep(0)
        seen.append(held())
        loop.call_soon(other.release)
        await riata.sleep(0)
        await riata.sleep(0)
        await riata.sleep(0)
        seen.append(held())
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return seen

    assert go(main()) == [
        {"waiter": ["twice", "twice", "once"]},
        {"later": ["twice", "waiter", "late"]},
        {"later": ["twice", "waiter", "late"], "last": []},
        {"later": ["twice", "waiter", "late"]},
    ]


@pytest.mark.parametrize("often", [False, True])
def test_holders_of_a_semaphore_that_hundreds_take_and_give_back(go, often):
    """Many take and give back in any order, or give back what others took: then it is who has held it longest."""

    async def main():
        loop = asyncio.get_running_loop()
        choose = random.Random(7)
        semaphore = riata.Semaphore(1000)
        held = []  # by number, in the order of taking
        inbox = [riata.Queue() for _ in range(200)]

        async def work(number):
            while (takes := await inbox[number].get()) is not None:
                if takes:
                    await semaphore.acquire()
                    held.append(number)
                else:
                    semaphore.release()
                    if number in held:
                        held.reverse()
                        held.remove(number)
                        held.reverse()
                    elif held:
                        held.pop(0)
                told.set_result(None)

        tasks = [loop.create_task(work(number), name=str(number)) for number in range(200)]

        def names():
            by_id = {getattr(task, "_id", task): task.get_name() for task in tasks}
            return [by_id[holder] for holder in semaphore._holders()]

        seen = 0
        for step in range(3000):
            told = loop.create_future()
            number = choose.randrange(200)
            takes = choose.random() < (0.7 if len(held) < 300 else 0.4)
            if not takes and choose.random() < 0.9 and held:
                number = choose.choice(held)
            inbox[number].put_nowait(takes)
            await told
            if often:
                assert names() == [str(number) for number in held]
            seen = max(seen, len(held))
        assert seen > 200
        assert len(names()) == len(held)
        for queue in inbox:
            queue.put_nowait(None)
        await asyncio.wait(tasks)


# What docs/primitives.md says of differences


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("Lock", lambda lock: lock.acquire()),
        ("Event", lambda event: event.set()),
        ("Semaphore", lambda semaphore: semaphore.acquire()),
        ("BoundedSemaphore", lambda semaphore: semaphore.acquire()),
        ("TaskGroup", lambda group: group.__aenter__()),
        ("Condition", lambda condition: condition.notify()),
        ("Queue", lambda queue: queue.put_nowait(1)),
        ("Barrier", lambda barrier: barrier.wait()),
    ],
)
def test_a_subclass_that_does_not_call_init(kind, use):
    async def outcome(names):
        class Hasty(getattr(names, kind)):
            def __init__(self):
                pass

        try:
            used = use(Hasty())
            if inspect.isawaitable(used):
                await used
        except Exception as error:
            return type(error)

    if hasattr(asyncio, kind):
        assert asyncio.run(outcome(asyncio)) is AttributeError
    fails = kind in ("Condition", "Queue", "Barrier")
    assert (riata.run(outcome(riata)) is not None) == fails


def test_a_subclass_of_timeout():
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (riata.Timeout,), {})


@pytest.mark.skipif(not PY312, reason="asyncio has no eager tasks before 3.12")
def test_a_group_keeps_an_eager_task_until_the_next_turn(go):
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        async with riata.TaskGroup() as group:
            task = group.create_task(awaited(riata.sleep(0)))
            ended = group.create_task(awaited(nothing()))
            assert ended.done() and set(group._tasks) == {task, ended}
            await riata.sleep(0)
            assert ended not in group._tasks
        loop.set_task_factory(None)

    async def awaited(awaitable):
        return await awaitable

    async def nothing():
        pass

    go(main())


def test_who_holds_what_a_task_of_a_single_operation_took():
    """Such a task ends with it: `wait_for` makes one before 3.12, and `gather` of each."""

    async def main():
        locks = [riata.Lock() for _ in range(3)]

        async def hold():
            await riata.wait_for(locks[0].acquire(), 60)
            await riata.gather(locks[1].acquire(), riata.wait_for(locks[2].acquire(), 60))
            await riata.sleep(60)

        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(hold(), name="holder")]
        await riata.sleep(0.001)
        tasks += [loop.create_task(lock.acquire()) for lock in locks]
        await riata.sleep(0)
        assert [wait["held_by"] for wait in riata.waits() if wait["awaits"] == "Lock.acquire"] == [
            ["holder"]
        ] * 3
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    riata.run(main())
