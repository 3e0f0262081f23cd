"""The loop of tests in virtual time: its clock jumps to the next timer when every task waits.

What is deliberately absent: the real world. Whatever would wait for it is refused where it is asked for, since a clock that does
not wait would run on without it.
"""

import asyncio
import inspect
import signal
from collections.abc import Callable
from typing import Any

from riata.chains import place
from riata.testing.clock import module_clock
from riata.testing.leaks import look_at
from riata.testing.loop import TestLoop
from riata.testing.sites import task_site

__all__ = ["VirtualLoop", "VirtualTimeError"]

_NETWORK = (
    "connect_accepted_socket",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "sendfile",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendall",
    "sock_sendfile",
    "sock_sendto",
    "start_tls",
)
_REAL_TIME = "`@pytest.mark.riata(virtual_time=False)` runs the test in real time"
# What it is, the methods of a loop for it, and what else can be done.
_REFUSED = (
    ("a socket", _NETWORK, "give the code a stand-in for the network"),
    ("a look-up of names", ("getaddrinfo", "getnameinfo"), "give the code a stand-in for it"),
    (
        "a descriptor",
        ("add_reader", "add_writer", "connect_read_pipe", "connect_write_pipe"),
        "give the code a stand-in for it",
    ),
    (
        "a subprocess",
        ("subprocess_exec", "subprocess_shell"),
        "give the code a stand-in for the process",
    ),
    (
        "a thread",
        ("run_in_executor",),
        "let the code call the function itself",
    ),
)


class VirtualTimeError(RuntimeError):
    """A test in virtual time asks for what takes real time."""


class VirtualLoop(TestLoop):
    """A `TestLoop` whose clock begins at 0 and moves when every task waits, at once."""

    __slots__ = ("_run_watch",)

    def __new__(cls) -> "VirtualLoop":
        return super().__new__(cls, _simulated=True)

    def __init__(self) -> None:
        super().__init__()
        self._run_watch: Any = None

    def run_forever(self) -> None:
        """Run until `stop()` is called. Mirrors `loop.run_forever`."""
        with module_clock():
            super().run_forever()

    def _watched_by(self, watch: Any, end: float) -> Any:
        """Tell this when nothing can wake the loop, and when its time is over on the real clock; return who was told before."""
        before, self._run_watch = self._run_watch, watch
        self._overdue_at = end
        return before

    def _stuck(self) -> None:
        if self._run_watch is None:
            super()._stuck()
        else:
            self._run_watch.stuck()

    def _overdue(self) -> None:
        if self._run_watch is not None:
            self._run_watch.overdue()

    def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> Any:
        """Mirrors `loop.shutdown_default_executor`."""
        look_at(self)
        return self._shut_executor()

    async def _shut_executor(self) -> None:
        """Wait for the threads of an executor that somebody has set, and for no clock."""
        self._executor_shutdown_called = True
        executor, self._default_executor = self._default_executor, None
        if executor is not None:
            executor.shutdown(wait=True)

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Any, *args: Any
    ) -> None:
        """Call `callback(*args)` in the loop when signal `sig` arrives. Mirrors `loop.add_signal_handler`, without a descriptor."""
        if asyncio.iscoroutine(callback) or inspect.iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        loop: Any = self
        loop._check_signal(sig)
        self._check_closed()
        try:
            signal.signal(sig, self._signal_came)
            signal.siginterrupt(sig, False)
        except (OSError, ValueError) as error:
            text = f"sig {sig} cannot be caught" if isinstance(error, OSError) else str(error)
            raise RuntimeError(text) from None
        self._signal_handlers[sig] = asyncio.Handle(callback, args, self)

    def _signal_came(self: Any, number: int, frame: object) -> None:
        self._handle_signal(number)


def _refusal(what: str, name: str, instead: str) -> Callable[..., Any]:
    def refuse(self: VirtualLoop, *args: Any, **kwargs: Any) -> Any:
        site = task_site()
        where = "" if site is None else f", in {place(*site[:2])}"
        raise VirtualTimeError(
            f"riata: {what} ({name}) in virtual time, which waits for nothing real{where}\n"
            f"hint: {_REAL_TIME}; or {instead}"
        )

    refuse.__name__ = name
    refuse.__qualname__ = f"VirtualLoop.{name}"
    return refuse


for _what, _names, _instead in _REFUSED:
    for _name in _names:
        setattr(VirtualLoop, _name, _refusal(_what, _name, _instead))
