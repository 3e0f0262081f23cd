"""uvicorn, unmodified, with Starlette and FastAPI: under load, and stopped by Ctrl-C."""

import asyncio
import re
import signal
import subprocess
import threading

import httpx
import pytest

from ..support import LOOPS
from .servers import program, stop, uvicorn

PROTOCOLS = ["httptools", "h11"]


def test_it_runs_on_the_loop_that_was_asked_for(loop_name):
    with uvicorn(loop_name, "starlette_app:app") as server:
        text = httpx.get(f"{server.url}/loop").text
    assert text.startswith(f"{loop_name}."), text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_starlette_answers(loop_name, protocol):
    with (
        uvicorn(loop_name, "starlette_app:app", "--http", protocol) as server,
        httpx.Client(base_url=server.url) as c,
    ):
        assert c.get("/").text == "Hello, world!"
        body = bytes(range(256)) * 4000
        assert c.post("/echo", content=body).content == body
        assert c.post("/echo", content=b"").content == b""
        assert c.get("/items/12?name=x").json() == {"number": 12, "square": 144, "name": "x"}
        assert c.get("/items/text").status_code == 404
        assert c.get("/stream").text == "".join(f"line {i}\n" for i in range(100))
        assert c.get("/fail").status_code == 500
        # uvicorn closes a connection whose application failed, so this one is new.
        assert httpx.get(server.url).text == "Hello, world!"


def test_fastapi_answers(loop_name):
    with uvicorn(loop_name, "fastapi_app:app") as server:
        with httpx.Client(base_url=server.url) as client:
            order = client.post("/orders?token=ada", json={"symbol": "abc", "amount": 3})
            assert order.json() == {"symbol": "ABC", "amount": 3, "who": "Ada"}
            assert client.post("/orders", json={"amount": "many"}).status_code == 422
            assert [client.get(f"/threaded/{i}").json() for i in range(5)] == [
                {"double": i * 2} for i in range(5)
            ]
            for _ in range(3):
                assert client.get("/background").status_code == 200
            assert client.get("/background").json() == {"started": 1, "background": 3}
            assert client.get("/missing").json() == {"detail": "nothing here"}
        output = stop(server.process, signal.SIGINT)
    assert "lifespan is over" in output
    assert "Application shutdown complete" in output


CHECK = """
-- Every response is checked: status, length and body. wrk itself counts bad statuses only.
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args) bad = 0; seen = 0; number = 0 end
function request()
  number = number + 1
  return wrk.format("GET", "/items/" .. (number % 1000) .. "?name=load")
end
function response(status, headers, body)
  seen = seen + 1
  local n, square = body:match('^{"number":(%d+),"square":(%d+),"name":"load"}$')
  if status ~= 200 or n == nil or tonumber(n) * tonumber(n) ~= tonumber(square)
     or headers["content-length"] ~= tostring(#body) then bad = bad + 1 end
end
function done(summary, latency, requests)
  local total, wrong = 0, 0
  for _, thread in ipairs(threads) do total = total + thread:get("seen"); wrong = wrong + thread:get("bad") end
  print("checked " .. total .. " bad " .. wrong)
  print("errors " .. summary.errors.connect .. " " .. summary.errors.read .. " " .. summary.errors.write ..
        " " .. summary.errors.status .. " " .. summary.errors.timeout)
end
"""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_under_load_every_response_is_right(loop_name, protocol, tmp_path):
    wrk = program("wrk", package="wrk")
    script = tmp_path / "check.lua"
    script.write_text(CHECK)
    with uvicorn(loop_name, "starlette_app:app", "--http", protocol, "--no-access-log") as server:
        # Beside the load, a client that compares whole bodies: large ones, up and down.
        failures = []
        over = threading.Event()

        async def compare():
            body = bytes(range(256)) * 2000
            async with httpx.AsyncClient(base_url=server.url) as client:
                rounds = 0
                while not over.is_set() or not rounds:
                    echoed, streamed = await asyncio.gather(
                        client.post("/echo", content=body), client.get("/stream")
                    )
                    assert echoed.content == body
                    assert streamed.text.count("\n") == 100
                    rounds += 1

        def client():
            try:
                asyncio.run(compare())
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=client)
        thread.start()
        result = subprocess.run(
            [wrk, "-t2", "-c50", "-d2s", "-s", str(script), server.url],
            capture_output=True,
            text=True,
            timeout=60,
        )
        over.set()
        thread.join()
        assert not failures, failures
        checked, bad = map(int, re.search(r"checked (\d+) bad (\d+)", result.stdout).groups())
        assert bad == 0
        assert checked > 200, result.stdout
        assert "errors 0 0 0 0 0" in result.stdout
        output = stop(server.process, signal.SIGINT)
    assert "Traceback" not in output
    assert "ERROR" not in output


def test_h2load_with_pipelining(loop_name):
    h2load = program("h2load", package="nghttp2-client")
    with uvicorn(loop_name, "starlette_app:app", "--no-access-log") as server:
        result = subprocess.run(
            [h2load, "--h1", "-n", "3000", "-c", "30", "-m", "8", f"{server.url}/"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in result.stdout, result.stdout
        assert "status codes: 3000 2xx" in result.stdout
        stop(server.process, signal.SIGINT)


def test_websockets(loop_name):
    from websockets.sync.client import connect

    with uvicorn(loop_name, "starlette_app:app") as server:
        with connect(f"ws://127.0.0.1:{server.port}/ws") as socket:
            for text in ("hello", "x" * 200_000, ""):
                socket.send(text)
                assert socket.recv() == text.upper()
        assert httpx.get(server.url).status_code == 200


def outcome_of_ctrl_c(loop_name, how):
    with uvicorn(loop_name, "starlette_app:app") as server:
        answers = []

        def request():
            try:
                answers.append(httpx.get(f"{server.url}/slow?seconds=0.4", timeout=20).text)
            except Exception as error:
                answers.append(repr(error))

        thread = threading.Thread(target=request)
        thread.start()
        while httpx.get(f"{server.url}/in-flight").text != "1":
            assert thread.is_alive(), answers
        output = stop(server.process, how)
        thread.join()
        code = server.process.returncode
    lines = [
        re.sub(r"\d{3,}", "N", line) for line in output.splitlines() if "/in-flight" not in line
    ]
    return {"answers": answers, "code": code, "output": lines}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_drains_the_request_in_flight(how):
    expected = outcome_of_ctrl_c("asyncio", how)
    assert expected["answers"] == ["slow but whole"]
    for name in LOOPS:
        if name != "asyncio":
            assert outcome_of_ctrl_c(name, how) == expected


def test_ctrl_c_with_an_idle_keep_alive_connection(loop_name):
    with uvicorn(loop_name, "starlette_app:app") as server:
        with httpx.Client(base_url=server.url) as client:
            assert client.get("/").status_code == 200
            output = stop(server.process, signal.SIGINT)
    assert "Finished server process" in output
    assert "Traceback" not in output


def test_two_workers(loop_name):
    """uvicorn's own supervisor spawns processes; each makes its loop."""
    with uvicorn(loop_name, "starlette_app:app", "--workers", "2") as server:
        for _ in range(10):
            assert httpx.get(f"{server.url}/loop", timeout=20).text.startswith(f"{loop_name}.")
        stop(server.process, signal.SIGINT)
