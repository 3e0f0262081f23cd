"""The projects whose test suites are run, each at one version: what it needs, what is left out and why."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Suite:
    """One project's test suite.

    name, version: of the source distribution, which has the tests.
    floor: so many tests at least must have run on riata's loop.
    requires: what the tests need besides the project, pytest and pytest-timeout.
    extras: of the project.
    tests: paths in the source, or modules.
    options: for pytest.
    leave_out: node ids or their beginnings, each with the reason; for both loops.
    remove: folders of the source that would hide the installed project with its compiled parts.
    environment: variables for the tests.
    limit: seconds for one run of it; about five times what a quiet machine takes.
    python: the oldest and the newest Python (exclusive) that the suite is for.
    by_run: whether it is run by `riata run`.
    plugin_floor: the floor for riata's pytest plugin, if it is another.
    plugin_differs: node ids, each with the reason why it does not pass with riata's pytest plugin.
    """

    name: str
    version: str
    floor: int
    requires: tuple[str, ...] = ()
    extras: str = ""
    tests: tuple[str, ...] = ("tests",)
    options: tuple[str, ...] = ()
    leave_out: dict[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    python: tuple[tuple[int, int], tuple[int, int]] = ((3, 10), (3, 16))
    limit: float = 1800.0
    by_run: bool = True
    plugin_floor: int | None = None
    plugin_differs: dict[str, str] = field(default_factory=dict)

    @property
    def by_plugin(self) -> bool:
        """Whether its tests, or some of them, are pytest-asyncio's."""
        return not {"pytest-asyncio", "pytest-aiohttp"}.isdisjoint((self.name, *self.requires))

    @property
    def folder(self) -> str:
        return self.name if self.by_run else f"{self.name}-{self.version}"


# What a suite needs is taken as it was on PyPI then, for every Python alike; move it on with the versions below.
AS_OF = "2026-11-26T00:00:00Z"

NAMES_THE_CLASS = "asks whether the loop is of asyncio's or uvloop's own class, which is replaced"

