import asyncio
from typing import Any


class AgentServiceManager:
    def __init__(self):
        self.agents: dict[int, Any] = {}
        self.making = asyncio.Lock()

    async def agent_for(self, task: int, database, request: Any):
        async with self.making:
            if task not in self.agents:
                sandbox = await database.start_sandbox(task)
                self.agents[task] = await build(sandbox, request)
            return self.agents[task]


_manager: AgentServiceManager | None = None


def get_agent_manager() -> AgentServiceManager:
    global _manager
    if _manager is None:
        _manager = AgentServiceManager()
    return _manager


async def build(sandbox, request):
    return await sandbox.agent(cookies=request.cookies if request else None)


async def execute(request, task: int, database):
    manager = get_agent_manager()
    await database.load(task)
    return await manager.agent_for(task, database, request)
