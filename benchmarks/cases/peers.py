"""The cases of `native.py` as anyio (on asyncio's loop), trio (on its own) and aiotools (on asyncio's loop) spell them.

A class per library; a method that is called like a case is that case, and what a library lacks is missing. The libraries
differ in more than names, and the docstring of a case says where it counts: in anyio and trio most of what may wait lets
other tasks run (a checkpoint) even when it need not wait, which costs a turn of the loop where asyncio goes on.
"""

import asyncio
import dataclasses
import importlib
import math
from typing import Any

from cases.native import MANY, TASKS, nothing
from cases.registry import Bench, Case


class Peer:
    library: str

    def __init__(self) -> None:
        self.names = importlib.import_module(self.library)

    def run(self, case: Any, bench: Bench) -> None:
        """Run the coroutine function to its end, on a loop of the library's choice."""
        raise NotImplementedError


class Structured(Peer):
    """What anyio and trio call the same, which is nearly everything."""

    def run(self, case: Any, bench: Bench) -> None:
        self.names.run(case, bench)

    def open_group(self) -> Any:
        raise NotImplementedError

    def open_channel(self, size: float) -> Any:
        """The two ends of what these have for a queue: one sends, the other receives."""
        raise NotImplementedError

    async def native_sleep_zero_1000(self, bench: Bench) -> None:
        sleep = self.names.sleep
        running = True

        async def sleeper() -> None:
            while running:
                await sleep(0)

        async with self.open_group() as group:
            for _ in range(MANY):
                group.start_soon(sleeper)
            await sleep(0)
            with bench.measure():
                for _ in range(bench.size):
                    await sleep(0)
            running = False
        bench.operations = bench.size * (MANY + 1)

    async def native_task_group_1000(self, bench: Bench) -> None:
        with bench.measure():
            for _ in range(bench.size):
                async with self.open_group() as group:
                    for _ in range(MANY):
                        group.start_soon(nothing)
        bench.operations = bench.size * MANY

    async def native_timeout(self, bench: Bench) -> None:
        """Not `async`: entering and leaving never waits."""
        fail_after = self.names.fail_after
        with bench.measure():
            for _ in range(bench.size):
                with fail_after(30.0):
                    pass
        bench.operations = bench.size

    async def native_wait_for(self, bench: Bench) -> None:
        """Nothing is called `wait_for`: one awaits within a timeout, as asyncio's own does from Python 3.12 on."""
        fail_after = self.names.fail_after
        with bench.measure():
            for _ in range(bench.size):
                with fail_after(30.0):
                    await nothing()
        bench.operations = bench.size

    async def native_lock(self, bench: Bench) -> None:
        """A checkpoint each time, by default; asyncio and riata take a free lock without one."""
        lock = self.names.Lock()
        with bench.measure():
            for _ in range(bench.size):
                async with lock:
                    pass
        bench.operations = bench.size

    async def native_lock_contended(self, bench: Bench) -> None:
        """The group ends with its tasks, so that to start the twenty is measured too."""
        lock, sleep = self.names.Lock(), self.names.sleep

        async def contender() -> None:
            for _ in range(bench.size):
                async with lock:
                    await sleep(0)

        with bench.measure():
            async with self.open_group() as group:
                for _ in range(TASKS):
                    group.start_soon(contender)
        bench.operations = bench.size * TASKS

    async def native_queue(self, bench: Bench) -> None:
        """A checkpoint to send and another one to receive, where asyncio and riata have none."""
        send, receive = self.open_channel(math.inf)
        with send, receive, bench.measure():
            for item in range(bench.size):
                await send.send(item)
                await receive.receive()
        bench.operations = bench.size

    async def native_queue_ping_pong(self, bench: Bench) -> None:
        """With the checkpoints of `native_queue`; and who receives from a full channel lets a waiting sender in itself."""
        send, receive = self.open_channel(1)

        async def produce() -> None:
            for item in range(bench.size):
                await send.send(item)

        with send, receive:
            async with self.open_group() as group:
                group.start_soon(produce)
                with bench.measure():
                    for _ in range(bench.size):
                        await receive.receive()
        bench.operations = bench.size

    async def native_event_ping_pong(self, bench: Bench) -> None:
        """An event cannot be cleared: each wait has a new one."""
        Event = self.names.Event
        there, back = Event(), Event()

        async def echo() -> None:
            nonlocal there
            for _ in range(bench.size):
                await there.wait()
                there = Event()
                back.set()

        async with self.open_group() as group:
            group.start_soon(echo)
            await self.names.sleep(0)
            with bench.measure():
                for _ in range(bench.size):
                    there.set()
                    await back.wait()
                    back = Event()
        bench.operations = 2 * bench.size

    async def native_semaphore_ping_pong(self, bench: Bench) -> None:
        Semaphore = self.names.Semaphore
        there, back = Semaphore(0), Semaphore(0)

        async def echo() -> None:
            for _ in range(bench.size):
                await there.acquire()
                back.release()

        async with self.open_group() as group:
            group.start_soon(echo)
            await self.names.sleep(0)
            with bench.measure():
                for _ in range(bench.size):
                    there.release()
                    await back.acquire()
        bench.operations = 2 * bench.size

    async def native_condition_ping_pong(self, bench: Bench) -> None:
        """With the checkpoint of `native_lock` for each time that a player takes the lock."""
        condition = self.names.Condition()
        turn = 0

        async def player(me: int) -> None:
            nonlocal turn
            for _ in range(bench.size):
                async with condition:
                    while turn != me:
                        await condition.wait()
                    turn = 1 - me
                    condition.notify()

        async with self.open_group() as group:
            group.start_soon(player, 1)
            await self.names.sleep(0)
            with bench.measure():
                await player(0)
        bench.operations = 2 * bench.size


