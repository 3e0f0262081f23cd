"""A trainer that runs as an async Ray actor and takes its samples from a queue actor."""

import asyncio

import ray


@ray.remote(num_cpus=1)
class SampleQueue:
    def __init__(self, size):
        self.samples = asyncio.Queue(size)

    async def take(self):
        return await self.samples.get()

    async def length(self):
        return self.samples.qsize()


@ray.remote(num_cpus=2)
class Trainer:
    def __init__(self, queue, batch):
        self.queue = queue
        self.batch = batch

    async def next_batch(self):
        samples = []
        while len(samples) < self.batch:
            sample = await self.queue.take.remote()
            if sample is None:
                break
            samples.append(sample)
        return samples
