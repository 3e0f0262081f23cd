import anyio
import trio


class Shield:
    def __init__(self):
        self._scope = trio.CancelScope(shield=True)

    def __enter__(self):
        self._scope.__enter__()

    def __exit__(self, *error):
        self._scope.__exit__(*error)


async def work():
    await anyio.sleep(1)


async def protected():
    with anyio.CancelScope(shield=True):
        await anyio.sleep(1)


async def never_waits():
    print("done")


async def by_finally():
    try:
        await work()
    finally:
        await work()  # error: RIA604


async def by_handler():
    try:
        await work()
    except BaseException:
        await work()  # error: RIA604
        raise


async def by_cancelled():
    try:
        await work()
    except trio.Cancelled:
        await anyio.sleep(1)  # error: RIA604
        raise


async def limited_but_not_shielded():
    try:
        await work()
    finally:
        with anyio.move_on_after(1):
            await work()  # error: RIA604


async def shielded():
    try:
        await work()
    finally:
        with anyio.move_on_after(1, shield=True):
            await work()


async def shielded_by_own_class():
    try:
        await work()
    finally:
        with Shield():
            await work()


async def shielded_in_the_callee():
    try:
        await work()
    finally:
        await protected()


async def without_waiting():
    try:
        await work()
    finally:
        await never_waits()


async def closes(stream):
    try:
        await work()
    finally:
        await stream.aclose()


async def after_errors():
    try:
        await work()
    except Exception:
        await work()
        raise


async def nothing_to_cancel():
    try:
        print("work")
    finally:
        await work()


async def gives_time(done: anyio.Event):
    try:
        await work()
    finally:
        with anyio.move_on_after(5):
            await done.wait()
    try:
        await work()
    finally:
        with anyio.move_on_after(5):
            await work()  # error: RIA604


async def main():
    try:
        await work()
    finally:
        await work()


if __name__ == "__main__":
    anyio.run(main)
