"""`EventLoop`: the native loop, with asyncio's own orchestration on top.

The engine, scheduling, tasks, transports, servers and socket calls are native (`riata._riata`). What only arranges
these, once per connection or once per run, is asyncio's own code of this Python, taken function by function from its
event loop classes and listed below: so every Python keeps its own arguments, checks, messages and order of steps.

What is deliberately absent: per-event Python code. Nothing here runs while data flows.
"""

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import socket
import sys
import threading
import warnings
import weakref
from asyncio import base_events, events, futures, selector_events, unix_events
from typing import Any, ClassVar

from riata.interpreter import is_main

if not is_main():
    # Before the extension is loaded: on 3.10 and 3.11 it would be, and then serve no other interpreter.
    raise ImportError(
        "riata's loops run in the main interpreter only; this is a sub-interpreter, use asyncio's here"
    )

from riata import _riata, spawn, tls
from riata.borrowed import with_class, with_globals
from riata.dump_signal import dump_on_variable
from riata.lookups import Selector, Transports

__all__ = ["EventLoop"]

logger: logging.Logger = logging.getLogger("asyncio")

# Functions of asyncio's loops that run on the methods of `EventLoop`.
_FROM_BASE = (
    "_asyncgen_finalizer_hook",
    "_asyncgen_firstiter_hook",
    "_check_callback",
    "_check_closed",
    "_check_default_executor",
    "_check_running",
    "_connect_sock",
    "_create_connection_transport",
    "_create_server_getaddrinfo",
    "_do_shutdown",
    "_ensure_resolved",
    "_check_sendfile_params",
    "_getaddrinfo_debug",
    "_log_subprocess",
    "_sendfile_fallback",
    "_sock_sendfile_fallback",
    "call_exception_handler",
    "connect_accepted_socket",
    "connect_read_pipe",
    "connect_write_pipe",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "default_exception_handler",
    "get_exception_handler",
    "getaddrinfo",
    "getnameinfo",
    "run_in_executor",
    "run_until_complete",
    "sendfile",
    "set_default_executor",
    "set_exception_handler",
    "shutdown_asyncgens",
    "shutdown_default_executor",
    "sock_sendfile",
    "subprocess_exec",
    "subprocess_shell",
)
# As above, but for the TLS that they make.
_FROM_BASE_WITH_TLS = ("start_tls",)
_FROM_UNIX = (
    "_check_signal",
    "_child_watcher_callback",
    "_handle_signal",
    "_process_self_data",
    "_sock_add_cancellation_callback",
    "_sock_sendfile_native",
    "_sock_sendfile_native_impl",
    "_sock_sendfile_update_filepos",
    "create_unix_connection",
    "create_unix_server",
    "remove_signal_handler",
)

_FROM_SELECTOR = (
    "_accept_connection",
    "_accept_connection2",
    "_sendfile_native",
    "_sock_accept",
    "_sock_connect",
    "_sock_connect_cb",
    "_sock_read_done",
    "_sock_recvfrom",
    "_sock_recvfrom_into",
    "_sock_sendto",
    "_sock_write_done",
    "sock_accept",
    "sock_connect",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendto",
)

# Of datagrams, those whose addresses the engine knows.
_NATIVE_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)

# Loops whose native tasks `asyncio.all_tasks` must see.
_loops: "weakref.WeakSet[EventLoop]" = weakref.WeakSet()


class _Listening:
    """What the `super()` of asyncio's functions finds."""

    __slots__ = ()
    _stop_serving: Any = vars(selector_events.BaseSelectorEventLoop)["_stop_serving"]


