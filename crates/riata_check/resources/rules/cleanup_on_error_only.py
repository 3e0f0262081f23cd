import asyncio


async def work():
    await asyncio.sleep(1)


async def never_waits():
    return 1


class Client:
    def __init__(self, statuses, future):
        self._statuses = statuses
        self._future = future
        self._connection = None

    def disconnect(self):
        self._connection = None

    async def connect(self):
        try:
            await work()
        except Exception:  # error: RIA610
            self.disconnect()
            raise

    async def marked(self, key):
        self._statuses.mark_being_updated(key)
        try:
            await work()
            self._statuses.mark_updated(key)
        except Exception as error:  # error: RIA610
            self._statuses.mark_update_aborted(key, error)
            raise

    async def told(self):
        try:
            self._future.set_result(await work())
        except Exception as error:  # error: RIA610
            self._future.set_exception(error)

    async def reset(self):
        try:
            await work()
        except (ValueError, TimeoutError):  # error: RIA610
            self._connection = None

    async def connect_and_undo(self):
        try:
            await work()
        except BaseException:
            self.disconnect()
            raise

    async def cancellation_as_well(self):
        try:
            await work()
        except asyncio.CancelledError:
            self.disconnect()
            raise
        except Exception:
            self.disconnect()
            raise

    async def always(self):
        try:
            await work()
        except Exception:
            self.disconnect()
            raise
        finally:
            self._statuses.clear()

    async def only_logged(self, log):
        try:
            await work()
        except Exception as error:
            log.exception("failed: %s", error)

    async def of_one_error(self):
        try:
            await work()
        except ValueError:
            self.disconnect()

    async def nothing_awaited(self):
        try:
            await never_waits()
        except Exception:
            self.disconnect()
            raise


class Waiting:
    def __init__(self):
        self.error = None

    async def wait(self):
        try:
            await work()
        except asyncio.TimeoutError:  # error: RIA610
            self.error = TimeoutError("too late")


class Flags:
    def __init__(self):
        self.noted = False

    async def left_set(self):
        self.noted = True  # error: RIA610
        await work()
        self.noted = False

    async def put_back(self):
        self.noted = True
        try:
            await work()
        finally:
            self.noted = False
