"""Forks and descriptors of the loop itself."""

import asyncio
import fcntl
import os

from registry import probe
from support import open_fds


@probe(issue="uvloop#39")
def fork_of_a_new_loop(new_loop):
    """A child of `os.fork()` runs a loop of its own, while the parent's runs on"""
    loop = new_loop()

    async def main():
        pid = os.fork()
        if pid == 0:
            try:
                asyncio._set_running_loop(None)
                other = new_loop()
                other.run_until_complete(asyncio.sleep(0.001))
                other.close()
                os._exit(7)
            finally:
                os._exit(1)
        await asyncio.sleep(0.01)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    status = loop.run_until_complete(main())
    assert status == 7, f"the child ended with {status}"


@probe(issue="uvloop#749")
def at_fork_hooks(new_loop):
    """`os.register_at_fork` hooks run when a loop's program forks, in parent and child, and may use a lock"""
    import threading

    lock, seen = threading.Lock(), []
    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
    os.register_at_fork(after_in_parent=lambda: seen.append("parent"))
    loop = new_loop()

    async def main():
        process = await asyncio.create_subprocess_exec("true", preexec_fn=int)
        await process.wait()
        assert not lock.locked(), "the lock is held"
        return seen

    assert loop.run_until_complete(main()) == ["parent"], f"seen: {seen}"


@probe()
def multiprocessing_fork(new_loop):
    """`multiprocessing` with the fork method runs `asyncio` in a child of a running loop"""
    import multiprocessing

    def child(queue):
        loop = new_loop()
        asyncio._set_running_loop(None)
        queue.put(loop.run_until_complete(asyncio.sleep(0, "done")))

    loop = new_loop()
    context = multiprocessing.get_context("fork")

    async def main():
        queue = context.SimpleQueue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        result = await loop.run_in_executor(None, queue.get)
        process.join()
        return result

    assert loop.run_until_complete(main()) == "done"


@probe()
def descriptors_close_on_exec(new_loop):
    """Every descriptor that the loop opens, its servers' and connections' too, is close-on-exec"""
    before = open_fds()
    loop = new_loop()

    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        transport, _ = await loop.create_connection(
            asyncio.Protocol, *server.sockets[0].getsockname()
        )
        await asyncio.sleep(0.005)
        inherited = [
            fd
            for fd in open_fds() - before
            if not fcntl.fcntl(int(fd), fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        ]
        transport.close()
        server.close()
        return inherited

    inherited = loop.run_until_complete(main())
    assert not inherited, f"{len(inherited)} are inherited"


@probe()
def close_leaves_no_descriptors(new_loop):
    """A closed loop leaves no descriptor open"""
    before = set()
    for round_ in range(4):
        if round_ == 1:
            before = open_fds()  # what the first leaves may be kept for the next
        loop = new_loop()

        async def main():
            server = await asyncio.start_server(
                lambda reader, writer: writer.close(), "127.0.0.1", 0
            )
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.read()
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()

        loop.run_until_complete(main())
        loop.close()
    left = open_fds() - before
    assert not left, f"{len(left)} are left after three loops"