class EventLoop(_riata.Loop, _Listening, asyncio.AbstractEventLoop):
    """An event loop in Rust, for any asyncio program.

    It belongs to the thread that runs it: but for `call_soon_threadsafe`, its methods are for that thread.

    Mirrors: `asyncio.SelectorEventLoop`.
    """

    # With slots and an empty `__dict__` the interpreter finds the loop's methods without a dictionary look-up, which user
    # code and asyncio do all the time. Attributes that a user sets still work.
    __slots__ = (
        "_asyncgens",
        "_asyncgens_shutdown_called",
        "_coroutine_origin_tracking_enabled",
        "_coroutine_origin_tracking_saved_depth",
        "_default_executor",
        "_exception_handler",
        "_executor_shutdown_called",
        "_signal_handlers",
        "_signal_sockets",
        "_thread_id",
        "_unix_server_sockets",
        "_watcher_made",
    )

    _current_handle: ClassVar[None] = None  # asked for by asyncio's default_exception_handler

    def __init__(self) -> None:
        self._attach()
        self._exception_handler = None
        self._default_executor: Any = None
        self._executor_shutdown_called = False
        self._asyncgens: weakref.WeakSet[Any] = weakref.WeakSet()
        self._asyncgens_shutdown_called = False
        self._coroutine_origin_tracking_enabled = False
        self._coroutine_origin_tracking_saved_depth = 0
        self._signal_handlers: dict[int, Any] = {}
        self._signal_sockets: tuple[socket.socket, socket.socket] | None = None
        self._unix_server_sockets: dict[Any, Any] = {}
        self._thread_id: int | None = None
        self._watcher_made: Any = None
        self._debug = _debug_by_default()
        _loops.add(self)

    def __repr__(self) -> str:
        return (
            f"<{self.__class__.__name__} running={self.is_running()} "
            f"closed={self.is_closed()} debug={self.get_debug()}>"
        )

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if not self.is_closed():
            _warn(f"unclosed event loop {self!r}", ResourceWarning, source=self)
            if not self.is_running():
                self.close()

    # ------------------------------------------------------------ running

    def run_forever(self) -> None:
        """Run until `stop()` is called. Mirrors `loop.run_forever`."""
        self._check_closed()
        self._check_running()
        self._set_coroutine_origin_tracking(self.get_debug())
        hooks = sys.get_asyncgen_hooks()
        self._thread_id = threading.get_ident()
        try:
            sys.set_asyncgen_hooks(
                firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook
            )
            events._set_running_loop(self)
            self._run()
        finally:
            self._thread_id = None
            events._set_running_loop(None)
            self._set_coroutine_origin_tracking(False)
            sys.set_asyncgen_hooks(*hooks)

    def close(self) -> None:
        """Close the loop: drop what is queued, let the executor end. Mirrors `loop.close`."""
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self.is_closed():
            return
        if self.get_debug():
            logger.debug("Close %r", self)
        self._close_signals()
        self._close()
        self._executor_shutdown_called = True
        executor = self._default_executor
        if executor is not None:
            self._default_executor = None
            executor.shutdown(wait=False)

    def set_debug(self, enabled: bool) -> None:
        """Switch debug mode. Mirrors `loop.set_debug`."""
        self._debug = bool(enabled)
        if self.is_running():
            self.call_soon_threadsafe(self._set_coroutine_origin_tracking, enabled)

    def _set_coroutine_origin_tracking(self, enabled: bool) -> None:
        if bool(enabled) == self._coroutine_origin_tracking_enabled:
            return
        if enabled:
            self._coroutine_origin_tracking_saved_depth = sys.get_coroutine_origin_tracking_depth()
            sys.set_coroutine_origin_tracking_depth(10)
        else:
            sys.set_coroutine_origin_tracking_depth(self._coroutine_origin_tracking_saved_depth)
        self._coroutine_origin_tracking_enabled = bool(enabled)

    def _report_slow_callback(self, job: object, seconds: float) -> None:
        shown: str = repr(job)
        if isinstance(job, asyncio.Handle):
            shown = base_events._format_handle(job)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        logger.warning("Executing %s took %.3f seconds", shown, seconds)

    # asyncio's own, for when there is a task factory, and for a loop whose `call_at` or `time` is not ours.
    _create_task_by_factory = base_events.BaseEventLoop.create_task
    _call_later_by_methods: ClassVar[Any] = base_events.BaseEventLoop.call_later

    # ------------------------------------------------------------ network

    def _make_ssl_transport(
        self,
        rawsock: socket.socket,
        protocol: asyncio.BaseProtocol,
        sslcontext: Any,
        waiter: Any = None,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Any = None,  # since 3.15
        **limits: Any,
    ) -> Any:
        self._ensure_fd_no_transport(rawsock)
        ssl_protocol = tls.protocol_class()(
            self, protocol, sslcontext, waiter, server_side, server_hostname, **limits
        )
        self._make_socket_transport(
            rawsock, ssl_protocol, extra=extra, server=server, context=context
        )
        return ssl_protocol._app_transport

    def _make_datagram_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.DatagramProtocol,
        address: Any = None,
        waiter: "asyncio.Future[Any] | None" = None,
        extra: "dict[str, Any] | None" = None,
    ) -> asyncio.DatagramTransport:
        """asyncio's transport; for the families that the engine knows it receives and sends natively."""
        kind: Any = _riata._SelectorDatagramTransport
        if type(sock) is not socket.socket or sock.family not in _NATIVE_FAMILIES:
            kind = vars(selector_events)["_SelectorDatagramTransport"]
        transport: asyncio.DatagramTransport = kind(self, sock, protocol, address, waiter, extra)
        if isinstance(transport, _riata._SelectorDatagramTransport):
            # What `sendto` does, see net/datagrams.rs.
            if transport.get_extra_info("peername"):
                transport._target = 0
            else:
                transport._target = -1 if address else sock.family
        return transport

    def _make_read_pipe_transport(
        self,
        pipe: Any,
        protocol: asyncio.BaseProtocol,
        waiter: "asyncio.Future[Any] | None" = None,
        extra: "dict[str, Any] | None" = None,
    ) -> asyncio.ReadTransport:
        return _riata._UnixReadPipeTransport(self, pipe, protocol, waiter, extra)

    def _make_write_pipe_transport(
        self,
        pipe: Any,
        protocol: asyncio.BaseProtocol,
        waiter: "asyncio.Future[Any] | None" = None,
        extra: "dict[str, Any] | None" = None,
    ) -> asyncio.WriteTransport:
        return _riata._UnixWritePipeTransport(self, pipe, protocol, waiter, extra)

    if sys.version_info >= (3, 14):

        @property
        def _watcher(self) -> Any:
            """Where children are watched from 3.14 on; asyncio makes it with each loop."""
            if self._watcher_made is None:
                names = vars(unix_events)
                has_pidfd = names["can_use_pidfd"]()
                kind = "_PidfdChildWatcher" if has_pidfd else "_ThreadedChildWatcher"
                self._watcher_made = names[kind]()
            return self._watcher_made

    async def _make_subprocess_transport(
        self,
        protocol: asyncio.SubprocessProtocol,
        args: Any,
        shell: bool,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        bufsize: int,
        extra: "dict[str, Any] | None" = None,
        **kwargs: Any,
    ) -> asyncio.SubprocessTransport:
        """As asyncio's; where starting a process may take its time, the loop goes on meanwhile."""
        make = _make_subprocess_transport
        if spawn.takes_its_time(kwargs) and _can_watch_children():
            streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
            kwargs["process"] = await spawn.popen(
                self,
                args,
                shell=shell,
                **streams,
                universal_newlines=False,
                bufsize=bufsize,
                **kwargs,
            )
            make = _make_started_transport
        transport: asyncio.SubprocessTransport = await make(
            self, protocol, args, shell, stdin, stdout, stderr, bufsize, extra, **kwargs
        )
        return transport

    @property
    def _transports(self) -> Transports:
        return Transports(self)

    @property
    def _selector(self) -> Selector:
        return Selector(self)

    # ------------------------------------------------------------ signals

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Any, *args: Any
    ) -> None:
        """Call `callback(*args)` in the loop when signal `sig` arrives. Mirrors `loop.add_signal_handler`."""
        self._check_closed()
        self._open_signals()
        try:
            unix_events._UnixSelectorEventLoop.add_signal_handler(self, sig, callback, *args)
        finally:
            if not self._signal_handlers:
                self._close_signals()

    def _add_callback_signalsafe(self, handle: asyncio.Handle) -> None:
        self.call_soon(handle._run)

    @property
    def _csock(self) -> socket.socket | None:
        # Read by asyncio's `add_signal_handler`, and by whoever looks at all attributes: mocks and debuggers.
        return self._signal_sockets[1] if self._signal_sockets is not None else None

    def _open_signals(self) -> None:
        if self._signal_sockets is not None:
            return
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self._signal_sockets = ours, theirs
        self.add_reader(ours, self._read_signals)

    def _read_signals(self) -> None:
        assert self._signal_sockets is not None
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while data := self._signal_sockets[0].recv(4096):
                self._process_self_data(data)

    def _close_signals(self) -> None:
        if self._signal_handlers and sys.is_finalizing():
            warnings.warn(
                f"Closing the loop {self!r} on interpreter shutdown stage, skipping signal handlers removal",
                ResourceWarning,
                source=self,
            )
            self._signal_handlers.clear()
        for sig in list(self._signal_handlers):
            self.remove_signal_handler(sig)
        if self._signal_sockets is not None:
            ours, theirs = self._signal_sockets
            self._signal_sockets = None
            self.remove_reader(ours)
            ours.close()
            theirs.close()


