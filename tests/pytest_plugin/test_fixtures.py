"""The fixtures that the plugin brings: `riata_tasks`, and ports where pytest-asyncio is not there."""

import pytest

PROJECT = """
import asyncio
import socket

import pytest


async def test_tasks(riata_tasks):
    before = riata_tasks.snapshot()
    assert asyncio.current_task() in before
    event = asyncio.Event()
    second = asyncio.create_task(event.wait(), name="second")
    first = asyncio.create_task(event.wait(), name="first")
    assert riata_tasks.diff(before) == ([first, second], [])
    between = riata_tasks.snapshot()
    event.set()
    await asyncio.wait([first, second])
    assert riata_tasks.diff(before) == ([], [])
    assert riata_tasks.diff(between).ended == [first, second]


def test_tasks_without_a_loop(riata_tasks):
    with pytest.raises(RuntimeError, match="no event loop of riata's plugin runs here"):
        riata_tasks.snapshot()


async def test_ports(
    unused_tcp_port, unused_udp_port, unused_tcp_port_factory, unused_udp_port_factory
):
    ports = [unused_tcp_port, *(unused_tcp_port_factory() for _ in range(20))]
    assert len(set(ports)) == 21
    for port in ports:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
    ports = [unused_udp_port, *(unused_udp_port_factory() for _ in range(20))]
    assert len(set(ports)) == 21
    for port in ports:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", port))
"""


@pytest.mark.parametrize("name", ["test_tasks", "test_tasks_without_a_loop", "test_ports"])
def test_fixtures(ran, name):
    assert ran.outcomes[name] == ["PASSED"]
