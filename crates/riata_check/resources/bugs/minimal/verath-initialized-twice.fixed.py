import asyncio


class TaskQueue:
    def __init__(self, collection):
        self._collection = collection
        self._initialized = False
        self._lock = asyncio.Lock()

    async def _ensure_initialized(self):
        if self._initialized:
            return
        async with self._lock:
            if self._initialized:
                return
            await self._collection.create_index("status")
            await self._collection.create_index("created_at")
            self._initialized = True

    async def enqueue(self, task):
        await self._ensure_initialized()
        await self._collection.insert_one(task)
