import asyncio
from typing import Annotated

from adapters.port import CrudPort
from fastapi import Depends
from pymongo.collection import Collection
from pymongo.database import Database as MongoDBDatabase


def database() -> MongoDBDatabase: ...


Database = Annotated[MongoDBDatabase, Depends(database)]


class MongoCrud(CrudPort):
    def __init__(self, db: Database, collection_name: str):
        self.db = db
        self.collection: Collection = db[collection_name]

    async def get(self, id: str):
        return await asyncio.to_thread(self.collection.find_one, {"_id": id})

    async def list(self, limit: int):
        cursor = self.collection.find().limit(limit)
        return await asyncio.to_thread(list, cursor)
