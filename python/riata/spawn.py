"""Starting a process that takes its time until `exec`, without making the loop wait for it.

`subprocess.Popen` returns when the child has called `exec`, or could not. Where the child is made with `vfork` the kernel
sees to that, in a fraction of a millisecond. Where it is made with `fork` (a `preexec_fn`, another user or group) the
parent reads from a pipe until the child is there, which takes as long as `preexec_fn` does: that read happens in a thread.

Invariant: the fork itself happens in the loop's thread, as on asyncio's loop, since children inherit from the thread that
made them (`PR_SET_PDEATHSIG` ends them with it).
"""

import asyncio
import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys
import threading
import types
import warnings
import weakref
from asyncio import unix_events
from collections.abc import Callable
from typing import Any

from riata.borrowed import with_globals

__all__ = ["StartedTransport", "popen", "takes_its_time"]


def takes_its_time(options: dict[str, Any]) -> bool:
    """Whether `Popen` with these options may wait for the child to call `exec`."""
    if sys.platform != "linux" or not getattr(subprocess, "_USE_VFORK", True):
        return True
    names = ("preexec_fn", "user", "group", "extra_groups")
    return any(options.get(name) is not None for name in names)


def _start(self: Any, *args: Any, process: "subprocess.Popen[bytes]", **options: Any) -> None:
    self._proc = process


# asyncio's, for a process that is there already: `process` among the options.
StartedTransport: type[asyncio.SubprocessTransport] = type(
    "_UnixSubprocessTransport",
    (vars(unix_events)["_UnixSubprocessTransport"],),
    {"_start": _start},
)


async def popen(
    loop: asyncio.AbstractEventLoop, args: Any, **options: Any
) -> "subprocess.Popen[bytes]":
    """`subprocess.Popen(args, **options)`, without blocking the loop until the child calls `exec`.

    Raises:
        What `Popen` raises.
    Cancellation: a child that is there already is killed and reaped first.
    """
    wanted: asyncio.Future[tuple[Any, ...]] = loop.create_future()
    ended: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    forked: concurrent.futures.Future[int] = concurrent.futures.Future()

    # The thread must not keep the task alive that would let it go on.
    tell_wanted, tell_ended = _teller(wanted), _teller(ended)

    def fork_in_loop(*arguments: Any) -> int:
        tell_wanted(arguments)
        return forked.result()

    def run() -> None:
        try:
            process = _popen_that_forks_by(fork_in_loop)(args, **options)
        except BaseException as error:
            tell_ended((None, error))
        else:
            process.__class__ = subprocess.Popen
            if not tell_ended((process, None)):
                process.kill()
                _reap(process)

    alone = threading.active_count() == 1
    threading.Thread(target=run, name="riata-spawn", daemon=True).start()
    try:
        await asyncio.wait((wanted, ended), return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            try:
                forked.set_result(_fork(wanted.result(), quietly=alone))
            except BaseException as error:
                forked.set_exception(error)
        await asyncio.wait((ended,))
    except asyncio.CancelledError:
        if forked.done() and forked.exception() is None:
            await _end(forked.result(), ended)
        raise
    finally:
        # Nobody forks any more: the thread tidies up and ends.
        if not forked.done():
            forked.set_exception(asyncio.CancelledError())
    started, failed = ended.result()
    if failed is not None:
        try:
            raise failed
        finally:
            del ended, failed  # its traceback holds this frame
    process: subprocess.Popen[bytes] = started
    return process


def _teller(future: "asyncio.Future[Any]") -> Callable[[Any], bool]:
    """What sets the result of a future from another thread; false when nobody waits for it any more."""
    reference = weakref.ref(future)

    def set_result(value: Any) -> None:
        future = reference()
        if future is not None and not future.done():
            future.set_result(value)

    def tell(value: Any) -> bool:
        future = reference()
        if future is None:
            return False
        try:
            future.get_loop().call_soon_threadsafe(set_result, value)
        except RuntimeError:  # the loop is closed
            return False
        return True

    return tell


def _fork(arguments: tuple[Any, ...], *, quietly: bool) -> int:
    """`fork_exec`; `quietly` when the helper is the only other thread, of which there is no need to warn."""
    from _posixsubprocess import fork_exec

    if not quietly:
        return fork_exec(*arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return fork_exec(*arguments)


def _popen_that_forks_by(fork: Callable[..., int]) -> "type[subprocess.Popen[bytes]]":
    """A `Popen` whose `_execute_child`, Python's own, finds another `fork_exec` among its globals."""
    original = subprocess.Popen._execute_child  # type: ignore[attr-defined]
    execute_child = with_globals(
        original, _fork_exec=fork, _posixsubprocess=types.SimpleNamespace(fork_exec=fork)
    )
    return type("Popen", (subprocess.Popen,), {"_execute_child": execute_child})


async def _end(pid: int, ended: "asyncio.Future[tuple[Any, BaseException | None]]") -> None:
    """Kill a child that nobody wants, and reap it once `Popen` has seen that it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    while not ended.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((ended,))
    process, _ = ended.result()
    if process is not None:
        _reap(process)


def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a child that was killed: it is gone, or about to be."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()