for _name in _FROM_BASE:
    setattr(EventLoop, _name, vars(base_events.BaseEventLoop)[_name])
for _name in _FROM_BASE_WITH_TLS:
    setattr(EventLoop, _name, tls.on_our_engine(vars(base_events.BaseEventLoop)[_name]))
for _name in _FROM_UNIX:
    _owner = next(c for c in unix_events._UnixSelectorEventLoop.__mro__ if _name in vars(c))
    setattr(EventLoop, _name, vars(_owner)[_name])
for _name in _FROM_SELECTOR:
    if _name in vars(selector_events.BaseSelectorEventLoop):  # some are 3.11's
        setattr(EventLoop, _name, vars(selector_events.BaseSelectorEventLoop)[_name])
if "_stop_serving" in vars(unix_events._UnixSelectorEventLoop):  # since 3.13, where it unlinks
    EventLoop._stop_serving = with_class(
        vars(unix_events._UnixSelectorEventLoop)["_stop_serving"], EventLoop
    )


_make_subprocess_transport: Any = vars(unix_events._UnixSelectorEventLoop)[
    "_make_subprocess_transport"
]
_make_started_transport: Any = with_globals(
    _make_subprocess_transport, _UnixSubprocessTransport=spawn.StartedTransport
)


def _can_watch_children() -> bool:
    """Without a watcher (before 3.14) asyncio refuses, before it starts a process."""
    get_child_watcher: Any = getattr(asyncio, "get_child_watcher", None)
    if get_child_watcher is None:
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return bool(get_child_watcher().is_active())