class Anyio(Structured):
    library = "anyio"

    def open_group(self) -> Any:
        return self.names.create_task_group()

    def open_channel(self, size: float) -> Any:
        return self.names.create_memory_object_stream(size)

    async def native_gather_1000(self, bench: Bench) -> None:
        """A task group within: the first failure cancels the others, which asyncio's does not."""
        gather = self.names.gather
        with bench.measure():
            for _ in range(bench.size):
                await gather(*[nothing() for _ in range(MANY)])
        bench.operations = bench.size * MANY


class Trio(Structured):
    """Has no `gather`: a task leaves its result where its parent finds it."""

    library = "trio"

    def open_group(self) -> Any:
        return self.names.open_nursery()

    def open_channel(self, size: float) -> Any:
        return self.names.open_memory_channel(size)


class Aiotools(Peer):
    """Adds groups and timeouts to asyncio, and has no locks or queues. Its PersistentTaskGroup is deprecated and left out."""

    library = "aiotools"

    def run(self, case: Any, bench: Bench) -> None:
        asyncio.run(case(bench))

    async def native_gather_1000(self, bench: Bench) -> None:
        """`gather_safe`: asyncio's `gather(return_exceptions=True)` within a TaskScope, which outlives none of its tasks."""
        gather_safe = self.names.gather_safe
        with bench.measure():
            for _ in range(bench.size):
                await gather_safe([nothing() for _ in range(MANY)])
        bench.operations = bench.size * MANY

    async def native_task_group_1000(self, bench: Bench) -> None:
        """asyncio's own TaskGroup with a name, and with a context variable that tells its tasks of it."""
        TaskGroup = self.names.TaskGroup
        with bench.measure():
            for _ in range(bench.size):
                async with TaskGroup() as group:
                    for _ in range(MANY):
                        group.create_task(nothing())
        bench.operations = bench.size * MANY

    async def native_timeout(self, bench: Bench) -> None:
        timeout = self.names.timeout
        with bench.measure():
            for _ in range(bench.size):
                async with timeout(30.0):
                    pass
        bench.operations = bench.size


PEERS: dict[str, type[Peer]] = {peer.library: peer for peer in (Anyio, Trio, Aiotools)}


def cases_of(library: str) -> set[str]:
    """Names of the cases that it has; the library need not be installed for that."""
    return {name for name in dir(PEERS[library]) if name.startswith("native_")}


def spelled_by(library: str, case: Case) -> Case:
    """The same case, as a plain function: the library runs a loop itself."""
    peer = PEERS[library]()
    function = getattr(peer, case.name)
    return dataclasses.replace(case, function=lambda bench: peer.run(function, bench))
