"""Which TLS engine a connection gets: riata's, or asyncio's own where a program could tell them apart.

The choice is made here and nowhere else. What is deliberately absent: TLS.
"""

import sys
from asyncio import sslproto
from typing import Any

from riata import _riata
from riata.borrowed import with_globals

__all__ = ["on_our_engine", "protocol_class"]


def _functions() -> dict[tuple[type, str], Any]:
    return {
        (owner, name): value
        for owner in (sslproto.SSLProtocol, sslproto._SSLProtocolTransport)
        for name, value in vars(owner).items()
    }


# On 3.10 asyncio's TLS is another one, and so are its programs' expectations.
_OURS: bool = sys.version_info >= (3, 11)
# Both classes as asyncio made them.
_CLASSES: tuple[type, type] = (sslproto.SSLProtocol, sslproto._SSLProtocolTransport)
_FUNCTIONS = _functions()


def protocol_class() -> Any:
    """`SSLProtocol` for a new connection.

    asyncio's own on 3.10, whose TLS behaves in another way, and where the program has put a class of its own in its
    place or changed it.
    """
    if (
        not _OURS
        or (sslproto.SSLProtocol, sslproto._SSLProtocolTransport) != _CLASSES
        or _functions() != _FUNCTIONS
    ):
        return sslproto.SSLProtocol
    return _riata.SSLProtocol


class _SslProto:
    """What asyncio's code finds as its module `sslproto`."""

    @property
    def SSLProtocol(self) -> Any:
        return protocol_class()


def on_our_engine(function: Any) -> Any:
    """A function of `asyncio.base_events`, which makes its `SSLProtocol` here."""
    return with_globals(function, sslproto=_SslProto())
