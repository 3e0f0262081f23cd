"""Tasks that only a local refers to."""

import asyncio

kept = set()


async def work():
    await asyncio.sleep(1)


def log(task):
    print(task)


def unread():
    task = asyncio.create_task(work())  # error: RIA302


def underscore(loop):
    _ = loop.create_task(work())  # error: RIA302


def only_callback():
    task = asyncio.create_task(work())  # error: RIA302
    task.add_done_callback(log)
    task.set_name("work")


def local_set():
    tasks = set()
    task = asyncio.create_task(work())  # error: RIA302
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def last_thing():
    await asyncio.sleep(0)
    task: asyncio.Task = asyncio.create_task(work())  # error: RIA302
    task.add_done_callback(log)


class Fine:
    def __init__(self):
        self.tasks = set()
        self.by_name = {}

    def in_set(self):
        task = asyncio.create_task(work())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def in_module_set(self):
        task = asyncio.create_task(work())
        kept.add(task)
        task.add_done_callback(kept.discard)

    def in_dictionary(self):
        task = asyncio.create_task(work())
        self.by_name["work"] = task

    def stored(self):
        task = asyncio.create_task(work())
        self.task = task

    def returned(self):
        task = asyncio.create_task(work())
        task.add_done_callback(log)
        return task

    def handed_on(self, registry):
        task = asyncio.create_task(work())
        registry(task)

    def captured(self):
        task = asyncio.create_task(work())

        def stop():
            task.cancel()

        return stop

    async def awaited(self):
        task = asyncio.create_task(work())
        await asyncio.sleep(1)
        await task

    async def lives_on(self):
        server = asyncio.create_task(work())
        await asyncio.Event().wait()

    async def cancelled(self):
        task = asyncio.create_task(work())
        try:
            await asyncio.sleep(1)
        finally:
            task.cancel()

    def run(self, loop):
        task = loop.create_task(work())
        loop.run_forever()


def list_of_tasks(items):
    tasks = [asyncio.create_task(work()) for _ in items]  # error: RIA302
    print(len(tasks))


def pair_of_tasks():
    tasks = (asyncio.create_task(work()), asyncio.create_task(work()))  # error: RIA302


def tasks_by_name(names):
    tasks = {name: asyncio.create_task(work()) for name in names}  # error: RIA302


def put_into_list(items):
    tasks = []
    for _ in items:
        tasks.append(asyncio.create_task(work()))  # error: RIA302
    print(len(tasks))


async def list_awaited(items):
    tasks = [asyncio.create_task(work()) for _ in items]
    await asyncio.gather(*tasks)


def list_returned(items):
    tasks = [asyncio.create_task(work()) for _ in items]
    return tasks


def list_kept(items):
    tasks = [asyncio.create_task(work()) for _ in items]
    kept.update(tasks)


async def list_put_and_awaited(items):
    tasks = []
    for _ in items:
        tasks.append(asyncio.create_task(work()))
    await asyncio.wait(tasks)
