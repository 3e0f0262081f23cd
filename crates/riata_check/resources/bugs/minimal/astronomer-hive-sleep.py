import asyncio


class HiveHook:
    def __init__(self, connection, seconds=1.0):
        self.connection = connection
        self.seconds = seconds

    async def partition_exists(self, table, partition):
        cursor = self.connection.cursor()
        cursor.execute_async(f"show partitions {table} partition({partition})")
        while cursor.is_executing():
            asyncio.sleep(self.seconds)  # bug
        return bool(cursor.fetchall())