def _debug_by_default() -> bool:
    from asyncio import coroutines

    return bool(coroutines._is_debug_mode())  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


class _TaskSet(weakref.WeakSet):  # type: ignore[type-arg]
    """asyncio's set of tasks, which also shows the native ones: those are in no set, to be fast."""

    def __iter__(self) -> Any:
        yield from super().__iter__()
        for loop in _every_loop():
            yield from loop._native_tasks()

    def discard(self, task: Any) -> None:
        super().discard(task)
        if isinstance(task, _riata.Task) and isinstance(loop := task.get_loop(), EventLoop):
            loop._forget_task(task)


def _registered_tasks() -> Any:
    """The set of tasks that asyncio iterates over in `all_tasks`."""
    from asyncio import tasks

    _asyncio = importlib.import_module("_asyncio")
    for name in ("_all_tasks", "_scheduled_tasks"):  # up to 3.11; up to 3.13
        if hasattr(_asyncio, name):
            return getattr(tasks, name)
    # Since 3.14 it is the C module's own, under no name; the module shows it to the garbage collector.
    sets = [found for found in gc.get_referents(_asyncio) if isinstance(found, weakref.WeakSet)]
    return sets[0] if len(sets) == 1 else None


def _show_native_tasks() -> None:
    """Make `asyncio.all_tasks` see native tasks, under whatever name it was imported.

    On every version asyncio iterates over one WeakSet; giving that very object our class reaches it.
    """
    registered = _registered_tasks()
    if registered is None:
        raise RuntimeError("riata does not know how this Python's asyncio keeps its tasks")
    if type(registered) is weakref.WeakSet:
        registered.__class__ = _TaskSet


def _show_in_call_graph() -> None:
    """Make asyncio's functions tell a future of riata who awaits it through them (3.14)."""
    for name in ("future_add_to_awaited_by", "future_discard_from_awaited_by"):
        if hasattr(_riata, name):
            for module in (futures, asyncio):
                setattr(module, name, getattr(_riata, name))


def _every_loop() -> list[EventLoop]:
    while True:
        try:
            return list(_loops)
        except RuntimeError:  # another thread has made one meanwhile
            continue


def _before_fork() -> None:
    for loop in _every_loop():
        loop._before_fork()


def _after_fork_in_child() -> None:
    for loop in _every_loop():
        loop._forked()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)

# Native tasks exist only where this module has been imported, so this is early enough; it changes nothing for others.
_show_native_tasks()
_show_in_call_graph()
dump_on_variable()
