import asyncio
from dataclasses import dataclass, field


@dataclass
class _Connection:
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task | None = None
    users: int = 0


_CONNECTIONS: dict[int, _Connection] = {}


async def _join(connection: _Connection) -> bool:
    await connection.ready.wait()
    if connection.closing.is_set():
        return False
    connection.users += 1
    return True


async def connect_resource(resource, connect, close) -> _Connection:
    while (existing := _CONNECTIONS.get(id(resource))) is not None:
        if await _join(existing):
            return existing
        await asyncio.sleep(0)
    connection = _Connection(users=1)
    _CONNECTIONS[id(resource)] = connection

    async def manage():
        try:
            await resource.prepare()
            await connect()
            connection.ready.set()
            await connection.closing.wait()
        finally:
            connection.ready.set()
            await close()

    connection.task = asyncio.create_task(manage())
    await connection.ready.wait()
    return connection
