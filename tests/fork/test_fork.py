"""fork() in a program with a loop: the child makes and runs a new one, the parent is unharmed."""

import pytest

from ..support import run_script

IGNORE_FORK_WARNING = ("-W", "ignore::DeprecationWarning")


def lines(loop_name, source, *args):
    result = run_script(loop_name, source, *args, python=IGNORE_FORK_WARNING)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_fork_within_a_running_loop(loop_name):
    source = """
        import asyncio, os, sys
        from loop_under_test import new_event_loop, run

        async def child_main():
            server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert await reader.read() == b""
            writer.close()
            await asyncio.to_thread(int)
            server.close()
            return "child"

        async def main():
            ticks = 0
            async def ticking():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0.001)
            ticker = asyncio.ensure_future(ticking())
            await asyncio.to_thread(int)
            await asyncio.sleep(0.005)
            pid = os.fork()
            if pid == 0:
                try:
                    # No loop is running in the child (bpo-21998).
                    assert asyncio._get_running_loop() is None
                    loop = new_event_loop()
                    assert loop.run_until_complete(child_main()) == "child"
                    loop.close()
                    os._exit(0)
                except BaseException as error:
                    print("child failed:", repr(error), file=sys.stderr, flush=True)
                    os._exit(1)
            while True:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    break
                await asyncio.sleep(0.001)
            before = ticks
            await asyncio.sleep(0.01)
            assert ticks > before
            print("status", status)
            assert await asyncio.to_thread(lambda: 5) == 5
            ticker.cancel()
            return "parent"

        print(run(main()))
        """
    assert lines(loop_name, source) == ["status 0", "parent"]


def test_fork_beside_a_loop_that_is_not_running(loop_name):
    source = """
        import asyncio, os, sys
        from loop_under_test import new_event_loop

        loop = new_event_loop()
        loop.run_until_complete(asyncio.sleep(0))
        fired = []
        loop.call_later(0.02, fired.append, 1)
        pid = os.fork()
        if pid == 0:
            mine = new_event_loop()
            mine.run_until_complete(asyncio.sleep(0.001))
            mine.close()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        loop.run_until_complete(asyncio.sleep(0.03))
        print(status, fired)
        loop.close()
        """
    assert lines(loop_name, source) == ["0 [1]"]


def test_the_child_does_not_wake_or_disturb_the_parents_loop(loop_name):
    source = """
        import asyncio, os, socket, sys
        from loop_under_test import new_event_loop

        loop = new_event_loop()
        a, b = socket.socketpair()
        a.setblocking(False)
        got = []

        async def main():
            loop.add_reader(a, lambda: got.append(a.recv(10)))
            await asyncio.sleep(0)
            pid = os.fork()
            if pid == 0:
                try:
                    # What the child does to its copy of the loop's objects stays in the child.
                    loop.call_soon_threadsafe(got.append, "from the child")
                    os._exit(0)
                except BaseException:
                    os._exit(1)
            while not os.waitpid(pid, os.WNOHANG)[0]:
                await asyncio.sleep(0.001)
            b.send(b"x")
            await asyncio.sleep(0.005)
            b.send(b"y")
            await asyncio.sleep(0.005)
            loop.remove_reader(a)

        loop.run_until_complete(main())
        print(got)
        loop.close()
        """
    assert lines(loop_name, source) == ["[b'x', b'y']"]


def test_multiprocessing_with_fork(loop_name):
    source = """
        import asyncio, multiprocessing
        from loop_under_test import run

        def work(n, queue):
            async def main():
                await asyncio.sleep(0.001)
                return n * n
            queue.put(run(main()))

        async def main():
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            processes = [context.Process(target=work, args=(n, queue)) for n in range(4)]
            for process in processes:
                process.start()
            results = sorted([await asyncio.to_thread(queue.get) for _ in processes])
            for process in processes:
                await asyncio.to_thread(process.join)
                assert process.exitcode == 0
            print(results)

        run(main())
        """
    assert lines(loop_name, source) == ["[0, 1, 4, 9]"]


def test_process_pool_executor(loop_name):
    source = """
        import asyncio, concurrent.futures, multiprocessing
        from loop_under_test import run

        async def main():
            context = multiprocessing.get_context("fork")
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                loop = asyncio.get_running_loop()
                print(await asyncio.gather(*[loop.run_in_executor(pool, pow, 2, n) for n in range(5)]))

        run(main())
        """
    assert lines(loop_name, source) == ["[1, 2, 4, 8, 16]"]


def test_fork_while_a_loop_waits_in_another_thread(loop_name):
    """In the child nobody waits any more: what is left of the loop there can be used up."""
    source = """
        import asyncio, os, socket, threading, time
        from loop_under_test import new_event_loop

        loop = new_event_loop()
        a, b = socket.socketpair()
        loop.add_reader(a, a.recv, 10)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        time.sleep(0.02)
        pid = os.fork()
        if pid == 0:
            print(loop.remove_reader(a), flush=True)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        print(status)
        loop.remove_reader(a)
        loop.close()
        """
    assert lines(loop_name, source) == ["True", "0"]


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_write_is_not_sent_again_by_the_child_of_another_thread(loop_name, how):
    """The loop's thread is between a write and the end of its job while another one forks."""
    source = """
        import asyncio, os, socket, sys, threading
        from loop_under_test import new_event_loop

        ours, theirs = socket.socketpair()
        theirs.settimeout(10)
        wrote, forked = threading.Event(), threading.Event()
        loop = new_event_loop()
        transport, _ = loop.run_until_complete(
            loop.connect_accepted_socket(asyncio.Protocol, ours)
        )

        def job():
            transport.write(b"once")
            wrote.set()
            forked.wait(10)
            loop.stop()

        loop.call_soon(job)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        wrote.wait(10)
        pid = os.fork()
        if pid == 0:
            getattr(transport, sys.argv[1])()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        forked.set()
        thread.join()
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        print(status, theirs.recv(100), theirs.recv(100))
        """
    assert lines(loop_name, source, how) == ["0 b'once' b''"]


def test_a_tls_write_is_not_sent_again_by_the_child_of_another_thread(loop_name):
    """It would be under the keys and the number of the parent's next record."""
    source = """
        import asyncio, os, ssl, sys, threading, trustme
        from loop_under_test import new_event_loop

        authority = trustme.CA()
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(server_context)
        client_context = ssl.create_default_context()
        authority.configure_trust(client_context)
        wrote, forked = threading.Event(), threading.Event()
        loop = new_event_loop()
        received = loop.create_future()

        async def serve(reader, writer):
            try:
                received.set_result(await reader.read())
            except Exception as error:
                received.set_result(error)
            writer.close()

        async def main():
            global transport
            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context)
            transport, _ = await loop.create_connection(
                asyncio.Protocol, *server.sockets[0].getsockname(),
                ssl=client_context, server_hostname="localhost",
            )
            transport.write(b"once")
            wrote.set()
            forked.wait(10)
            await asyncio.sleep(0)
            transport.write(b" more")
            transport.close()
            await received
            server.close()

        thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
        thread.start()
        wrote.wait(10)
        pid = os.fork()
        if pid == 0:
            transport.abort()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        forked.set()
        thread.join()
        print(status, received.result())
        loop.close()
        """
    assert lines(loop_name, source) == ["0 b'once more'"]
