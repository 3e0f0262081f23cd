import asyncio
from contextlib import asynccontextmanager, suppress


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


async def killed_when_late(command):
    process = await asyncio.create_subprocess_exec(*command)
    try:
        return await asyncio.wait_for(process.communicate(), 5)
    except asyncio.TimeoutError:  # error: RIA603
        process.kill()
        await process.wait()


async def started_in_the_try(command):
    try:
        process = await asyncio.create_subprocess_shell(command)
        await process.wait()
    except Exception:  # error: RIA603
        process.terminate()
        raise


async def killed_in_any_case(command):
    process = await asyncio.create_subprocess_exec(*command)
    try:
        return await asyncio.wait_for(process.communicate(), 5)
    except BaseException:
        process.kill()
        raise


async def killed_when_cancelled(command):
    process = await asyncio.create_subprocess_exec(*command)
    try:
        return await asyncio.wait_for(process.communicate(), 5)
    except asyncio.TimeoutError:
        process.kill()
    except asyncio.CancelledError:
        process.kill()
        raise


async def killed_at_last(command):
    process = await asyncio.create_subprocess_exec(*command)
    try:
        return await asyncio.wait_for(process.communicate(), 5)
    except asyncio.TimeoutError:
        process.kill()
    finally:
        await process.wait()


async def known_to_others(command, running):
    process = await asyncio.create_subprocess_exec(*command)
    running.add(process)
    try:
        return await asyncio.wait_for(process.communicate(), 5)
    except asyncio.TimeoutError:
        process.kill()


async def not_waited_for(command, ready):
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await asyncio.wait_for(ready.wait(), 5)
    except asyncio.TimeoutError:
        process.kill()
    return process


@asynccontextmanager
async def subscribed(client, signal):
    queue = await client.subscribe(signal)
    yield queue  # error: RIA603
    await client.unsubscribe(signal)


@asynccontextmanager
async def polled(poll):
    task = asyncio.create_task(poll())
    yield  # error: RIA603
    task.cancel()


@asynccontextmanager
async def subscribed_with_try(client, signal):
    queue = await client.subscribe(signal)
    try:
        yield queue
    finally:
        await client.unsubscribe(signal)


@asynccontextmanager
async def committed(session):
    await session.begin()
    yield session
    await session.commit()


@asynccontextmanager
async def nothing_of_before(client, other):
    await client.open()
    yield client
    await other.close()


@asynccontextmanager
async def lifespan(app):
    app.client.open()
    yield
    await app.client.close()


async def a_generator(client):
    await client.open()
    yield client
    await client.close()


class Busy:
    def __init__(self, slots):
        self.busy = False
        self.noted = False
        self.active = 0
        self.limit = 3
        self._slots = slots
        self._task = asyncio.create_task(work())
        self._quiet = asyncio.create_task(self.ends_quietly())

    async def update(self):
        if self.busy:
            return
        self.busy = True  # error: RIA603
        await work()
        self.busy = False

    async def update_in_the_end(self):
        if self.busy:
            return
        self.busy = True
        try:
            await work()
        finally:
            self.busy = False

    async def update_on_errors(self):
        self.busy = True
        try:
            await work()
        except BaseException:
            self.busy = False
            raise
        self.busy = False

    async def nobody_asks(self):
        self.noted = True
        await work()
        self.noted = False

    async def nothing_waits(self):
        self.busy = True
        print(self.noted)
        self.busy = False

    async def counted(self):
        if self.active >= self.limit:
            raise RuntimeError
        self.active += 1  # error: RIA603
        await work()
        self.active -= 1

    async def given_back_on_errors(self, request):
        taken = False
        try:
            await self._slots.acquire(request)
            taken = True
            return await work()
        except Exception:  # error: RIA603
            if taken:
                await self._slots.release(request)
            raise

    async def ends_quietly(self):
        try:
            await work()
        except asyncio.CancelledError:
            print("stopped")

    async def cut_off(self):
        self._task.cancel()
        with suppress(Exception):
            await self._task  # error: RIA603
        self._slots.clear()

    async def cut_off_in_try(self):
        self._task.cancel()
        try:
            await self._task  # error: RIA603
        except Exception:
            pass
        self._slots.clear()

    async def not_cut_off(self):
        self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._task
        self._slots.clear()

    async def nothing_comes_after(self):
        self._task.cancel()
        with suppress(Exception):
            await self._task

    async def no_error_comes(self):
        self._quiet.cancel()
        with suppress(Exception):
            await self._quiet
        self._slots.clear()


class Requests:
    def __init__(self):
        self.pending = {}
        self.answers = {}

    async def until_time_is_up(self, number, loop, socket):
        future = loop.create_future()
        self.pending[number] = future
        try:
            await socket.send(number)
            return await asyncio.wait_for(future, 10)
        except asyncio.TimeoutError:  # error: RIA603
            self.pending.pop(number, None)
            raise

    async def deleted_after_errors(self, number, socket):
        self.pending[number] = future = asyncio.Future()
        try:
            await socket.send(number)
            return await future
        except Exception:  # error: RIA603
            del self.pending[number]
            raise

    async def always_taken_out(self, number, loop):
        future = loop.create_future()
        self.pending[number] = future
        try:
            return await asyncio.wait_for(future, 10)
        except asyncio.TimeoutError:
            self.pending.pop(number, None)
            raise
        finally:
            self.pending.pop(number, None)

    async def of_another_key(self, number, other, loop):
        future = loop.create_future()
        self.pending[number] = future
        try:
            return await asyncio.wait_for(future, 10)
        except asyncio.TimeoutError:
            self.answers.pop(number, None)
            self.pending.pop(other, None)
            raise

    async def no_future(self, number, value, socket):
        self.answers[number] = value
        try:
            await socket.send(value)
        except asyncio.TimeoutError:
            self.answers.pop(number, None)
            raise
