"""Schedules what the workers run."""

import asyncio
from functools import partial

from worker import Worker


class AsyncEngine:
    def __init__(self, model, devices: int):
        self.workers = [Worker(model) for _ in range(devices)]

    async def run_workers(self, method: str, *arguments):
        loop = asyncio.get_running_loop()
        running = []
        for worker in self.workers:
            execute = getattr(worker, method)
            running.append(loop.run_in_executor(None, partial(execute, *arguments)))
        outputs = await asyncio.gather(*running)
        return outputs[0]

    async def step(self, tokens):
        return await self.run_workers("execute_model", tokens)
