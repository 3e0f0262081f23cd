"""Raise from every place where the loop calls user code.

The exception goes where asyncio sends it, nothing else is harmed, and the process lives: each test goes on to use
the same loop.
"""

import asyncio
import contextvars
import os
import signal
import socket
import sys

import pytest

from ..support import Recorder, collect, differential, turns, until


class Odd(BaseException):
    """Neither KeyboardInterrupt nor SystemExit, and no Exception."""


KINDS = [
    ValueError,
    Odd,
    asyncio.CancelledError,
    StopIteration,
    MemoryError,
    RecursionError,
    GeneratorExit,
]
ENDING = [KeyboardInterrupt, SystemExit]


def raises(kind, text="boom"):
    def boom(*args, **kwargs):
        raise kind(text)

    return boom


def still_works(loop):
    """The loop calls back, keeps time, runs tasks, and serves."""

    async def main():
        class Echo(Recorder):
            def data_received(self, data):
                self.transport.write(data)

        await asyncio.sleep(0.0001)
        server = await loop.create_server(Echo, "127.0.0.1", 0)
        transport, client = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
        transport.write(b"alive")
        await until(lambda: client.data == b"alive")
        transport.close()
        await client.lost
        await asyncio.sleep(0.001)
        server.close()
        await server.wait_closed()
        return "alive"

    assert loop.run_until_complete(main()) == "alive"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["call_soon", "call_later", "call_soon_threadsafe", "call_at"])
def test_callbacks(loop, reports, kind, how):
    boom = raises(kind)
    ran = []
    {
        "call_soon": lambda: loop.call_soon(boom),
        "call_later": lambda: loop.call_later(0, boom),
        "call_at": lambda: loop.call_at(0, boom),
        "call_soon_threadsafe": lambda: loop.call_soon_threadsafe(boom),
    }[how]()
    loop.call_soon(ran.append, 1)
    loop.call_later(0, ran.append, 2)
    turns(loop, 2)
    assert sorted(ran) == [1, 2]
    context = reports.take_one()
    assert type(context["exception"]) is kind
    still_works(loop)


@pytest.mark.parametrize("kind", KINDS)
def test_done_callbacks(world, wloop, wreports, kind):
    seen = []
    future = world.future(wloop)
    future.add_done_callback(raises(kind))
    future.add_done_callback(seen.append)
    future.set_result(1)
    turns(wloop)
    assert seen == [future]
    assert type(wreports.take_one()["exception"]) is kind
    task = world.task(wloop, asyncio.sleep(0))
    task.add_done_callback(raises(kind))
    task.add_done_callback(seen.append)
    turns(wloop, 3)
    assert seen == [future, task]
    assert type(wreports.take_one()["exception"]) is kind
    assert wloop.run_until_complete(asyncio.sleep(0, "alive")) == "alive"


@pytest.mark.parametrize("kind", ENDING)
def test_done_callbacks_that_end_the_run(world, wloop, kind):
    seen = []
    future = world.future(wloop)
    future.add_done_callback(raises(kind))
    future.add_done_callback(seen.append)
    future.set_result(1)
    with pytest.raises(kind, match="boom"):
        wloop.run_forever()
    assert seen == []
    turns(wloop)
    assert seen == [future]


@pytest.mark.parametrize("kind", [*KINDS, *ENDING])
def test_coroutines(world, wloop, kind):
    async def boom():
        await asyncio.sleep(0)
        raise kind("boom")

    task = world.task(wloop, boom())
    try:
        turns(wloop, 3)
    except ENDING[0]:
        assert kind is ENDING[0]
    except ENDING[1]:
        assert kind is ENDING[1]
    assert task.done()
    if kind is asyncio.CancelledError:
        assert task.cancelled()
    elif kind is StopIteration:
        assert isinstance(task.exception(), RuntimeError)
    else:
        assert type(task.exception()) is kind
    turns(wloop)
    assert wloop.run_until_complete(asyncio.sleep(0, "alive")) == "alive"


@pytest.mark.parametrize("kind", [*KINDS, *ENDING])
def test_exception_handler(loop, kind):
    ran = []
    loop.set_exception_handler(raises(kind, "from the handler"))
    loop.call_soon(raises(ValueError))
    loop.call_soon(ran.append, 1)
    if kind in ENDING:
        with pytest.raises(kind, match="from the handler"):
            turns(loop)
    turns(loop)
    assert ran == [1]
    loop.set_exception_handler(None)
    still_works(loop)


