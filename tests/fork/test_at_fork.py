"""Forks with hooks of the program's own (uvloop #39, #749)."""

import pytest

from ..support import run_script

HOOKS = """
    import asyncio, os, sys, warnings
    from loop_under_test import new_event_loop, run
    warnings.simplefilter("ignore", DeprecationWarning)

    events = []
    os.register_at_fork(
        before=lambda: events.append("before"),
        after_in_parent=lambda: events.append("parent"),
        after_in_child=lambda: events.append("child"),
    )

    def child(work):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work()
                code = 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


@pytest.mark.parametrize("running", [True, False])
def test_a_loop_of_the_childs_own(loop_name, running):
    """Hooks are called once each, and the child runs a loop of its own, before and in its hooks."""
    script = (
        HOOKS
        + f"""
    async def echo():
        server = await asyncio.start_server(
            lambda r, w: w.close(), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b""
        writer.close()
        server.close()
        return "echo"

    def work():
        assert asyncio._get_running_loop() is None
        assert events == ["before", "child"], events
        assert run(echo()) == "echo"

    async def main():
        assert child(work) == 0
        assert events == ["before", "parent"], events
        return await echo()

    if {running}:
        print(run(main()))
    else:
        loop = new_event_loop()
        loop.run_until_complete(asyncio.sleep(0))
        assert child(work) == 0
        print(loop.run_until_complete(echo()))
        loop.close()
    """
    )
    done = run_script(loop_name, script)
    assert (done.returncode, done.stdout) == (0, "echo\n"), done.stderr


def test_a_hook_that_runs_a_loop(loop_name):
    """In the child's hook the loop of the parent is no obstacle, whatever the order of the hooks."""
    script = (
        HOOKS
        + """
    def hook():
        loop = new_event_loop()
        try:
            print("hook", loop.run_until_complete(asyncio.sleep(0.001, "ran")))
        finally:
            loop.close()
        sys.stdout.flush()

    loop = new_event_loop()
    loop.call_later(0.01, print, "parent's timer")
    os.register_at_fork(after_in_child=hook)
    assert child(lambda: None) == 0
    loop.run_until_complete(asyncio.sleep(0.02))
    loop.close()
    """
    )
    done = run_script(loop_name, script)
    assert (done.returncode, done.stdout) == (0, "hook ran\nparent's timer\n"), done.stderr


def test_hooks_that_use_the_parents_loop(loop_name):
    script = (
        HOOKS
        + """
    loop = new_event_loop()
    os.register_at_fork(
        before=lambda: loop.call_soon(print, "scheduled before"),
        after_in_parent=lambda: loop.call_soon(print, "scheduled after"),
    )
    assert child(lambda: loop.call_soon(print, "only in the child, which never runs it")) == 0
    loop.run_until_complete(asyncio.sleep(0.001))
    loop.close()
    """
    )
    done = run_script(loop_name, script)
    assert done.stdout == "scheduled before\nscheduled after\n", done.stderr
    assert done.returncode == 0


def test_the_child_closes_the_parents_loop(loop_name):
    """The parent's watchers and connections go on (uvloop #749)."""
    script = (
        HOOKS
        + """
    import socket

    loop = new_event_loop()
    a, b = socket.socketpair()
    a.setblocking(False)
    loop.add_reader(a, lambda: (print("parent read", a.recv(1)), loop.stop()))
    loop.add_signal_handler(10, print)
    loop.run_until_complete(asyncio.sleep(0))

    def work():
        loop.remove_signal_handler(10)
        loop.close()
        assert loop.is_closed()

    assert child(work) == 0
    b.send(b"x")
    loop.run_forever()
    loop.remove_reader(a)
    loop.close()
    """
    )
    done = run_script(loop_name, script)
    assert (done.returncode, done.stdout) == (0, "parent read b'x'\n"), done.stderr
