"""`copy` and `pickle` of primitives, as of asyncio's: programs have them in objects that are copied."""

import asyncio
import copy
import pickle

import pytest

import riata

WAYS = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


class Events(riata.Event):
    """A subclass, with an attribute."""


class Slotted(riata.Lock):
    __slots__ = ("empty", "label")


class Newest(riata.Queue):
    def _init(self, maxsize):
        self._queue = []

    def _put(self, item):
        self._queue.insert(0, item)

    def _get(self):
        return self._queue.pop(0)


@pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
def test_a_copy_is_as_the_original(go, way):
    async def main():
        lock = riata.Lock()
        await lock.acquire()
        assert way(lock).locked() and not way(riata.Lock()).locked()
        event = Events()
        event.set()
        event.label = "ready"
        again = way(event)
        assert type(again) is Events and again.is_set() and again.label == "ready"
        again.clear()
        assert event.is_set()
        slotted = Slotted()
        slotted.label = "ready"
        assert way(slotted).label == "ready" and not hasattr(way(slotted), "empty")
        semaphore, bounded = way(riata.Semaphore(3)), way(riata.BoundedSemaphore(2))
        assert semaphore._value == 3
        await bounded.acquire()
        bounded.release()
        with pytest.raises(ValueError, match="released too many times"):
            bounded.release()
        async with way(riata.Condition()) as nothing:
            assert nothing is None
        async with way(riata.Barrier(1)) as position:
            assert position == 0
        for kind, expected in [
            (riata.Queue, [3, 1, 2]),
            (riata.LifoQueue, [2, 1, 3]),
            (riata.PriorityQueue, [1, 2, 3]),
            (Newest, [2, 1, 3]),
        ]:
            queue = kind(3)
            for item in (3, 1, 2):
                queue.put_nowait(item)
            again = way(queue)
            assert type(again) is kind and again.full() and again.maxsize == 3
            assert [again.get_nowait() for _ in range(3)] == expected
            for _ in range(3):
                again.task_done()
            await again.join()
            assert queue._unfinished_tasks == 3
            queue.shutdown()
            with pytest.raises(riata.QueueShutDown):
                way(queue).put_nowait(4)

    go(main())


def test_what_tasks_wait_for_is_not_copied(go):
    async def main():
        event = riata.Event()
        waiting = asyncio.ensure_future(event.wait())
        await asyncio.sleep(0)
        for way in WAYS:
            with pytest.raises(
                TypeError, match="cannot copy or pickle a 'Event' object while tasks wait for it"
            ):
                way(event)
        event.set()
        await waiting
        with pytest.raises(
            (TypeError, AttributeError, pickle.PicklingError)
        ):  # it belongs to this loop
            pickle.dumps(event)
        return copy.copy(event).is_set()

    assert go(main())


@pytest.mark.parametrize(
    "state",
    [
        None,
        (),
        ({}, [], None, ()),
        ({}, [], None, (1, 2)),
        ({}, [1], None, (True,)),
        (None, [], None, (True,)),
    ],
)
def test_what_is_no_state(state):
    with pytest.raises(TypeError):
        riata.Lock().__setstate__(state)
