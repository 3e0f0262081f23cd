"""What happens to failures: the first one ends a group, or all are collected; each says whose it was.

    python examples/failures.py

Prints:
    fail fast: ValueError('no such page: 1'), 1 of 3 tasks cancelled
    collect: ['page 0', ValueError('no such page: 1'), 'page 2', ValueError('no such page: 3')]
    note: in task 'page-1' of the group 'pages', made in main
    stopped: enough
"""

import riata


async def fetch(page: int) -> str:
    await riata.sleep(0.01 * page)
    if page % 2:
        raise ValueError(f"no such page: {page}")
    return f"page {page}"


async def main() -> None:
    tasks = []
    try:
        async with riata.TaskGroup() as group:  # asyncio's: the first failure cancels the others
            for page in range(3):
                tasks.append(group.create_task(fetch(page)))
    except BaseException as failed:
        (error,) = failed.exceptions  # type: ignore[attr-defined]
        cancelled = sum(task.cancelled() for task in tasks)
        print(f"fail fast: {error!r}, {cancelled} of {len(tasks)} tasks cancelled")

    group = riata.TaskGroup(on_error="collect", name="pages")
    try:
        async with group:
            for page in range(4):
                group.create_task(fetch(page), name=f"page-{page}")
    except BaseException as failed:
        print(f"collect: {group.results()}")
        note = failed.exceptions[0].__notes__[0]  # type: ignore[attr-defined]
        print(f"note: {note.partition(' (')[0]}")

    async def give_reason() -> None:
        try:
            await riata.sleep(60)
        except BaseException as error:
            print(f"stopped: {error}")
            raise

    async with riata.TaskGroup() as group:
        group.create_task(give_reason())
        await riata.sleep(0.01)
        group.cancel("enough")  # the group ends here, without an exception


if __name__ == "__main__":
    riata.run(main())
