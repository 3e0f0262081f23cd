"""A gRPC server and its client in one process, both of `grpc.aio`, with generic handlers: `grpc_app.py SCENARIO`."""

import asyncio
import sys

import grpc

if sys.version_info >= (3, 11):
    timeout = asyncio.timeout
else:
    from async_timeout import timeout

SERVICE = "riata.Test"
happened = asyncio.Queue()  # what the server's handlers have seen


async def reverse(request, context):
    metadata = dict(context.invocation_metadata())
    await context.send_initial_metadata((("seen", metadata.get("name", "nothing")),))
    await asyncio.sleep(0.001)
    context.set_trailing_metadata((("length", str(len(request))),))
    return request[::-1]


async def refuse(request, context):
    await context.abort(grpc.StatusCode.NOT_FOUND, f"no {request.decode()}")


async def fail(request, context):
    raise LookupError("a bug")


async def sleep(request, context):
    """Never answer, and tell how that ended."""
    happened.put_nowait("sleeps")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        happened.put_nowait("cancelled")
        raise


async def count(request, context):
    for number in range(int(request)):
        yield str(number).encode()
        if number % 10 == 0:
            await asyncio.sleep(0.001)


async def tick(request, context):
    """Stream without end, and tell when that is over: in `sleep` by cancellation, or in `yield`, which is closed then."""
    number = 0
    try:
        while True:
            yield str(number).encode()
            number += 1
            await asyncio.sleep(0.002)
    finally:
        happened.put_nowait("stream over")


async def total(requests, context):
    return str(sum([int(request) async for request in requests])).encode()


async def echo(requests, context):
    async for request in requests:
        yield request.upper()


HANDLERS = {
    "Reverse": grpc.unary_unary_rpc_method_handler(reverse),
    "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Sleep": grpc.unary_unary_rpc_method_handler(sleep),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Tick": grpc.unary_stream_rpc_method_handler(tick),
    "Total": grpc.stream_unary_rpc_method_handler(total),
    "Echo": grpc.stream_stream_rpc_method_handler(echo),
}


async def calls(channel):
    """Calls of all four kinds that come to their end."""
    reverse = channel.unary_unary(f"/{SERVICE}/Reverse")
    call = reverse(b"a request", metadata=(("name", "riata"),))
    print(await call, dict(await call.initial_metadata()), dict(await call.trailing_metadata()))
    print("code", (await call.code()).name, call.done(), call.cancelled())

    answers = await asyncio.gather(*[reverse(f"number {i}".encode()) for i in range(100)])
    print("gathered", answers == [f"number {i}".encode()[::-1] for i in range(100)], answers[42])
    big = bytes(range(256)) * 8000
    print("big", await reverse(big) == big[::-1])

    count = channel.unary_stream(f"/{SERVICE}/Count")
    print("streamed", [int(reply) async for reply in count(b"200")] == list(range(200)))
    call = count(b"3")
    print("read", [await call.read() for _ in range(3)], await call.read() is grpc.aio.EOF)

    async def numbers():
        for number in range(50):
            yield str(number).encode()
            await asyncio.sleep(0)

    print("total", await channel.stream_unary(f"/{SERVICE}/Total")(numbers()))
    call = channel.stream_stream(f"/{SERVICE}/Echo")()
    for word in (b"one", b"two", b"three"):
        await call.write(word)
        print("echo", await call.read())
    await call.done_writing()
    print("end", await call.read() is grpc.aio.EOF, (await call.code()).name)

    for name in ("Refuse", "Missing"):
        try:
            await channel.unary_unary(f"/{SERVICE}/{name}")(b"thing")
        except grpc.aio.AioRpcError as error:
            print(error.code().name, error.details())


async def interruptions(channel):
    """Calls that do not come to their end: what the client gets, and what the server's handler."""
    sleep = channel.unary_unary(f"/{SERVICE}/Sleep")
    tick = channel.unary_stream(f"/{SERVICE}/Tick")

    async def seen(count):
        return [await asyncio.wait_for(happened.get(), 10) for _ in range(count)]

    try:
        await sleep(b"", timeout=0.1)
    except grpc.aio.AioRpcError as error:
        print(error.code().name, error.details(), await seen(2))

    received = []
    try:
        async for reply in tick(b"", timeout=0.2):
            received.append(int(reply))
    except grpc.aio.AioRpcError as error:
        print(error.code().name, len(received) > 3, received == list(range(len(received))))
    print(await seen(1))

    # The call itself is cancelled.
    call = sleep(b"")
    print(await seen(1), call.cancel())
    try:
        await call
    except asyncio.CancelledError:
        print("cancelled", call.cancelled(), (await call.code()).name, await seen(1))

    # The task that waits for it is.
    task = asyncio.ensure_future(wait_for_call(sleep(b"")))
    print(await seen(1), task.cancel())
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", task.cancelled(), await seen(1))

    # Time limits of asyncio's.
    try:
        await asyncio.wait_for(wait_for_call(sleep(b"")), 0.1)
    except asyncio.TimeoutError:
        print("wait_for", await seen(2))
    try:
        async with timeout(0.1):
            await sleep(b"")
    except asyncio.TimeoutError:
        print("timeout", await seen(2))
    call = tick(b"")
    try:
        async with timeout(0.1):
            async for reply in call:
                received.append(reply)
    except asyncio.TimeoutError:
        print("timeout in a stream", call.cancelled(), received[-1] != b"0", await seen(1))

    # A stream that the client leaves.
    call = tick(b"")
    print(await call.read(), await call.read(), call.cancel(), await seen(1))
    try:
        await call.read()
    except asyncio.CancelledError:
        print("cancelled", call.cancelled())

    # Many at once.
    group = asyncio.gather(*[wait_for_call(sleep(b"")) for _ in range(20)])
    print(set(await seen(20)), group.cancel())
    try:
        await group
    except asyncio.CancelledError:
        print("gather", await seen(20) == ["cancelled"] * 20)
    print(await channel.unary_unary(f"/{SERVICE}/Reverse")(b"alive"), happened.empty())


async def wait_for_call(call):
    return await call


async def main():
    loop = asyncio.get_running_loop()
    print(*(kind.__module__.partition(".")[0] for kind in (type(loop), asyncio.Lock)))
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, HANDLERS),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
        await {"calls": calls, "interruptions": interruptions}[sys.argv[1]](channel)
    await server.stop(grace=None)
    print("still running", await server.wait_for_termination(timeout=5))


asyncio.run(main())
