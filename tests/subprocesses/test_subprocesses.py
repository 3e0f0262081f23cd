"""Subprocesses: `subprocess_exec`, `subprocess_shell`, and asyncio's functions on top of them."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

import pytest

from ..support import PY311, child_processes, differential, open_fds, until

PYTHON = sys.executable


class Watcher(asyncio.SubprocessProtocol):
    def __init__(self):
        loop = asyncio.get_running_loop()
        self.events = []
        self.output = {1: b"", 2: b""}
        self.exited = loop.create_future()
        self.lost = loop.create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.events.append("made")

    def pipe_data_received(self, fd, data):
        self.output[fd] += data

    def pipe_connection_lost(self, fd, exc):
        self.events.append(("pipe lost", fd, exc))

    def process_exited(self):
        self.exited.set_result(None)

    def connection_lost(self, exc):
        self.lost.set_result(exc)


def test_a_protocol():
    async def scenario(loop, log):
        code = "import sys; print(input()); print('error', file=sys.stderr); sys.exit(3)"
        transport, protocol = await loop.subprocess_exec(Watcher, PYTHON, "-c", code)
        log(isinstance(transport, asyncio.SubprocessTransport), transport.get_returncode())
        log(transport.get_pid() > 0, transport.get_pipe_transport(5))
        transport.get_pipe_transport(0).write(b"question\n")
        log(await protocol.lost, protocol.exited.done(), transport.get_returncode())
        log(protocol.output, sorted(protocol.events[1:], key=repr))
        log(transport.is_closing())
        transport.close()
        for use in (transport.kill, transport.terminate, lambda: transport.send_signal(1)):
            log.attempt("gone", use)

    differential(scenario)


@pytest.mark.parametrize("shell", [False, True])
def test_communicate(shell):
    async def scenario(loop, log):
        if shell:
            process = await asyncio.create_subprocess_shell(
                "cat; echo oops >&2; exit 4", stdin=PIPE, stdout=PIPE, stderr=PIPE
            )
        else:
            process = await asyncio.create_subprocess_exec(
                "cat", stdin=PIPE, stdout=PIPE, stderr=PIPE
            )
        data = bytes(range(256)) * 4096
        output, errors = await process.communicate(data)
        log(output == data, errors, process.returncode, await process.wait())

    differential(scenario)


def test_output_that_goes_elsewhere():
    async def scenario(loop, log):
        code = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
        for options in (
            {"stdout": PIPE, "stderr": STDOUT},
            {"stdout": PIPE, "stderr": DEVNULL},
            {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": PIPE},
        ):
            process = await asyncio.create_subprocess_exec(PYTHON, "-c", code, **options)
            log(await process.communicate(), process.returncode)

    differential(scenario)


@pytest.mark.parametrize("how", ["kill", "terminate", "send_signal"])
def test_signals_to_the_child(how):
    async def scenario(loop, log):
        process = await asyncio.create_subprocess_exec("sleep", "100")
        args = (signal.SIGUSR1,) if how == "send_signal" else ()
        getattr(process, how)(*args)
        log(await process.wait())

    differential(scenario)


def test_options_of_popen(tmp_path):
    async def scenario(loop, log):
        async def run(*command, **options):
            process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, **options)
            return (await process.communicate())[0].decode().strip()

        log(await run("pwd", cwd=tmp_path) == os.path.realpath(tmp_path))
        log(await run("sh", "-c", "echo $WORD", env={"WORD": "value", "PATH": os.environ["PATH"]}))
        log(await run("cat", "/dev/stdin", stdin=open("/dev/null")))  # noqa: SIM115
        readable, writable = os.pipe()
        os.write(writable, b"passed on")
        os.close(writable)
        log(await run("sh", "-c", f"cat <&{readable}", pass_fds=[readable]))
        os.close(readable)
        log(
            await run(
                PYTHON,
                "-c",
                "import os; print(os.getsid(0) == os.getpid())",
                start_new_session=True,
            )
        )
        log(await run("sh", "-c", "umask", umask=0o027))
        if PY311:
            code = "import os; print(os.getpgid(0) == os.getpid())"
            log(await run(PYTHON, "-c", code, process_group=0))
        if os.getuid() == 0:
            code = "import os; print(os.getuid(), os.getgid(), os.getgroups())"
            log(await run("/usr/bin/id", user=65534, group=65534, extra_groups=[65534]))
            del code
        log(await run("echo", "wide", pipesize=65536))

    differential(scenario)


def test_what_cannot_be_started():
    async def scenario(loop, log):
        for make in (
            lambda: asyncio.create_subprocess_exec("/nonexistent/program"),
            lambda: asyncio.create_subprocess_exec("true", cwd="/nonexistent"),
            lambda: asyncio.create_subprocess_exec("true", universal_newlines=True),
            lambda: asyncio.create_subprocess_exec("true", text=True),
            lambda: asyncio.create_subprocess_exec("true", bufsize=5),
            lambda: asyncio.create_subprocess_exec(b"true", shell=True),
            lambda: asyncio.create_subprocess_shell(["true"]),
            lambda: asyncio.create_subprocess_exec("true", stdin=object()),
            lambda: loop.subprocess_exec(lambda: 1 / 0, "true"),
        ):
            try:
                log(await make())
            except Exception as error:
                log(type(error), str(error))

    differential(scenario)


def test_wait_is_cancelled_and_the_child_lives():
    async def scenario(loop, log):
        process = await asyncio.create_subprocess_exec("sleep", "100")
        try:
            await asyncio.wait_for(process.wait(), 0.01)
        except asyncio.TimeoutError as error:
            log(error)
        log(process.returncode)
        process.kill()
        log(await asyncio.gather(process.wait(), process.wait(), process.wait()))

    differential(scenario)


def test_many_at_once_leave_nothing(loop):
    children = child_processes()

    async def one(number):
        process = await asyncio.create_subprocess_exec("echo", str(number), stdout=PIPE)
        output, _ = await process.communicate()
        assert process.returncode == 0
        return int(output)

    async def main():
        before = open_fds()
        assert await asyncio.gather(*map(one, range(40))) == list(range(40))
        await until(lambda: len(open_fds()) <= len(before))

    loop.run_until_complete(main())
    assert child_processes() <= children


def test_in_another_thread(loop_name, new_loop):
    """A child needs no loop in the main thread."""
    results = []

    def run():
        loop = new_loop()

        async def main():
            process = await asyncio.create_subprocess_exec("echo", "hi", stdout=PIPE)
            return (await process.communicate())[0], process.returncode

        try:
            results.append(loop.run_until_complete(main()))
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert results == [(b"hi\n", 0)]


def test_children_of_others_are_left_alone(loop):
    async def main():
        other = subprocess.Popen(["sh", "-c", "exit 7"])
        process = await asyncio.create_subprocess_exec("sh", "-c", "exit 8")
        assert await process.wait() == 8
        assert other.wait() == 7

    loop.run_until_complete(main())


def test_a_large_line_and_its_limit():
    async def scenario(loop, log):
        process = await asyncio.create_subprocess_exec(
            PYTHON, "-c", "print('x' * 5000, end='')", stdout=PIPE, limit=1000
        )
        try:
            await process.stdout.readline()
        except ValueError as error:
            log(str(error))
        await process.communicate()
        log(process.returncode)

    differential(scenario)
