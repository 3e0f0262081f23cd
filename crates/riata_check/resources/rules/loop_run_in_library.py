import asyncio
from concurrent.futures import ThreadPoolExecutor

import click


async def work(value=None):
    await asyncio.sleep(1)
    return value


class Agent:
    def run_sync(self, prompt):
        return asyncio.run(work(prompt))  # error: RIA411

    def run_on_loop(self, loop, prompt):
        return loop.run_until_complete(work(prompt))  # error: RIA411

    def run_in_thread(self, prompt):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, work(prompt)).result()

    def run_where_it_can(self, prompt):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(work(prompt))
        raise RuntimeError("await `work` instead")

    def run_and_see(self, prompt):
        try:
            return asyncio.run(work(prompt))
        except RuntimeError:
            return None


def main():
    asyncio.run(work())


@click.command()
def serve():
    asyncio.run(work())


async def in_a_coroutine(runner):
    return await runner.run(work())


def another_run(process):
    return process.run("ls")
