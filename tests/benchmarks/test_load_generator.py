"""A server that answers wrongly gives no number, however fast it is."""

import os
import random
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from cases import find_cases
from harness import build
from harness.contestants import Contestant
from harness.errors import MeasurementError
from harness.server import (
    generate_load,
    measure_connections,
    measure_server,
    server_command,
    started_server,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("cargo") is None, reason="the load generator is built by cargo"
    ),
    pytest.mark.timeout(600),  # the first test waits for the build, with its TLS
    pytest.mark.usefixtures("built"),
]

ASYNCIO = Contestant("asyncio", "asyncio:new_event_loop")


@pytest.fixture(scope="session")
def built() -> None:
    """Before a server waits for it: the build takes longer than anyone should wait for a client."""
    build.load_generator()


@contextmanager
def server(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """One connection, served by a thread of this process; `answer` maps what came to what goes."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)  # nobody comes when the load generator fails

    def serve() -> None:
        try:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(answer(data))
        except (ConnectionError, TimeoutError):
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield "{}:{}".format(*listener.getsockname())
    finally:
        thread.join()
        listener.close()


def load(mode: str, address: str, *arguments: str) -> dict[str, object]:
    common = ["--pid", str(os.getpid()), "--connections", "1"]
    common += ["--warmup-ms", "20", "--window-ms", "50"]
    return generate_load(mode, address, [*common, *arguments], with_server=False)


def test_a_right_echo_is_counted() -> None:
    with server(lambda data: data) as address:
        counted = load("echo", address, "--size", "1000")
    assert counted["requests"] > 0
    assert counted["cpu_ns"] > 0


def one_byte_wrong(data: bytes) -> bytes:
    return data[:500] + bytes([data[500] ^ 1]) + data[501:]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (one_byte_wrong, "byte 500 of 1000 is wrong"),
        (lambda data: data + b"!", "1 bytes too many"),
        (lambda data: bytes(len(data)), "byte 0 of 1000 is wrong"),
    ],
)
def test_a_wrong_echo_is_caught(answer: Callable[[bytes], bytes], problem: str) -> None:
    with server(answer) as address, pytest.raises(MeasurementError, match=problem):
        load("echo", address, "--size", "1000")


def test_an_old_echo_is_caught() -> None:
    """The first answer over and over: the right length, and once the right bytes."""
    first: list[bytes] = []

    def stale(data: bytes) -> bytes:
        first.append(data)
        return first[0]

    with server(stale) as address, pytest.raises(MeasurementError, match="is wrong"):
        load("echo", address, "--size", "1000")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nhi", "500 Oops"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nho", "body `ho`"),
    ],
)
def test_a_wrong_http_answer_is_caught(answer: bytes, problem: str) -> None:
    with server(lambda data: answer) as address, pytest.raises(MeasurementError, match=problem):
        load("http", address, "--body", "hi")


@pytest.mark.parametrize("kind", ["protocol", "streams", "sock"])
@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_the_echo_servers_answer_rightly(kind: str, transport: str) -> None:
    """Messages larger than a socket's buffer, so that partial reads and writes happen too."""
    (case,) = find_cases(f"{kind}_{transport}_100x100k")
    counted = measure_server(case, ASYNCIO, warmup_ms=50, window_ms=100)
    assert counted["requests"] > 0
    assert counted["value"] > 0


@pytest.mark.skipif(shutil.which("cc") is None, reason="the floor is compiled by cc")
@pytest.mark.parametrize("shape", ["protocol_tcp_100x100k", "protocol_unix_1x1k"])
def test_the_floor_answers_rightly(shape: str) -> None:
    (case,) = find_cases(shape)
    assert measure_server(case, Contestant("c"), warmup_ms=50, window_ms=100)["requests"] > 0


@pytest.mark.skipif(shutil.which("cc") is None, reason="the floor is compiled by cc")
@pytest.mark.parametrize("loop", [ASYNCIO, Contestant("c")], ids=lambda loop: loop.name)
def test_what_a_client_does_not_take_is_kept(loop: Contestant) -> None:
    """Write until both sides' buffers are full, and only then read."""
    (case,) = find_cases("protocol_unix_1x1k")
    message = random.Random(1).randbytes(1 << 16)
    with started_server(server_command(case, loop), "unix") as started:
        client = socket.socket(socket.AF_UNIX)
        client.connect(started.address.removeprefix("unix:"))
        client.settimeout(0.2)
        sent = bytearray()
        try:
            while len(sent) < 1 << 25:
                sent += message[: client.send(message)]
        except TimeoutError:
            pass
        client.settimeout(10)
        received = bytearray()
        while len(received) < len(sent):
            received += client.recv(1 << 16)
        client.close()
    assert len(sent) > 200_000
    assert received == sent


def test_idle_connections_are_weighed() -> None:
    (case,) = find_cases("memory_connection")
    small = {**case.settings, "first": 20, "connections": 200}
    case = type(case)(case.name, case.title, case.group, case.unit, settings=small)
    grown = measure_connections(case, ASYNCIO)["value"]
    assert 500 < grown < 50_000


def test_a_server_that_does_not_start_is_explained() -> None:
    (case,) = find_cases("protocol_tcp_1x1k")
    broken = Contestant("broken", "asyncio:no_such_factory")
    with pytest.raises(MeasurementError, match=r"did not start\n[^$]*no_such_factory"):
        measure_server(case, broken, warmup_ms=1, window_ms=1)
