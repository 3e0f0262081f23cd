"""A server that ends in order: on SIGTERM it accepts no more, lets requests finish, cancels the rest, and says who did not stop.

    python examples/graceful.py

Prints:
    SIGTERM
    accepts no more
    the quick request has finished
    the slow request was cancelled: the program stops
    did not stop: ['stubborn']
"""

import asyncio
import logging
import os
import signal

import riata


async def request(name: str, seconds: float) -> None:
    try:
        await riata.sleep(seconds)
        print(f"the {name} request has finished")
    except asyncio.CancelledError as error:
        print(f"the {name} request was cancelled: {error}")
        raise


async def stubborn(release: riata.Event) -> None:
    while not release.is_set():
        try:
            await release.wait()
        except asyncio.CancelledError:
            pass


async def main() -> None:
    release = riata.Event()
    async with riata.graceful(drain=0.1, cancel=0.1) as stop:
        server = stop.closing(await asyncio.start_server(lambda *_: None, "127.0.0.1", 0))
        stop.on_stop(lambda: print("accepts no more"))
        stop.create_task(request("quick", 0.02))
        stop.create_task(request("slow", 60))
        stop.create_task(stubborn(release), name="stubborn")
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
        await stop.wait()
        print("SIGTERM")
        assert not server.is_serving()
    print(f"did not stop: {stop.stuck}")
    release.set()


if __name__ == "__main__":
    logging.disable()  # the report of who did not stop has line numbers
    riata.run(main())
