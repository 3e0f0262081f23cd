class TaskQueue:
    def __init__(self, collection):
        self._collection = collection
        self._initialized = False

    async def _ensure_initialized(self):
        if self._initialized:  # bug
            return
        await self._collection.create_index("status")
        await self._collection.create_index("created_at")
        self._initialized = True  # bug

    async def enqueue(self, task):
        await self._ensure_initialized()
        await self._collection.insert_one(task)
