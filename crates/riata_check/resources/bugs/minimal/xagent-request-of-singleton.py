from typing import Any


class AgentServiceManager:
    def __init__(self, request: Any = None):
        self.request = request
        self.agents: dict[int, Any] = {}

    async def agent_for(self, task: int, database):
        if task not in self.agents:
            sandbox = await database.start_sandbox(task)
            self.agents[task] = await build(sandbox, self.request)  # bug
        return self.agents[task]


_manager: AgentServiceManager | None = None


def get_agent_manager(request: Any = None) -> AgentServiceManager:
    global _manager
    if _manager is None:
        _manager = AgentServiceManager(request)
    elif request is not None:
        _manager.request = request
    return _manager


async def build(sandbox, request):
    return await sandbox.agent(cookies=request.cookies if request else None)


async def execute(request, task: int, database):
    manager = get_agent_manager(request)
    await database.load(task)
    return await manager.agent_for(task, database)
