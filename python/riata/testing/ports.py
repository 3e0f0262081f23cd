"""pytest-asyncio's fixtures for ports that nobody uses, for where it is not installed."""

import contextlib
import socket
from collections.abc import Callable

import pytest

__all__ = ["Ports"]


class Ports:
    """A plugin with the fixtures. Registered where riata's plugin stands in for pytest-asyncio."""

    @pytest.fixture
    def unused_tcp_port(self, unused_tcp_port_factory: Callable[[], int]) -> int:
        """A TCP port of 127.0.0.1 that nobody uses."""
        return unused_tcp_port_factory()

    @pytest.fixture
    def unused_udp_port(self, unused_udp_port_factory: Callable[[], int]) -> int:
        """A UDP port of 127.0.0.1 that nobody uses."""
        return unused_udp_port_factory()

    @pytest.fixture(scope="session")
    def unused_tcp_port_factory(self) -> Callable[[], int]:
        """A function that returns another unused TCP port each time."""
        return _factory(socket.SOCK_STREAM)

    @pytest.fixture(scope="session")
    def unused_udp_port_factory(self) -> Callable[[], int]:
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
