"""Exception handlers."""

import asyncio
import contextvars

from registry import probe
from support import expect, logged, turns


def fail():
    raise ValueError("on purpose")


@probe()
def default_handler_logs(new_loop):
    """Without a handler an error in a callback is logged by the `asyncio` logger"""
    loop = new_loop()
    with logged() as messages:
        loop.call_soon(fail)
        turns(loop)
    assert messages and "Exception in callback fail()" in messages[0], f"logged: {messages[:1]}"


@probe()
def custom_handler(new_loop):
    """A custom handler gets the loop and a context with `message`, `exception` and `handle`"""
    loop = new_loop()
    seen = []
    loop.set_exception_handler(lambda *args: seen.append(args))
    loop.call_soon(fail)
    turns(loop)
    (where, context), *_ = seen
    assert where is loop
    assert isinstance(context["exception"], ValueError)
    assert "handle" in context, f"the context has {sorted(context)}"


@probe()
def overridden_default_handler(new_loop):
    """`default_exception_handler` can be overridden in a subclass"""
    kind = type(new_loop())
    seen = []

    class Mine(kind):
        def default_exception_handler(self, context):
            seen.append(context["message"])

    loop = Mine()
    loop.call_soon(fail)
    turns(loop)
    loop.close()
    assert seen, "the override is not called"


@probe()
def failing_handler(new_loop):
    """A handler that fails is logged, and the loop goes on"""
    loop = new_loop()
    loop.set_exception_handler(lambda loop, context: 1 / 0)
    seen = []
    with logged() as messages:
        loop.call_soon(fail)
        loop.call_soon(seen.append, 1)
        turns(loop)
    assert seen == [1]
    assert any("Unhandled error in exception handler" in m for m in messages), f"logged: {messages}"


@probe()
def handler_may_stop(new_loop):
    """A handler may raise SystemExit to end the loop"""
    loop = new_loop()

    def handler(loop, context):
        raise SystemExit(4)

    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    loop.call_later(0.05, loop.stop)
    assert expect(SystemExit, loop.run_forever).code == 4


@probe(since=(3, 12))
def handler_in_context_of_callback(new_loop):
    """The handler runs in the context of the callback that failed"""
    loop = new_loop()
    variable = contextvars.ContextVar("variable", default="none")
    context = contextvars.copy_context()
    context.run(variable.set, "callback's")
    seen = []
    loop.set_exception_handler(lambda *_: seen.append(variable.get()))
    loop.call_soon(fail, context=context)
    turns(loop)
    assert seen == ["callback's"], f"it saw {seen}"


@probe(since=(3, 12))
async def handler_in_context_of_task(loop):
    """The handler runs in the context of the task whose exception nobody asked for"""
    import gc

    variable = contextvars.ContextVar("variable", default="none")
    seen = []
    loop.set_exception_handler(lambda *_: seen.append(variable.get()))

    async def failing():
        variable.set("task's")
        fail()

    task = loop.create_task(failing())
    await asyncio.sleep(0.001)
    del task
    gc.collect()
    assert seen == ["task's"], f"it saw {seen}"


@probe()
def handler_refuses(new_loop):
    """`set_exception_handler` refuses what cannot be called, and None takes the handler away"""
    loop = new_loop()
    expect(TypeError, loop.set_exception_handler, 42)
    loop.set_exception_handler(print)
    assert loop.get_exception_handler() is print
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None


@probe()
async def protocol_errors(loop):
    """An error in `data_received` reaches the handler with the protocol and the transport, and ends the connection"""
    from support import Recorder, connected

    class Failing(Recorder):
        def data_received(self, data):
            fail()

    seen = []
    loop.set_exception_handler(lambda _, context: seen.append(context))
    transport, protocol, peer = await connected(loop, Failing)
    with peer:
        peer.sendall(b"x")
        error = await protocol.lost
    assert isinstance(error, ValueError), f"connection_lost got {error!r}"
    assert seen and {"protocol", "transport"} <= set(seen[0]), (
        f"the context has {sorted(seen[0]) if seen else None}"
    )
