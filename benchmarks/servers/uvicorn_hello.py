"""uvicorn with httptools and an application of one line.

python benchmarks/servers/uvicorn_hello.py ADDRESS module:factory
"""

import sys

import uvicorn
from echo import listen, load_factory, run

BODY = b"Hello, world!"
HEADERS = [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())]


async def hello(scope, receive, send) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def main() -> None:
    parser, address, spec = sys.argv[1:]
    factory = load_factory(spec)
    listener, address = listen(address)
    config = uvicorn.Config(
        hello, http=parser, lifespan="off", access_log=False, log_level="warning"
    )
    print(f"listening on {address}", flush=True)
    run(uvicorn.Server(config).serve(sockets=[listener]), factory)


if __name__ == "__main__":
    main()