@pytest.mark.parametrize("kind", KINDS)
def test_destructors(loop, kind, monkeypatch):
    unraisable = []
    monkeypatch.setattr("sys.unraisablehook", lambda info: unraisable.append(info.exc_type))

    class Evil:
        def __call__(self, *args):
            pass

        def __del__(self):
            raise kind("from __del__")

    handle = loop.call_soon(Evil())
    handle.cancel()
    loop.call_later(100, Evil()).cancel()
    loop.call_soon(print.__class__.__call__, Evil(), Evil()).cancel()
    loop.call_soon(Evil())
    future = loop.create_future()
    future.set_result(Evil())
    del future, handle
    future = loop.create_future()
    future.add_done_callback(Evil())
    future.cancel()
    del future

    async def returns():
        return Evil()

    loop.run_until_complete(returns())
    a, b = socket.socketpair()
    loop.add_reader(a, Evil())
    loop.remove_reader(a)
    a.close()
    b.close()
    turns(loop, 3)
    collect()
    assert unraisable and set(unraisable) == {kind}
    still_works(loop)


@pytest.mark.parametrize("kind", KINDS)
def test_descriptor_watchers(loop, reports, kind):
    a, b = socket.socketpair()
    b.send(b"x")
    loop.add_reader(a, raises(kind))
    loop.add_writer(a, raises(kind))
    turns(loop)
    assert [type(c["exception"]) for c in reports.take()] == [kind, kind]
    loop.remove_reader(a)
    loop.remove_writer(a)
    a.close()
    b.close()
    still_works(loop)


@pytest.mark.parametrize("kind", ENDING)
def test_descriptor_watchers_that_end_the_run(loop, kind):
    a, b = socket.socketpair()
    b.send(b"x")
    loop.add_reader(a, raises(kind))
    with pytest.raises(kind, match="boom"):
        loop.run_forever()
    loop.remove_reader(a)
    a.close()
    b.close()
    still_works(loop)


@pytest.mark.parametrize("kind", KINDS)
def test_signal_handlers(loop, reports, kind):
    loop.add_signal_handler(signal.SIGUSR1, raises(kind))

    async def main():
        os.kill(os.getpid(), signal.SIGUSR1)
        await until(lambda: reports)

    loop.run_until_complete(main())
    assert type(reports.take_one()["exception"]) is kind
    loop.remove_signal_handler(signal.SIGUSR1)
    still_works(loop)


def test_contexts(loop, reports):
    class NotAContext:
        run = "not callable"

    class RaisingContext:
        def run(self, *args):
            raise ValueError("from the context")

    for context in (NotAContext(), RaisingContext(), 5):
        try:
            loop.call_soon(print, context=context)
        except TypeError:
            continue  # refused at once is fine too
        turns(loop)
        if not reports:
            # CPython 3.12 and later run the handler in the same context, which fails too and is logged.
            continue
        assert isinstance(reports.take_one()["exception"], (TypeError, AttributeError, ValueError))
    entered = contextvars.copy_context()
    entered.run(lambda: (loop.call_soon(int, context=entered), turns(loop)))
    reports.clear()
    still_works(loop)


# Protocols


