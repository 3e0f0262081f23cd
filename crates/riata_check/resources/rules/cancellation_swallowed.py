import asyncio
import contextlib
from contextlib import suppress

import anyio

ERRORS = (OSError, asyncio.CancelledError)


async def work():
    await asyncio.sleep(1)


async def for_ever():
    while True:
        try:
            await work()
        except asyncio.CancelledError:  # error: RIA601
            pass


async def for_ever_bare():
    while True:
        try:
            await work()
        except:  # error: RIA601
            print("failed")


async def for_ever_suppressed():
    while True:
        with suppress(asyncio.CancelledError):  # error: RIA601
            await work()


async def goes_on():
    try:
        await work()
    except asyncio.CancelledError:  # error: RIA601
        print("cancelled")
    await work()


async def another_error():
    try:
        await work()
    except (OSError, asyncio.CancelledError) as error:  # error: RIA601
        raise RuntimeError("no connection") from error


async def constant():
    try:
        return await work()
    except ERRORS:  # error: RIA601
        return None


async def leaves_the_loop():
    while True:
        try:
            await work()
        except asyncio.CancelledError:  # error: RIA601
            break


async def returns_a_value():
    try:
        await work()
    except BaseException:  # error: RIA601
        return False
    return True


class Waiting:
    def __init__(self):
        self.result = None
        self.error = None

    async def wait(self):
        try:
            await work()
        except ERRORS as error:  # error: RIA601
            self.error = error
        if self.result:
            return self.result
        raise self.error


async def re_raised():
    try:
        await work()
    except asyncio.CancelledError:
        print("cancelled")
        raise
    except BaseException as error:
        print("failed")
        raise error


async def caught_before():
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except BaseException:
            print("failed")


async def told_apart():
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():
                raise


async def nothing_awaited():
    while True:
        try:
            print(1)
        except BaseException:
            pass
        await work()


async def last_of_a_task():
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            break


async def nothing_after():
    try:
        await work()
    except asyncio.CancelledError:
        print("bye")


async def shielded():
    with anyio.CancelScope(shield=True):
        try:
            await work()
        except BaseException:
            pass
        await work()


async def passed_on(future):
    try:
        await work()
    except BaseException as error:
        future.set_exception(error)


async def only_errors():
    while True:
        try:
            await work()
        except Exception:
            pass
        with contextlib.suppress(Exception):
            await work()


async def flag():
    running = True
    while running:
        try:
            await work()
        except asyncio.CancelledError:
            running = False


async def main():
    task = asyncio.create_task(last_of_a_task())
    await task


async def raises_the_first():
    try:
        await work()
    except OSError as error:
        try:
            await work()
        except BaseException:
            pass
        raise RuntimeError from error


async def never_gets_there(stream):
    try:
        await work()
    except asyncio.CancelledError:
        await work()
        raise AssertionError("work is cancelled again")


async def ends_with_its_clean_up(job, connection):
    try:
        await job()
    except asyncio.CancelledError:
        print("stopped")
    finally:
        await connection.close()


async def goes_on_after_its_clean_up(job, connection):
    try:
        await job()
    except asyncio.CancelledError:  # error: RIA601
        print("stopped")
    finally:
        await connection.close()
    await connection.report()


async def told_apart(flush, state):
    while True:
        try:
            await flush()
        except asyncio.CancelledError:
            if state.stopping:
                return
            print("the driver was cancelled")


async def ends_with_a_context(job, connection):
    async with connection:
        try:
            await job()
        except asyncio.CancelledError:
            print("stopped")


async def serve_until_stopped(job):
    try:
        await job()
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("stopped")


async def serve_until_closed(job):
    try:
        await job()
    except (asyncio.CancelledError, ConnectionError):  # error: RIA601
        print("stopped")


async def closes_as_far_as_it_goes(stream):
    try:
        await stream.aclose()
    except BaseException:
        print("not closed")
    await work()


async def reads_as_far_as_it_goes(stream):
    try:
        await stream.read()
    except BaseException:  # error: RIA601
        print("not read")
    await work()


async def returns_in_finally():
    try:
        await work()
    finally:
        return 1  # error: RIA601


async def breaks_in_finally():
    while True:
        try:
            await work()
        finally:
            break  # error: RIA601


async def continues_in_finally(items):
    for item in items:
        try:
            await work()
        except OSError:
            await work()
        finally:
            if item:
                continue  # error: RIA601
            print(item)


async def returns_behind_finally():
    try:
        await work()
    finally:
        for item in range(3):
            if item:
                break
    return 1


async def nothing_awaited():
    try:
        print()
    finally:
        return 1
