import asyncio
from collections import defaultdict


class Launcher:
    def __init__(self, agents):
        self._agents = agents

    async def _pull(self, agent_id, images):
        client = self._agents[agent_id]
        return await client.pull(images)

    async def trigger_image_pulls(self, sessions):
        images = defaultdict(dict)
        for session in sessions:
            for kernel in session.kernels:
                images[kernel.agent_id][kernel.image] = kernel.auto_pull
        pull_tasks = [self._pull(agent_id, of_agent) for agent_id, of_agent in images.items()]
        if pull_tasks:
            await asyncio.gather(*pull_tasks, return_exceptions=True)  # bug