SUITES = [
    Suite(
        "httpcore",
        "1.0.9",
        floor=50,
        extras="asyncio,http2,socks,trio",
        requires=("pytest-httpbin", "pytest-trio"),
    ),
    Suite(
        "uvicorn",
        "0.54.0",
        floor=300,
        extras="standard",
        requires=(
            "pytest-mock",
            "pytest-xdist[psutil]",
            "pytest-codspeed",
            "trustme",
            "cryptography",
            "httpx2",
            "a2wsgi",
            "wsproto",
            "zttp",
        ),
        options=("-n0",),
        leave_out={
            "tests/test_auto_detection.py::test_loop_auto": NAMES_THE_CLASS,
            "tests/test_compat.py::test_asyncio_run__default_loop_factory": NAMES_THE_CLASS,
            "tests/test_config.py::test_get_loop_factory[asyncio-_UnixSelectorEventLoop]": NAMES_THE_CLASS,
        },
    ),
    Suite(
        "anyio",
        "4.16.0",
        floor=800,
        extras="trio",
        requires=("blockbuster", "hypothesis", "psutil", "pytest-mock", "trustme", "truststore"),
        environment={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    ),
    Suite(
        "aiohttp",
        "3.14.5",
        floor=728,
        requires=(
            "pytest-mock",
            "pytest-xdist",
            "pytest-cov",
            "freezegun",
            "trustme",
            "re-assert",
            "blockbuster",
            "proxy.py",
            "python-on-whales",
            "setuptools-git",
            "isal",
            "zlib-ng",
            "pytest-codspeed",
            "Brotli",
            "aiodns",
        ),
        options=("-n0", "--no-cov", "-p", "no:codspeed"),
        # Those that open connections; the whole suite takes a quarter of an hour.
        tests=(
            "tests/test_client_functional.py",
            "tests/test_client_ws_functional.py",
            "tests/test_connector.py",
            "tests/test_loop.py",
            "tests/test_run_app.py",
            "tests/test_test_utils.py",
            "tests/test_web_runner.py",
            "tests/test_web_sendfile_functional.py",
            "tests/test_web_server.py",
            "tests/test_web_websocket_functional.py",
        ),
        remove=("aiohttp",),
    ),
    Suite(
        "starlette",
        "1.10.0",
        floor=518,
        extras="full",
        requires=("trio", "httpx", "httpx2", "opentelemetry-sdk"),
    ),
    Suite(
        "httpx",
        "0.28.1",
        floor=104,
        extras="http2,socks,cli,brotli,zstd",
        requires=("chardet", "trio", "trustme", "uvicorn", "cryptography"),
    ),
    Suite(
        "tornado",
        "6.6.1",
        floor=324,
        # Those next to the loop; of httpclient_test.py most fail with pytest, on asyncio too.
        tests=tuple(
            f"tornado/test/{name}_test.py"
            for name in (
                "asyncio",
                "gen",
                "ioloop",
                "iostream",
                "locks",
                "process",
                "queues",
                "tcpclient",
                "tcpserver",
            )
        ),
        options=("-p", "no:logging", "-o", "python_files=*_test.py"),
    ),
    Suite(
        "pytest-asyncio",
        "1.5.0",
        floor=129,
        requires=("coverage",),
        # Where it is installed, each test's own pytest imports it anew, which makes the suite four times as long.
        options=("--ignore=tests/hypothesis",),
    ),
    Suite(
        "pytest-asyncio",
        "1.3.0",  # the last that asks a policy for loops
        floor=129,
        requires=("coverage", "pytest<9"),
        options=("--ignore=tests/hypothesis",),
        by_run=False,
    ),
    Suite(
        "aioquic",
        "1.7.2",
        floor=30,
        remove=("src",),
    ),
    Suite("asgiref", "3.13.0", floor=50, extras="tests", requires=("pytest-asyncio",)),
    Suite(
        "hypercorn",
        "0.18.0",
        floor=20,
        extras="h3,trio",
        requires=("pytest-asyncio", "pytest-trio", "httpx", "pytest-cov"),
    ),
    Suite("janus", "2.0.0", floor=30, requires=("pytest-asyncio", "pytest-codspeed", "pytest-cov")),
    Suite("async-timeout", "5.0.1", floor=20, requires=("pytest-asyncio", "pytest-cov")),
    Suite("aiofiles", "25.1.0", floor=100, requires=("pytest-asyncio",)),
    Suite("aiosignal", "1.4.0", floor=5, requires=("pytest-asyncio", "pytest-cov")),
    Suite(
        "aiojobs",
        "1.4.0",
        floor=30,
        requires=("pytest<9", "pytest-aiohttp", "pytest-cov", "aiohttp"),
        options=("-o", "asyncio_mode=auto"),
    ),
    Suite(
        "async-lru",
        "2.4.0",
        floor=30,
        requires=("pytest-asyncio", "pytest-codspeed", "pytest-cov"),
        options=("-o", "asyncio_default_fixture_loop_scope=function"),
    ),
    Suite(
        "aioftp",
        "0.28.3",
        floor=405,
        requires=("pytest-asyncio", "pytest-cov", "trustme", "async-timeout", "siosocks"),
    ),
    Suite(
        "asyncssh",
        "2.24.1",
        floor=310,
        requires=("bcrypt",),
        # Those that pass data; the whole suite takes a quarter of an hour.
        tests=(
            "tests/test_channel.py",
            "tests/test_forward.py",
            "tests/test_process.py",
            "tests/test_stream.py",
            "tests/test_subprocess.py",
        ),
    ),
    Suite(
        "aiosmtpd",
        "1.4.6",
        floor=341,
        tests=("aiosmtpd/tests",),
        requires=(
            "setuptools<80",
            "pytest-mock",
            "pytest-cov",
            "pytest-print",
            "pytest-profiling",
            "pytest-sugar",
            "pytest-asyncio",
        ),
        options=("--no-cov", "-o", "asyncio_default_fixture_loop_scope=function"),
    ),
    Suite(
        "aiosqlite",
        "0.22.1",
        floor=20,
        tests=("aiosqlite/tests/smoke.py",),
        requires=("aiocontextvars",),
    ),
    Suite(
        "aioconsole",
        "0.8.2",
        floor=153,
        requires=("pytest-asyncio", "pytest-cov", "pytest-repeat"),
        plugin_floor=0,  # it has a fixture `event_loop_policy` of its own, which goes before
    ),
    Suite(
        "uvloop",
        "0.23.0",
        floor=150,
        extras="test",
        # Each is there twice: for asyncio and for uvloop, whose own API and messages the second form asks for.
        options=("-k", "AIO and not UV"),
        leave_out={
            "tests/test_udp.py::Test_AIO_UDP::test_socketpair": NAMES_THE_CLASS,
        },
        remove=("uvloop",),
    ),
    Suite("pexpect", "4.9.0", floor=7, tests=("tests/test_async.py",)),
    Suite("prompt-toolkit", "3.0.53", floor=32, requires=("pytest-mock", "pytest-cov", "asyncssh")),
    Suite(
        "pyzmq",
        "27.3.0",
        floor=63,
        requires=("pytest-asyncio", "pytest-rerunfailures", "tornado"),
        remove=("zmq",),
        tests=(
            "tests/test_asyncio.py",
            "tests/test_future.py",
            "tests/test_auth.py",
            "tests/test_ioloop.py",
            "tests/test_zmqstream.py",
            "tests/test_device.py",
        ),
    ),
    Suite(
        "twisted",
        "26.10.0",
        floor=178,
        extras="tls",
        requires=("hypothesis", "pyhamcrest"),
        tests=("src/twisted/internet/test",),
        # What is run with each of its reactors: with that on asyncio only.
        options=("-k", "Asyncio"),
        leave_out={
            f"src/twisted/internet/test/test_asyncioreactor.py::AsyncioSelectorReactorTests::{test}": NAMES_THE_CLASS
            for test in (
                "test_defaultSelectorEventLoopFromGlobalPolicy",
                "test_newSelectorEventLoopFromDefaultEventLoopPolicy",
            )
        },
    ),
    Suite(
        "python-engineio",
        "4.15.1",
        floor=194,
        requires=(
            "aiohttp",
            "pytest-asyncio",
            "pytest-cov",
            "requests",
            "sanic",
            "tornado",
            "websocket-client",
        ),
    ),
    # Those below are run by the plugin alone.
    Suite(
        "pytest-httpx",
        "0.36.2",
        floor=142,
        requires=("pytest-asyncio", "pytest-cov"),
        by_run=False,
    ),
    Suite(
        "pyee",
        "16.0.1",
        floor=13,
        requires=("pytest-asyncio", "pytest-trio", "twisted", "mock"),
        by_run=False,
    ),
    Suite(
        "gql",
        "4.4.0",
        floor=490,
        extras="all",
        requires=(
            "pytest-asyncio",
            "parse",
            "vcrpy",
            "pytest-console-scripts",
            "pytest-cov",
            "mock",
            "aiofiles",
        ),
        by_run=False,
    ),
    Suite(
        "python-socketio",
        "5.18.1",
        floor=284,
        requires=(
            "pytest-asyncio",
            "pytest-cov",
            "aiohttp",
            "requests",
            "websocket-client",
            "msgpack",
            "redis",
            "uvicorn",
            "simple-websocket",
            "bidict",
            "kombu",
            "valkey",
            "aio-pika",
        ),
        by_run=False,
    ),
    Suite(
        "zeroconf",
        "0.154.0",
        floor=159,
        requires=("pytest-asyncio", "pytest-timeout", "pytest-codspeed", "pytest-cov"),
        by_run=False,
    ),
]
