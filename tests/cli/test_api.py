"""`riata.run`, `riata.install` and the policy, beside what asyncio does."""

import asyncio
import contextvars
import sys
import threading
import warnings

import pytest

import riata

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def is_riata(loop):
    return isinstance(loop, riata.EventLoop)


@pytest.fixture
def loop_kept():
    """Keep warnings as errors, and asyncio as it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        riata.uninstall()


async def running_loop():
    return asyncio.get_running_loop()


@pytest.mark.parametrize("run", [asyncio.run, riata.run])
class TestRun:
    def test_result(self, run):
        async def main():
            await asyncio.sleep(0)
            return "done"

        assert run(main()) == "done"

    def test_loop_is_closed(self, run):
        loop = run(running_loop())
        assert loop.is_closed()
        assert is_riata(loop) == (run is riata.run)

    def test_error(self, run):
        async def main():
            raise LookupError("here")

        with pytest.raises(LookupError, match="here"):
            run(main())

    @pytest.mark.parametrize("debug", [True, False])
    def test_debug(self, run, debug):
        async def main():
            return asyncio.get_running_loop().get_debug()

        assert run(main(), debug=debug) is debug

    def test_no_coroutine(self, run):
        with pytest.raises((ValueError, TypeError), match=r"coroutine|awaitable"):
            run(lambda: None)

    def test_within_a_running_loop(self, run):
        async def main():
            inner = running_loop()
            with pytest.raises(
                RuntimeError, match=r"asyncio.run\(\) cannot be called from a running"
            ):
                run(inner)
            inner.close()

        run(main())

    def test_remaining_tasks_are_cancelled(self, run):
        seen = []

        async def forever():
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                seen.append("cancelled")

        async def main():
            tasks.append(asyncio.ensure_future(forever()))
            await asyncio.sleep(0)

        tasks = []
        run(main())
        assert seen == ["cancelled"]

    def test_error_of_a_remaining_task_is_reported(self, run):
        reports = []

        async def stubborn():
            try:
                await asyncio.Event().wait()
            finally:
                raise OSError("in clean-up")

        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: reports.append(context))
            tasks.append(asyncio.ensure_future(stubborn()))
            await asyncio.sleep(0)

        tasks = []
        run(main())
        (report,) = reports
        assert report["message"] == "unhandled exception during asyncio.run() shutdown"
        assert str(report["exception"]) == "in clean-up"
        assert report["task"] is tasks[0]

    def test_generators_are_closed(self, run):
        seen = []

        async def numbers():
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(0)
                seen.append("closed")

        async def main():
            kept.append(numbers())
            async for _ in kept[0]:
                break

        kept = []
        run(main())
        assert seen == ["closed"]

    def test_context_is_copied(self, run):
        async def main():
            variable.set("set")
            return variable.get()

        assert run(main()) == "set"
        assert variable.get() == "unset"

    def test_in_a_thread(self, run):
        results = []
        thread = threading.Thread(target=lambda: results.append(run(asyncio.sleep(0, "done"))))
        thread.start()
        thread.join()
        assert results == ["done"]


def test_install(loop_kept):
    assert not is_riata(asyncio.run(running_loop()))
    riata.install()
    riata.install()
    assert is_riata(asyncio.run(running_loop()))
    loop = asyncio.new_event_loop()
    loop.close()
    assert is_riata(loop)
    if sys.version_info >= (3, 11):
        with asyncio.Runner() as runner:
            assert is_riata(runner.get_loop())
    riata.uninstall()
    riata.uninstall()
    assert not is_riata(asyncio.run(running_loop()))


@pytest.mark.skipif(sys.version_info >= (3, 16), reason="there are no policies since CPython 3.16")
def test_install_again_after_the_policy_was_reset(loop_kept):
    riata.install()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of policies, since 3.14
        asyncio.set_event_loop_policy(None)
    assert not is_riata(asyncio.run(running_loop()))
    riata.install()
    assert is_riata(asyncio.run(running_loop()))
    riata.uninstall()
    assert not is_riata(asyncio.run(running_loop()))


def test_install_leaves_named_classes_alone(loop_kept):
    riata.install()
    loop = asyncio.SelectorEventLoop()
    loop.close()
    assert not is_riata(loop)


if sys.version_info < (3, 14):

    def test_install_covers_get_event_loop(loop_kept):
        riata.install()
        warnings.simplefilter("ignore", DeprecationWarning)  # asyncio's own
        loop = asyncio.get_event_loop()
        loop.close()
        asyncio.set_event_loop(None)
        assert is_riata(loop)


if sys.version_info < (3, 16):

    class TestPolicy:
        @pytest.fixture(autouse=True)
        def quiet(self):
            """Ignore what asyncio itself says about policies on 3.14 and 3.15; restore the policy."""
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                yield
                asyncio.set_event_loop_policy(None)

        def test_policy(self):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                policy = riata.EventLoopPolicy()
            assert isinstance(policy, asyncio.AbstractEventLoopPolicy)
            asyncio.set_event_loop_policy(policy)
            assert is_riata(asyncio.run(running_loop()))

        def test_policy_of_the_program_survives_uninstall(self):
            class Own(asyncio.DefaultEventLoopPolicy):
                pass

            riata.install()
            own = Own()
            asyncio.set_event_loop_policy(own)
            riata.uninstall()
            assert asyncio.get_event_loop_policy() is own

        def test_policy_of_the_program_comes_back(self):
            own = asyncio.DefaultEventLoopPolicy()
            asyncio.set_event_loop_policy(own)
            riata.install()
            assert asyncio.get_event_loop_policy() is not own
            riata.uninstall()
            assert asyncio.get_event_loop_policy() is own

        if sys.version_info < (3, 12):  # deprecated since

            def test_child_watcher(self):
                asyncio.set_event_loop_policy(riata.EventLoopPolicy())
                assert isinstance(asyncio.get_child_watcher(), asyncio.ThreadedChildWatcher)


if sys.version_info >= (3, 11):

    def test_runner_with_our_factory():
        with asyncio.Runner(loop_factory=riata.new_event_loop) as runner:
            assert is_riata(runner.run(running_loop()))


def test_install_where_there_are_no_policies(loop_kept, monkeypatch):
    """Pythons to come have no policies; there the functions themselves are replaced."""
    monkeypatch.delattr(asyncio.events, "_set_event_loop_policy", raising=False)
    monkeypatch.delattr(asyncio, "set_event_loop_policy")
    original = asyncio.new_event_loop
    riata.install()
    assert asyncio.new_event_loop is riata.new_event_loop is asyncio.events.new_event_loop
    riata.uninstall()
    assert asyncio.new_event_loop is original is asyncio.events.new_event_loop
