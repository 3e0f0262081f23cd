"""Schedules what the workers run."""

from worker import Worker


class AsyncEngine:
    def __init__(self, model, devices: int):
        self.workers = [Worker(model) for _ in range(devices)]

    async def run_workers(self, method: str, *arguments):
        outputs = []
        for worker in self.workers:
            execute = getattr(worker, method)
            outputs.append(execute(*arguments))  # bug
        return outputs[0]

    async def step(self, tokens):
        return await self.run_workers("execute_model", tokens)
