"""Bounded concurrency: a task group with a limit, `map` over a stream, `gather` a few at a time.

    python examples/bounded.py

Prints:
    group: [0, 10, 20, 30, 40, 50], at most 2 at a time
    gather: [0, 10, 20, 30, 40, 50], at most 3 at a time
    map: 0 10 20 30 40 50, at most 4 at a time
    map, as they are ready: 10 before 0
"""

import riata


class Worker:
    """Multiplies by ten, and knows how often it was asked at once."""

    def __init__(self) -> None:
        self.running = self.most = 0

    async def __call__(self, number: int) -> int:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await riata.sleep(0.01)
            return 10 * number
        finally:
            self.running -= 1


async def slow_first(number: int) -> int:
    await riata.sleep(0.05 if number == 0 else 0)
    return 10 * number


async def main() -> None:
    worker = Worker()
    async with riata.TaskGroup(limit=2, name="bounded") as group:
        for number in range(6):
            await group.spawn(worker(number))  # waits for a slot
    print(f"group: {group.results()}, at most {worker.most} at a time")

    worker = Worker()
    results = await riata.gather(*[worker(number) for number in range(6)], limit=3)
    print(f"gather: {results}, at most {worker.most} at a time")

    worker = Worker()
    shown = [str(result) async for result in riata.map(worker, range(6), limit=4)]
    print(f"map: {' '.join(shown)}, at most {worker.most} at a time")

    ready = [result async for result in riata.map(slow_first, range(2), limit=2, ordered=False)]
    print(f"map, as they are ready: {ready[0]} before {ready[1]}")


if __name__ == "__main__":
    riata.run(main())
