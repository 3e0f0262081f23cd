"""Subprocesses."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

from registry import probe
from support import expect_async, open_fds


async def output(*args, **options):
    process = await asyncio.create_subprocess_exec(*args, stdout=PIPE, **options)
    out, _ = await process.communicate()
    return out.decode().strip()


@probe()
async def communicate(loop):
    """Input, output and errors of a process, and its status"""
    process = await asyncio.create_subprocess_shell(
        "cat; echo err >&2; exit 3", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert await process.communicate(b"in") == (b"in", b"err\n")
    assert process.returncode == 3


@probe(issue="uvloop#363")
async def large_input_and_output(loop):
    """A megabyte through `cat` with `communicate`"""
    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    data = b"x" * 1_000_000
    out, _ = await process.communicate(data)
    assert out == data, f"{len(out)} bytes came back"


@probe()
async def stderr_to_stdout(loop):
    """`stderr=STDOUT` and `DEVNULL`"""
    assert await output("sh", "-c", "echo a; echo b >&2", stderr=STDOUT) == "a\nb"
    assert await output("sh", "-c", "cat", stdin=DEVNULL) == ""


@probe()
async def signalled(loop):
    """A process that a signal ends has the negative number as its status; `send_signal`, `terminate` and `kill`"""
    for call, number in (
        (lambda p: p.send_signal(signal.SIGUSR1), signal.SIGUSR1),
        (lambda p: p.terminate(), signal.SIGTERM),
        (lambda p: p.kill(), signal.SIGKILL),
    ):
        process = await asyncio.create_subprocess_exec("sleep", "60")
        call(process)
        assert await process.wait() == -number
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    for call in (process.kill, process.terminate, lambda: process.send_signal(1)):
        try:
            call()
        except ProcessLookupError:
            pass


@probe()
async def not_found(loop):
    """A program that is not there raises FileNotFoundError with its name"""
    error = await expect_async(FileNotFoundError, asyncio.create_subprocess_exec("no-such-program"))
    assert error.filename == "no-such-program", f"filename is {error.filename!r}"


@probe(issue="uvloop#185")
async def failures_leak_nothing(loop):
    """A hundred programs that are not there leak no descriptor"""
    await asyncio.gather(asyncio.create_subprocess_exec("no-such-program"), return_exceptions=True)
    before = open_fds()
    for _ in range(100):
        await expect_async(
            FileNotFoundError,
            asyncio.create_subprocess_exec("no-such-program", stdin=PIPE, stdout=PIPE),
        )
    gc.collect()
    await asyncio.sleep(0.05)
    left = open_fds() - before
    assert len(left) < 10, f"{len(left)} are left"


@probe()
async def processes_leak_nothing(loop):
    """Processes that ended leak no descriptor"""
    await output("true")
    before = open_fds()
    for _ in range(5):
        await output("true", stdin=PIPE, stderr=PIPE)
    await asyncio.sleep(0.02)
    left = open_fds() - before
    assert not left, f"{len(left)} are left"


@probe()
async def cwd_and_env(loop):
    """`cwd` as a path object, `env` with bytes, and `executable`"""
    import pathlib

    assert await output("pwd", cwd=pathlib.Path("/")) == "/"
    assert await output("sh", "-c", "echo $A", env={b"A": b"b", "PATH": os.environ["PATH"]}) == "b"
    assert await output("other-name", "-c", "echo $0", executable="/bin/sh") == "other-name"


@probe()
async def pass_fds(loop):
    """`pass_fds` gives a descriptor to the process, and `close_fds` no other"""
    receive, send = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-Sc", f"import os; os.write({send}, b'hello\\n')", pass_fds=[send]
    )
    assert await process.wait() == 0
    assert os.read(receive, 100) == b"hello\n"


@probe()
async def start_new_session(loop):
    """`start_new_session=True`"""
    assert (
        await output(
            sys.executable,
            "-Sc",
            "import os; print(os.getsid(0) == os.getpid())",
            start_new_session=True,
        )
        == "True"
    )


@probe()
async def user(loop):
    """`user`"""
    name = os.getuid()
    assert await output("id", "-u", user=name) == str(name)
    if name == 0:
        assert await output("id", "-u", user=65534) == "65534", "the user is not set"


@probe()
async def group(loop):
    """`group`"""
    if os.getuid() == 0:
        assert await output("id", "-g", group=65534) == "65534", "the group is not set"
    else:
        assert await output("id", "-g", group=os.getgid()) == str(os.getgid())


@probe()
async def extra_groups(loop):
    """`extra_groups`"""
    if os.getuid() == 0:
        assert "65534" in (await output("id", "-G", extra_groups=[65534])).split(), (
            "they are not set"
        )
    else:
        await asyncio.gather(
            asyncio.create_subprocess_exec("true", extra_groups=[]), return_exceptions=True
        )


@probe()
async def umask(loop):
    """`umask`"""
    assert (await output("sh", "-c", "umask", umask=0o027))[-3:] == "027", "it is not set"


@probe(since=(3, 11))
async def process_group(loop):
    """`process_group`"""
    assert (
        await output(
            sys.executable, "-Sc", "import os; print(os.getpgid(0) == os.getpid())", process_group=0
        )
        == "True"
    )


@probe(linux=True)
async def pipesize(loop):
    """`pipesize`"""
    assert await output("echo", "a", pipesize=65536 * 2) == "a"


@probe()
async def preexec_fn(loop):
    """`preexec_fn` runs in the child, and its exception is raised as `subprocess.SubprocessError`"""
    assert await output("sh", "-c", "umask", preexec_fn=lambda: os.umask(0o077)) == "0077"
    await expect_async(
        subprocess.SubprocessError, asyncio.create_subprocess_exec("true", preexec_fn=lambda: 1 / 0)
    )


@probe()
async def refused_arguments(loop):
    """`universal_newlines`, `shell`, `bufsize`, `text`, `encoding` and `errors` are refused with ValueError"""
    for options in (
        {"universal_newlines": True},
        {"bufsize": 4096},
        {"text": True},
        {"encoding": "utf-8"},
        {"errors": "strict"},
    ):
        await expect_async(
            ValueError, loop.subprocess_exec(asyncio.SubprocessProtocol, "true", **options)
        )
    await expect_async(
        ValueError, loop.subprocess_exec(asyncio.SubprocessProtocol, "true", shell=True)
    )
    await expect_async(
        ValueError, loop.subprocess_shell(asyncio.SubprocessProtocol, "true", shell=False)
    )


@probe(issue="uvloop#505", linux=True)
async def dev_stdin(loop):
    """The process can open /dev/stdin and /dev/stdout by name"""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", "cat < /dev/stdin > /dev/stdout", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    out, _ = await process.communicate(b"text")
    assert process.returncode == 0 and out == b"text", f"the shell ended with {process.returncode}"


@probe(issue="uvloop#595")
async def extra_info(loop):
    """`get_extra_info('subprocess')` is the Popen, `'pipe'` of its pipes the file object, and `get_pid` agrees"""
    transport, _ = await loop.subprocess_exec(
        asyncio.SubprocessProtocol, "cat", stdin=PIPE, stdout=PIPE
    )
    popen = transport.get_extra_info("subprocess")
    pipe = transport.get_pipe_transport(0).get_extra_info("pipe")
    pid = transport.get_pid()
    transport.close()
    assert pipe is not None, "the pipe is None"
    assert popen is not None and popen.pid == pid, "no subprocess"


@probe()
async def process_transport_class(loop):
    """The transport passes `isinstance` of `asyncio.SubprocessTransport`"""
    transport, _ = await loop.subprocess_exec(asyncio.SubprocessProtocol, "true")
    transport.close()
    assert isinstance(transport, asyncio.SubprocessTransport)


@probe()
async def subprocess_events(loop):
    """A SubprocessProtocol hears `connection_made`, data, `pipe_connection_lost`, `process_exited`, `connection_lost`"""
    events, done = [], loop.create_future()

    class Protocol(asyncio.SubprocessProtocol):
        def connection_made(self, transport):
            events.append("made")

        def pipe_data_received(self, fd, data):
            events.append(("data", fd, data))

        def pipe_connection_lost(self, fd, error):
            events.append(("lost", fd))

        def process_exited(self):
            events.append("exited")

        def connection_lost(self, error):
            events.append("end")
            done.set_result(None)

    await loop.subprocess_exec(Protocol, "echo", "a", stdin=None, stderr=None)
    await done
    assert events[0] == "made" and events[-1] == "end", f"events: {events}"
    assert sorted(map(str, events)) == sorted(
        map(str, ["made", ("data", 1, b"a\n"), ("lost", 1), "exited", "end"])
    ), f"events: {events}"


@probe()
async def killed_on_cancel(loop):
    """`wait()` that is cancelled leaves the process alone, and can be called again"""
    process = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        await asyncio.wait_for(process.wait(), 0.005)
    except asyncio.TimeoutError:
        pass
    process.kill()
    assert await process.wait() == -signal.SIGKILL


@probe()
async def broken_pipe(loop):
    """Writing to a process that has ended gives BrokenPipeError or ConnectionResetError from `drain`, no crash"""
    process = await asyncio.create_subprocess_exec("true", stdin=PIPE)
    await process.wait()
    try:
        for _ in range(20):
            process.stdin.write(b"x" * 65536)
            await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return
    raise AssertionError("no error raised")


@probe()
async def write_after_close_of_stdin(loop):
    """`write` to a closed pipe of a process is dropped, with at most a warning"""
    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=DEVNULL)
    process.stdin.close()
    process.stdin.write(b"late")
    await process.wait()


@probe()
async def many_at_once(loop):
    """Twenty processes at once all end with their own status"""

    async def one(i):
        process = await asyncio.create_subprocess_shell(f"exit {i}")
        return await process.wait()

    assert await asyncio.gather(*map(one, range(20))) == list(range(20))


@probe(issue="uvloop#118")
async def spawning_runs_others(loop):
    """Starting a process whose `preexec_fn` takes its time ends in the process, with the pipes open"""
    import time

    assert await output("echo", "a", preexec_fn=lambda: time.sleep(0.01)) == "a"
