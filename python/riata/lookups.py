"""What asyncio's own transports (datagrams, pipes) look up on their loop, answered by the native one."""

import selectors
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from riata._riata import Loop

__all__ = ["Selector", "Transports"]


class Transports:
    """`loop._transports`: which transport uses which descriptor. Keeps none of them alive."""

    __slots__ = ("_loop",)

    def __init__(self, loop: "Loop") -> None:
        self._loop = loop

    def __getitem__(self, fd: int) -> Any:
        transport = self._loop._transport_of(fd)
        if transport is None:
            raise KeyError(fd)
        return transport

    def __setitem__(self, fd: int, transport: Any) -> None:
        self._loop._enroll_transport(fd, transport, weakref.ref(transport))

    def __delitem__(self, fd: int) -> None:
        _ = self[fd]  # a KeyError, as in a dict: a second `sendfile` of a transport meets it
        self._loop._forget_transport(fd)

    def get(self, fd: int, default: Any = None) -> Any:
        transport = self._loop._transport_of(fd)
        return default if transport is None else transport


class Selector:
    """`loop._selector`: asked in reprs for what is watched."""

    __slots__ = ("_loop",)

    def __init__(self, loop: "Loop") -> None:
        self._loop = loop

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        reading, writing = self._loop._watched_events(fileobj)
        if not (reading or writing):
            raise KeyError(f"{fileobj!r} is not registered")
        events = selectors.EVENT_READ * reading | selectors.EVENT_WRITE * writing
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        return selectors.SelectorKey(fileobj, fd, events, None)
