import asyncio
import contextlib


async def work():
    await asyncio.sleep(1)


async def never_waits():
    return 1


class Sandbox:
    def __init__(self, stop):
        self._stop = stop

    async def stop(self):
        await asyncio.sleep(1)

    async def in_finally(self):
        try:
            await work()
        finally:
            await self.stop()  # error: RIA612

    async def by_callback(self):
        try:
            await work()
        finally:
            await self._stop()  # error: RIA612

    async def errors_only_told(self):
        try:
            await work()
        finally:
            try:
                await self._stop()  # error: RIA612
            except BaseException as error:
                print(error)

    async def in_handler(self):
        try:
            await work()
        except asyncio.CancelledError:
            await self.stop()  # error: RIA612
            raise

    async def once_for_each(self):
        try:
            await work()
        finally:
            await self.stop()  # error: RIA612
            await self._stop()

    async def shielded(self):
        try:
            await work()
        finally:
            await asyncio.shield(self.stop())

    async def shielded_with_limit(self):
        try:
            await work()
        finally:
            await asyncio.wait_for(asyncio.shield(self.stop()), 5)

    async def stop_shielded(self):
        try:
            await asyncio.shield(self.stop())
        except OSError:
            return

    async def shielded_further_in(self):
        try:
            await work()
        finally:
            await self.stop_shielded()

    async def nothing_to_cancel(self):
        try:
            print("no await")
        finally:
            await self.stop()

    async def does_not_wait(self):
        try:
            await work()
        finally:
            await never_waits()

    async def after_errors(self):
        try:
            await work()
        except ValueError:
            await self.stop()

    async def after_it(self):
        with contextlib.suppress(ValueError):
            await work()
        await self.stop()