def serve_and_break(loop, method, kind, *, client_side=False):
    """A server whose protocol raises from `method`; a client that makes it happen; then the same server again."""
    armed = True
    outcomes = []

    class Protocol(Recorder):
        pass

    def wrap(name):
        original = getattr(Recorder, name)

        def method(self, *args):
            nonlocal armed
            result = original(self, *args)
            if armed:
                armed = False
                raise kind(f"from {name}")
            return result

        setattr(Protocol, name, method)

    wrap(method)

    async def main():
        nonlocal armed
        server_class, client_class = (Recorder, Protocol) if client_side else (Protocol, Recorder)
        accepted = []

        def factory():
            accepted.append(server_class())
            return accepted[-1]

        server = await loop.create_server(factory, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        transport, client = await loop.create_connection(client_class, *address)
        await until(lambda: accepted and accepted[0].transport)
        peer = accepted[0]
        one, other = (client, peer) if client_side else (peer, client)
        if method in ("data_received", "eof_received", "connection_lost"):
            other.transport.write(b"x")
            await until(lambda: one.data or one.lost.done())
            if not other.transport.is_closing():
                other.transport.write_eof()
        elif method in ("pause_writing", "resume_writing"):
            other.transport.pause_reading()
            one.transport.write(b"x" * 8_000_000)
            other.transport.resume_reading()
            await until(lambda: len(other.data) == 8_000_000)
        await asyncio.sleep(0.002)
        outcomes.append([one.events, one.transport.is_closing(), other.events])
        for protocol in (peer, client):
            protocol.transport.abort()
        for protocol in (peer, client):
            await protocol.lost
        armed = False
        # The server has survived.
        transport, client = await loop.create_connection(Recorder, *address)
        transport.close()
        await client.lost
        await asyncio.sleep(0.001)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    return outcomes


METHODS = [
    "connection_made",
    "data_received",
    "eof_received",
    "connection_lost",
    "pause_writing",
    "resume_writing",
]


@pytest.mark.parametrize("client_side", [False, True], ids=["server", "client"])
@pytest.mark.parametrize("kind", [ValueError, Odd, asyncio.CancelledError, MemoryError])
@pytest.mark.parametrize("method", METHODS)
def test_protocol_methods(method, kind, client_side):
    def scenario(loop, log):
        for outcome in serve_and_break(loop, method, kind, client_side=client_side):
            # How often a paused writer is told depends on how the kernel takes the bytes.
            log([e for e in outcome[0] if e not in ("resume",)], outcome[1])

    log = differential(scenario)
    assert log


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("kind", [ValueError, Odd])
def test_protocol_factory_of_a_server(loop, reports, kind, debug):
    """The next connection is served (rloop 0.5.0 ended the process). asyncio reports the error in debug mode only."""
    loop.set_debug(debug)
    fail = True

    def factory():
        if fail:
            raise kind("from the factory")
        return Recorder()

    async def main():
        nonlocal fail
        server = await loop.create_server(factory, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        _, client = await loop.create_connection(Recorder, *address)
        await asyncio.wait([client.lost], timeout=0.02)
        client.transport.abort()
        await client.lost
        fail = False
        transport, client = await loop.create_connection(Recorder, *address)
        transport.close()
        await client.lost
        await asyncio.sleep(0.001)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    collect()
    heard = [type(context.get("exception")) for context in reports.take()]
    assert set(heard) <= {kind}
    assert heard or not debug


@pytest.mark.parametrize("kind", [ValueError, Odd, KeyboardInterrupt])
def test_protocol_factory_of_a_client(loop, kind):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        try:
            with pytest.raises(kind, match="boom"):
                await loop.create_connection(raises(kind), *server.sockets[0].getsockname())
        finally:
            server.close()
        collect()

    loop.run_until_complete(main())
    still_works(loop)


def test_a_protocol_that_is_no_protocol(loop, reports):
    async def main():
        for bad in (object, lambda: None, lambda: 5):
            server = await loop.create_server(bad, "127.0.0.1", 0)
            _, client = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
            await asyncio.sleep(0.002)
            client.transport.write(b"x")
            await asyncio.sleep(0.002)
            client.transport.abort()
            await client.lost
            server.close()
            await asyncio.sleep(0.002)
        return True

    assert loop.run_until_complete(main())
    collect()
    reports.take()  # asyncio reports some of it, more in debug mode
    still_works(loop)


@pytest.mark.parametrize("kind", ENDING)
@pytest.mark.parametrize(
    "method", ["connection_made", "data_received", "eof_received", "connection_lost"]
)
def test_protocol_methods_that_end_the_run(loop, reports, method, kind):
    class Ends(Recorder):
        pass

    armed = True

    def end(self, *args):
        nonlocal armed
        getattr(Recorder, method)(self, *args)
        if armed:
            armed = False
            raise kind("from the protocol")

    setattr(Ends, method, end)
    protocols = []

    def factory():
        protocols.append(Ends())
        return protocols[-1]

    async def setup():
        server = await loop.create_server(factory, "127.0.0.1", 0)
        outer = socket.create_connection(server.sockets[0].getsockname())
        return server, outer

    server, outer = None, None

    async def main():
        nonlocal server, outer
        server, outer = await setup()
        outer.sendall(b"x")
        await asyncio.sleep(0.005)
        outer.close()
        await asyncio.sleep(5)

    with pytest.raises(kind, match="from the protocol"):
        loop.run_until_complete(main())
    outer.close()
    for protocol in protocols:
        if protocol.transport:
            protocol.transport.abort()
    server.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    turns(loop, 4)
    collect()
    reports.take()
    still_works(loop)


# Re-entrance


def test_callbacks_that_change_everything():
    def scenario(loop, log):
        handles = []

        def chaos(i):
            log("chaos", i)
            for handle in handles[i + 1 :: 3]:
                handle.cancel()
            if i < 40:
                handles.append(loop.call_soon(chaos, len(handles)))
                handles.append(loop.call_later(0, chaos, len(handles)))
            if i % 7 == 0:
                loop.stop()

        for i in range(10):
            handles.append(loop.call_soon(chaos, i))
        for _ in range(6):
            loop.call_soon(loop.stop)
            loop.run_forever()

    differential(scenario)


def test_running_the_loop_from_within(loop):
    errors = []

    def nested():
        # Not run_forever: in some CPythons (3.13.0) its clean-up after the error breaks the running loop.
        future = loop.create_future()
        for call in (
            lambda: loop.run_until_complete(future),
            lambda: loop.run_until_complete(future),
            loop.close,
        ):
            try:
                call()
            except RuntimeError as error:
                errors.append(str(error))

    loop.call_soon(nested)
    turns(loop)
    assert errors == ["This event loop is already running"] * 2 + [
        "Cannot close a running event loop"
    ]


def test_emfile_on_accept_recovers(loop_name):
    from ..support import run_script

    result = run_script(
        loop_name,
        """
        import asyncio, logging, resource, socket, sys
        from loop_under_test import new_event_loop

        class Echo(asyncio.Protocol):
            def connection_made(self, transport):
                self.transport = transport
            def data_received(self, data):
                self.transport.write(data)

        reports = []
        loop = new_event_loop()
        loop.set_exception_handler(lambda loop, context: reports.append(context))

        async def main():
            server = await loop.create_server(Echo, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            client = socket.socket()
            client.setblocking(False)
            # Leave room for none.
            held = []
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            try:
                while True:
                    held.append(socket.socket())
            except OSError:
                pass
            await loop.sock_connect(client, address)
            while not reports:
                await asyncio.sleep(0.01)
            heard, started = len(reports), loop.time()
            for _ in range(20):
                await asyncio.sleep(0.001)
            print("report", reports[0]["message"], type(reports[0]["exception"]).__name__, sorted(reports[0]))
            print("backs off", len(reports) == heard, loop.time() - started < 0.9)
            for one in held:
                one.close()
            await loop.sock_sendall(client, b"alive")
            print(await asyncio.wait_for(loop.sock_recv(client, 10), 5))
            client.close()
            server.close()

        loop.run_until_complete(main())
        loop.close()
        """,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "report socket.accept() out of system resource OSError ['exception', 'message', 'socket']",
        "backs off True True",
        "b'alive'",
    ], result.stdout


def test_a_class_with_a_metaclass_that_raises(loop, reports):
    """Type checks by the loop must not be fooled into running user code unguarded."""

    class Meta(type):
        def __instancecheck__(cls, instance):
            raise ValueError("from the metaclass")

    class Evil(metaclass=Meta):
        @property
        def __class__(self):
            raise ValueError("from __class__")

        def __call__(self, *args):
            raise ValueError("called")

    loop.call_soon(Evil())
    try:
        turns(loop)
    except ValueError:
        turns(loop)
    reports.take()
    still_works(loop)


def test_recursion_is_an_error_and_no_crash(loop, reports):
    def deep(n=0):
        return deep(n + 1)

    loop.call_soon(deep)
    turns(loop)
    assert isinstance(reports.take_one()["exception"], RecursionError)

    async def chain(n):
        await chain(n + 1)

    with pytest.raises(RecursionError):
        loop.run_until_complete(chain(0))
    still_works(loop)


def test_the_exception_is_the_handled_one_in_the_handler():
    """A handler may use `logging.exception()`, and what it raises shows where it comes from."""

    def scenario(loop, log):
        def handler(loop, context):
            log(
                context["message"],
                sys.exc_info()[1],
                context["exception"].__traceback__ is not None,
            )
            if isinstance(context["exception"], IndexError):
                raise KeyboardInterrupt

        class Raises(asyncio.Protocol):
            def connection_made(self, transport):
                raise ZeroDivisionError("made")

            def data_received(self, data):
                raise ZeroDivisionError("data")

            def connection_lost(self, exc):
                raise ZeroDivisionError("lost")

        def fail(*args):
            raise ZeroDivisionError(*args[1:])

        async def main():
            loop.call_soon(fail, None, "soon")
            loop.call_later(0, fail, None, "later")
            await asyncio.sleep(0.01)
            future = loop.create_future()
            future.add_done_callback(fail)
            future.set_result(None)
            await asyncio.sleep(0.01)
            a, b = socket.socketpair()
            transport, _ = await loop.create_connection(Raises, sock=a)
            await asyncio.sleep(0.01)
            b.send(b"x")
            await asyncio.sleep(0.01)
            b.close()
            transport.close()
            await asyncio.sleep(0.01)
            try:
                raise LookupError("outer")
            except LookupError:
                loop.call_exception_handler({"message": "by hand", "exception": sys.exc_info()[1]})
                log("still", sys.exc_info()[1])
            log("after", sys.exc_info()[1])

        def index_error():
            raise IndexError("original")

        loop.set_exception_handler(handler)
        loop.run_until_complete(main())
        loop.call_soon(index_error)
        try:
            loop.run_forever()
        except KeyboardInterrupt as interrupt:
            log("context", interrupt.__context__)

    differential(scenario)
