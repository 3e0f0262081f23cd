"""Executors and name resolution."""

import asyncio
import concurrent.futures
import socket
import threading

from registry import probe
from support import expect


@probe()
async def runs_in_executor(loop):
    """`run_in_executor` runs in a thread named `asyncio_N`"""
    name = await loop.run_in_executor(None, lambda: threading.current_thread().name)
    assert name.startswith("asyncio_"), f"the thread is {name}"
    await loop.shutdown_default_executor()


@probe()
async def executor_shut_down(loop):
    """`run_in_executor` with an executor that is shut down raises RuntimeError"""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.shutdown()
    expect(RuntimeError, loop.run_in_executor, pool, int)


@probe()
async def default_executor_shut_down(loop):
    """`run_in_executor(None)` after `shutdown_default_executor` raises RuntimeError"""
    await loop.run_in_executor(None, int)
    await loop.shutdown_default_executor()
    expect(RuntimeError, loop.run_in_executor, None, int)


@probe(since=(3, 11))
async def only_thread_pools(loop):
    """`set_default_executor` refuses what is no ThreadPoolExecutor"""
    expect(TypeError, loop.set_default_executor, object())


@probe()
def debug_refuses_coroutines_in_executor(new_loop):
    """In debug mode `run_in_executor` refuses a coroutine function"""
    loop = new_loop()
    loop.set_debug(True)

    async def coroutine():
        pass

    expect(TypeError, loop.run_in_executor, None, coroutine)


@probe(since=(3, 13))
async def shutdown_timeout(loop):
    """`shutdown_default_executor(timeout)` warns and goes on when threads do not end"""
    import warnings

    go = threading.Event()
    future = loop.run_in_executor(None, go.wait)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await loop.shutdown_default_executor(0.01)
    go.set()
    await future
    assert any("executor" in str(w.message) and w.category is RuntimeWarning for w in caught), (
        "no RuntimeWarning"
    )


@probe()
async def cancelled_executor_future(loop):
    """Cancelling a future of `run_in_executor` cancels the work that has not begun"""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    go, ran = threading.Event(), []
    first = loop.run_in_executor(pool, go.wait)
    second = loop.run_in_executor(pool, ran.append, 1)
    second.cancel()
    await asyncio.sleep(0)
    go.set()
    await first
    pool.shutdown()
    assert not ran, "the work ran"


@probe()
async def addresses_need_no_executor(loop):
    """Connecting to an IP address asks neither the executor nor the resolver"""
    asked = []

    class Pool(concurrent.futures.ThreadPoolExecutor):
        def submit(self, *args, **options):
            asked.append(args)
            return super().submit(*args, **options)

    loop.set_default_executor(Pool(1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport, _ = await loop.create_connection(asyncio.Protocol, *listener.getsockname())
        transport.close()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    server.close()
    assert not asked, "the executor is asked"
    await asyncio.sleep(0)


@probe()
async def overridden_getaddrinfo(loop):
    """`create_connection` asks `socket.getaddrinfo`, so that a patched resolver is heard"""
    real, asked = socket.getaddrinfo, []

    def patched(host, *args, **options):
        asked.append(host)
        return real("127.0.0.1", *args, **options)

    socket.getaddrinfo = patched
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            transport, _ = await loop.create_connection(
                asyncio.Protocol, "name.invalid", listener.getsockname()[1], family=socket.AF_INET
            )
            transport.close()
    finally:
        socket.getaddrinfo = real
    assert asked == ["name.invalid"], f"asked for {asked}"


@probe()
async def replaced_loop_getaddrinfo(loop):
    """`loop.getaddrinfo` gives what `socket.getaddrinfo` gives, with every keyword"""
    options = {
        "family": socket.AF_INET,
        "type": socket.SOCK_STREAM,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST,
    }
    assert await loop.getaddrinfo("127.0.0.1", 80, **options) == socket.getaddrinfo(
        "127.0.0.1", 80, **options
    )
    assert await loop.getnameinfo(
        ("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    ) == (
        "127.0.0.1",
        "80",
    )


@probe()
async def wakes_from_executor(loop):
    """A hundred results of threads all come back"""
    results = await asyncio.gather(*(loop.run_in_executor(None, lambda i=i: i) for i in range(100)))
    assert results == list(range(100))
