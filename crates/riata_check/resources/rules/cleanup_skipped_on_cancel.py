import asyncio


async def work():
    await asyncio.sleep(1)


class Pool:
    def __init__(self):
        self._free = []
        self._lock = asyncio.Lock()

    async def take(self):
        await work()
        return object()

    def make(self):
        return object()

    async def release(self, connection):
        self._free.append(connection)

    async def _remove_from_pool(self, connection):
        await work()

    async def send(self, connection):
        await work()

    async def read_response(self, connection):
        await work()

    async def checked(self):
        connection = await self.take()
        try:
            await work()
        except Exception:  # error: RIA603
            await self.release(connection)
            raise
        return connection

    async def request(self):
        connection = self.make()
        try:
            await work()
        except ValueError:
            connection = None
        except Exception:  # error: RIA603
            await self._remove_from_pool(connection)
            raise

    async def by_hand(self):
        await self._lock.acquire()
        try:
            await work()
        except Exception:  # error: RIA603
            self._lock.release()
            raise
        self._lock.release()

    async def looks_for_it(self):
        try:
            await work()
        except Exception as error:  # error: RIA603
            if isinstance(error, asyncio.CancelledError):
                print("cancelled")
            raise

    async def execute(self):
        connection = await self.take()
        try:
            await self.send(connection)
            return await self.read_response(connection)
        finally:
            self._free.append(connection)  # error: RIA603

    async def execute_well(self):
        connection = await self.take()
        try:
            await self.send(connection)
            return await self.read_response(connection)
        except BaseException:
            connection.close()
            raise
        finally:
            self._free.append(connection)

    async def everything(self):
        connection = await self.take()
        try:
            await work()
        except BaseException:
            await self.release(connection)
            raise

    async def both(self):
        connection = await self.take()
        try:
            await work()
        except Exception:
            await self.release(connection)
            raise
        except asyncio.CancelledError:
            await self.release(connection)
            raise

    async def by_finally(self):
        connection = await self.take()
        try:
            await work()
        except Exception:
            await self.release(connection)
            raise
        finally:
            print("done")

    async def outer(self):
        connection = await self.take()
        try:
            try:
                await work()
            except Exception:
                await self.release(connection)
                raise
        except asyncio.CancelledError:
            await self.release(connection)
            raise

    async def only_logs(self):
        try:
            await work()
        except Exception:
            print("failed")
            raise

    async def nothing_awaited(self):
        connection = await self.take()
        try:
            print(connection)
        except Exception:
            await self.release(connection)
            raise


async def reserves(pool):
    connection = pool.best()
    connection.reserve_capacity()
    try:
        return await connection.begin()
    except Exception:  # error: RIA603
        connection.release_reservation()
        raise


async def reserves_well(pool):
    connection = pool.best()
    connection.reserve_capacity()
    try:
        return await connection.begin()
    except BaseException:
        connection.release_reservation()
        raise
