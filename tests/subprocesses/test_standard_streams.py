"""Standard streams of children: what they find there, and what becomes of the parent's own."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

import pytest

from ..support import PY311, open_fds, run_script, until


@pytest.mark.parametrize("path", ["/dev/stdin", "/proc/self/fd/0"])
def test_a_child_opens_its_input_by_name(loop, path):
    """(uvloop #532: what was a socket there could not be opened)"""

    async def main():
        process = await asyncio.create_subprocess_exec("cat", path, stdin=PIPE, stdout=PIPE)
        assert await process.communicate(b"by name") == (b"by name", None)
        assert process.returncode == 0

    loop.run_until_complete(main())


@pytest.mark.parametrize("path", ["/dev/stdout", "/proc/self/fd/1", "/dev/stderr"])
def test_a_child_opens_its_output_by_name(loop, path):
    """(uvloop #505)"""

    async def main():
        process = await asyncio.create_subprocess_shell(
            f"echo by name > {path}", stdout=PIPE, stderr=PIPE
        )
        assert b"by name\n" in await process.communicate()

    loop.run_until_complete(main())


def test_the_parents_own_streams(loop_name):
    """Streams of `sys` can be given to a child, and are open and blocking afterwards (uvloop #136)."""
    script = """
        import asyncio, os, sys
        from loop_under_test import run

        async def main():
            for out in (sys.stdout, sys.stdout.fileno(), None):
                process = await asyncio.create_subprocess_exec(
                    "echo", "child", stdin=sys.stdin, stdout=out, stderr=sys.stderr
                )
                await process.wait()

        run(main())
        assert [os.get_blocking(fd) for fd in (0, 1, 2)] == [True] * 3
        print("parent", file=sys.stdout)
        print("parent", file=sys.stderr)
    """
    done = run_script(loop_name, script)
    assert (done.stdout, done.stderr) == ("child\n" * 3 + "parent\n", "parent\n")


def test_the_parents_output_as_a_pipe_transport(loop_name):
    """`connect_write_pipe` of a copy of stdout leaves stdout itself open (aioconsole #117)."""
    script = """
        import asyncio, os, sys
        from loop_under_test import run

        async def main():
            loop = asyncio.get_running_loop()
            for stream in (sys.stdout, sys.stderr):
                transport, _ = await loop.connect_write_pipe(
                    asyncio.BaseProtocol, os.fdopen(os.dup(stream.fileno()), "wb")
                )
                transport.write(b"through the loop\\n")
                transport.close()
                await asyncio.sleep(0.001)

        run(main())
        os.set_blocking(1, True)
        print("still open")
    """
    done = run_script(loop_name, script)
    assert done.stdout == "through the loop\nstill open\n"
    assert done.stderr == "through the loop\n"


def test_a_child_that_reads_nothing(loop):
    """The writer is held back, others go on, and the end of the child is an error of drain (uvloop #317)."""

    async def main():
        process = await asyncio.create_subprocess_exec("sleep", "100", stdin=PIPE)

        async def fill():
            while True:
                process.stdin.write(bytes(32768))
                await process.stdin.drain()

        filling = asyncio.ensure_future(fill())
        await until(lambda: process.stdin.transport.get_write_buffer_size() > 65536)
        assert not filling.done()
        process.kill()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await filling
        assert await process.wait() == -signal.SIGKILL
        with contextlib.suppress(ConnectionError):  # on 3.10 an error that nobody takes is reported
            await process.stdin.wait_closed()

    loop.run_until_complete(main())


def test_a_child_that_closes_its_input(loop):
    """(Winloop #84, uvloop #506: `write` after the end is no error, `drain` is)"""

    async def main():
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", "exec <&-; echo closed; exec sleep 100", stdin=PIPE, stdout=PIPE
        )
        assert await process.stdout.readline() == b"closed\n"
        await until(process.stdin.is_closing)
        process.stdin.write(b"too late")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await process.stdin.drain()
        process.kill()
        await process.communicate()

    loop.run_until_complete(main())


@pytest.mark.parametrize("how", ["close", "kill"])
def test_the_protocol_hears_of_the_end(loop, how):
    """A transport that is closed kills and reaps the child, and says so (uvloop #128)."""

    async def main():
        events = []

        class Protocol(asyncio.SubprocessProtocol):
            def connection_made(self, transport):
                events.append("made")

            def pipe_connection_lost(self, fd, exc):
                events.append(("pipe", fd))

            def process_exited(self):
                events.append("exited")

            def connection_lost(self, exc):
                events.append(("lost", exc))

        transport, _ = await loop.subprocess_exec(Protocol, "sleep", "100")
        pid = transport.get_pid()
        getattr(transport, how)()
        await until(lambda: ("lost", None) in events)
        assert events[0] == "made"
        assert events[-1] == ("lost", None)
        assert sorted(map(str, events[1:-1])) == sorted(
            map(str, [("pipe", 0), ("pipe", 1), ("pipe", 2), "exited"])
        )
        assert transport.get_returncode() == -signal.SIGKILL
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        transport.close()

    loop.run_until_complete(main())


def test_much_output_of_many_at_once(loop):
    """Readers that pause and resume while their children end lose nothing (uvloop #93, virtool #262)."""

    async def one(size):
        process = await asyncio.create_subprocess_shell(f"head -c {size} /dev/zero", stdout=PIPE)
        output, _ = await process.communicate()
        assert len(output) == size

    async def main():
        await asyncio.gather(*(one(300_000 + n) for n in range(12)))

    loop.run_until_complete(main())


def test_lines_of_a_child_as_they_come(loop):
    async def main():
        process = await asyncio.create_subprocess_exec(
            "cat", stdin=PIPE, stdout=PIPE, stderr=STDOUT
        )
        for n in range(50):
            process.stdin.write(b"%d\n" % n)
            assert await process.stdout.readline() == b"%d\n" % n
        process.stdin.close()
        assert await process.stdout.read() == b""
        assert await process.wait() == 0

    loop.run_until_complete(main())


def test_a_grandchild_keeps_the_output_open(loop):
    """`wait` gives the child's end in spite of it; `communicate` waits for the pipe, as asyncio does."""

    async def main():
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", "sleep 100 & echo $!", stdout=PIPE
        )
        grandchild = int(await process.stdout.readline())
        if PY311:
            await until(lambda: process.returncode is not None)
            assert process.returncode == 0
        os.kill(grandchild, signal.SIGKILL)
        assert await process.wait() == 0
        assert await process.stdout.read() == b""

    loop.run_until_complete(main())


def test_a_child_sees_nothing_of_the_loop(loop):
    """Whatever is open, and even where the program asks for what is inheritable (uvloop #40, #118)."""
    code = "import os; print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1])"
    command = [sys.executable, "-S", "-E", "-c", code]

    async def main():
        options = {"stdin": DEVNULL, "stderr": DEVNULL, "close_fds": False}
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        loop.add_signal_handler(signal.SIGUSR1, print)
        busy = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE, stderr=PIPE)
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, **options)
        out, _ = await process.communicate()
        assert out == await asyncio.to_thread(subprocess.check_output, command, **options)
        await busy.communicate(b"")
        server.close()
        loop.remove_signal_handler(signal.SIGUSR1)

    loop.run_until_complete(main())


def test_no_descriptor_is_left_by_failures(loop):
    async def main():
        before = len(open_fds())
        for _ in range(20):
            for options in ({"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}, {"cwd": "/nowhere"}):
                with pytest.raises(FileNotFoundError):
                    await asyncio.create_subprocess_exec("/nonexistent", **options)
        assert len(open_fds()) <= before + 5

    loop.run_until_complete(main())
