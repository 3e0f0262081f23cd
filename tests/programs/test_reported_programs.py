"""Small programs that users of other loops reported, as they wrote them, with what asyncio makes of them."""

import pytest

from ..support import LOOPS, PY314, run_script

PROGRAMS = {
    "asyncgen outside of a run (uvloop #66)": """
        import asyncio
        from loop_under_test import run

        async def generator():
            try:
                yield 5
            finally:
                print("closed")

        async def main():
            print(await generator().__anext__())

        run(main())
    """,
    "gather on the current loop, before it runs (uvloop #213)": """
        import asyncio
        from loop_under_test import new_event_loop

        async def work(n):
            await asyncio.sleep(0)
            return n

        loop = new_event_loop()
        asyncio.set_event_loop(loop)
        pending = [asyncio.ensure_future(work(n), loop=loop) for n in range(3)]
        print(loop.run_until_complete(asyncio.gather(*pending)))
        print(len(asyncio.all_tasks(loop)))
        loop.close()
    """,
    "a controller in a thread, stopped by a socket (uvloop #97)": """
        import asyncio, socket, threading
        from loop_under_test import new_event_loop

        class Controller:
            def __init__(self):
                self.loop = new_event_loop()
                self.ours, self.theirs = socket.socketpair()
                self.loop.add_reader(self.ours, self.stop)

            def stop(self):
                self.loop.remove_reader(self.ours)
                self.loop.stop()
                for task in asyncio.all_tasks(self.loop):
                    task.cancel()
                self.ours.close()
                self.theirs.close()

            def run(self, ready):
                asyncio.set_event_loop(self.loop)
                self.server = self.loop.run_until_complete(
                    self.loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
                )
                self.loop.call_soon(ready.set)
                self.loop.run_forever()
                self.server.close()
                self.loop.run_until_complete(self.server.wait_closed())
                self.loop.close()
                self.server = None
                print("ended")

        controller = Controller()
        ready = threading.Event()
        thread = threading.Thread(target=controller.run, args=(ready,))
        thread.start()
        ready.wait()
        controller.theirs.send(b"x")
        thread.join(10)
        print(thread.is_alive())
    """,
    "a task that is destroyed pending": """
        import asyncio, gc, logging
        from loop_under_test import new_event_loop
        logging.basicConfig(format="%(message).26s")

        async def forever():
            await asyncio.get_running_loop().create_future()

        loop = new_event_loop()
        task = loop.create_task(forever())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        del task
        gc.collect()
        print("end")
    """,
    "exit from a callback": """
        import asyncio, sys
        from loop_under_test import new_event_loop

        loop = new_event_loop()
        loop.call_soon(sys.exit, 7)
        try:
            loop.run_forever()
        finally:
            print("closing")
            loop.close()
    """,
    "a loop that is left open at exit": """
        import asyncio, socket
        from loop_under_test import new_event_loop

        loop = new_event_loop()
        server = loop.run_until_complete(loop.create_server(asyncio.Protocol, "127.0.0.1", 0))
        loop.call_later(100, print)
        print("left open")
    """,
    "two loops in turns": """
        import asyncio
        from loop_under_test import new_event_loop

        loops = [new_event_loop() for _ in range(2)]
        for n in range(3):
            for loop in loops:
                print(loop.run_until_complete(asyncio.sleep(0.001, n)))
        for loop in loops:
            loop.close()
    """,
    "a future's exception that nobody took": """
        import asyncio, logging
        from loop_under_test import run
        logging.basicConfig(format="%(message).40s")

        async def main():
            asyncio.get_running_loop().create_future().set_exception(ValueError("lost"))
            await asyncio.sleep(0)

        run(main())
    """,
}


@pytest.mark.parametrize("title", PROGRAMS)
def test_a_program(title):
    found = {}
    for name in LOOPS:
        done = run_script(name, PROGRAMS[title], python=("-W", "ignore"))
        errors = [line for line in done.stderr.splitlines() if not line.startswith(" ")]
        found[name] = (done.returncode, done.stdout, [line[:26] for line in errors])
    first = found[LOOPS[0]]
    assert all(other == first for other in found.values()), found
    assert first[1] or first[2], "the program said nothing"


@pytest.mark.skipif(PY314, reason="there get_event_loop makes no loop, whatever the policy")
def test_the_current_loop_before_any_runs(loop_name):
    """`install()` leaves `get_event_loop` as helpful as asyncio's (uvloop #702)."""
    script = f"""
        import asyncio, threading, warnings
        warnings.simplefilter("ignore")
        if {loop_name == "riata"}:
            import riata
            riata.install()
        loop = asyncio.get_event_loop()
        assert loop is asyncio.get_event_loop_policy().get_event_loop()
        print(loop.run_until_complete(asyncio.sleep(0, "ran")))
        loop.close()

        def elsewhere():
            try:
                asyncio.get_event_loop()
            except RuntimeError as error:
                print(error)

        thread = threading.Thread(target=elsewhere, name="other")
        thread.start()
        thread.join()
    """
    done = run_script(loop_name, script)
    assert done.stdout == "ran\nThere is no current event loop in thread 'other'.\n", done.stderr
