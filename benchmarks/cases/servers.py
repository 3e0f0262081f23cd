"""Whole servers, measured from outside: CPU of the server process per request.

The program that is measured is in `servers/`; `harness/server.py` runs it and the load generator.
"""

from cases.registry import Case, add

CONNECTIONS = (1, 100)
KIBIBYTES = (1, 10, 16, 100)
KINDS = {"protocol": "protocol", "streams": "streams", "sock": "sock_*"}
TRANSPORTS = {"tcp": "TCP", "unix": "Unix", "tls": "TLS"}
TLS_KIBIBYTES = (1, 16)
HTTP_BODY = "Hello, world!"


def add_echo(kind: str, transport: str, connections: int, kibibytes: int) -> None:
    shape = f"{transport}_{connections}x{kibibytes}k"
    plural = "connection" if connections == 1 else "connections"
    add(
        Case(
            name=f"{kind}_{shape}",
            title=f"{KINDS[kind]} echo, {TRANSPORTS[transport]}, {connections} {plural}, "
            f"{kibibytes} KiB",
            group="echo",
            unit="request",
            settings={
                "program": "echo.py",
                "arguments": (kind,),
                "transport": transport,
                "connections": connections,
                "size": kibibytes * 1024,
                "floor_case": None if transport == "tls" else f"protocol_{shape}",
            },
        )
    )


def add_http(name: str, title: str, program: str, *arguments: str) -> None:
    add(
        Case(
            name=name,
            title=f"{title}, 100 connections",
            group="http",
            unit="request",
            settings={
                "program": program,
                "arguments": arguments,
                "transport": "tcp",
                "connections": 100,
            },
        )
    )


for kind in KINDS:
    for transport in ("tcp", "unix"):
        for connections in CONNECTIONS:
            for kibibytes in KIBIBYTES:
                add_echo(kind, transport, connections, kibibytes)
for kind in ("protocol", "streams"):
    for kibibytes in TLS_KIBIBYTES:
        add_echo(kind, "tls", 100, kibibytes)
# What `pip install uvicorn` brings, and what `uvicorn[standard]` brings, which writes an answer in two.
add_http("uvicorn_hello", "uvicorn hello", "uvicorn_hello.py", "h11")
add_http("uvicorn_httptools_hello", "uvicorn hello, httptools", "uvicorn_hello.py", "httptools")
add_http("aiohttp_hello", "aiohttp hello", "aiohttp_hello.py")
