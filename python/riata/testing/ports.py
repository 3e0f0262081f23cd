"""A plugin with pytest-asyncio's fixtures for ports that nobody uses. Registered where that is not installed.

A module, since pytest 9 warns of fixtures of a wide scope that are methods.
"""

import contextlib
import socket
from collections.abc import Callable

import pytest

__all__ = [
    "unused_tcp_port",
    "unused_tcp_port_factory",
    "unused_udp_port",
    "unused_udp_port_factory",
]


@pytest.fixture
def unused_tcp_port(unused_tcp_port_factory: Callable[[], int]) -> int:
    """A TCP port of 127.0.0.1 that nobody uses."""
    return unused_tcp_port_factory()


@pytest.fixture
def unused_udp_port(unused_udp_port_factory: Callable[[], int]) -> int:
    """A UDP port of 127.0.0.1 that nobody uses."""
    return unused_udp_port_factory()


@pytest.fixture(scope="session")
def unused_tcp_port_factory() -> Callable[[], int]:
    """A function that returns another unused TCP port each time."""
    return _factory(socket.SOCK_STREAM)


@pytest.fixture(scope="session")
def unused_udp_port_factory() -> Callable[[], int]:
    """A function that returns another unused UDP port each time."""
    return _factory(socket.SOCK_DGRAM)


def _factory(kind: int) -> Callable[[], int]:
    given: set[int] = set()

    def unused_port() -> int:
        while True:
            with contextlib.closing(socket.socket(type=kind)) as sock:
                sock.bind(("127.0.0.1", 0))
                port: int = sock.getsockname()[1]
            if port not in given:
                given.add(port)
                return port

    return unused_port
