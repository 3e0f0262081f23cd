"""System calls that fail: by the driver of a build with faults, and for asyncio's loop by its sockets' methods.

A test speaks to its loop over plain sockets (`_socket.socket`), which never fail, and uses no threads: asyncio's loop is
woken by a `send`.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
from typing import Any

# asyncio's loops make these calls.
METHODS = {"recv": ("recv", "recv_into"), "send": ("send", "sendmsg"), "accept": ("accept",)}


def have_faults() -> bool:
    """Whether this build of riata has faults."""
    from riata import _riata

    return hasattr(_riata.Loop, "_fault_counts")


def fail(monkeypatch: Any, loop_name: str, call: str, error: int, *, skip: int = 0) -> None:
    """Let one `call` of the loop made next fail with `error`, after `skip` of them."""
    if loop_name == "riata":
        words = f"rate=1,kinds={errno.errorcode[error]},calls={call},skip={skip},times=1"
        monkeypatch.setenv("RIATA_FAULTS", words)
        return
    left = [skip]

    def failing(method: Any) -> Any:
        def call_or_fail(self: socket.socket, *args: Any) -> Any:
            left[0] -= 1
            if left[0] == -1:
                if error in (errno.ECONNRESET, errno.EPIPE):
                    self.shutdown(socket.SHUT_RDWR)
                raise OSError(error, os.strerror(error))
            return method(self, *args)

        return call_or_fail

    for name in METHODS[call]:
        monkeypatch.setattr(socket.socket, name, failing(getattr(socket.socket, name)))


def connect(address: Any) -> _socket.socket:
    """A plain socket that is connected."""
    sock = _socket.socket()
    sock.connect(address)
    sock.setblocking(False)
    return sock
