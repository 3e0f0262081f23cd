"""Random programs of callbacks, timers, contexts, other threads, stops and errors of all kinds, on asyncio's loop and on
the loop under test."""

import asyncio
import contextvars
import threading

from hypothesis import given
from hypothesis import strategies as st

from ..support import turns
from .fuzzing import compare, examples, marks

pytestmark = marks
VARIABLE = contextvars.ContextVar("VARIABLE", default="none")
ERRORS = [ValueError, KeyboardInterrupt, SystemExit, asyncio.CancelledError, StopIteration]

some_handle = st.integers(0, 12)
simple = st.one_of(
    st.tuples(st.just("cancel"), some_handle),
    st.tuples(st.just("cancel"), some_handle),
    st.tuples(st.just("drop"), some_handle),
    st.tuples(st.just("look"), some_handle),
    st.tuples(st.just("run handle"), some_handle),
    st.tuples(st.just("set variable")),
    st.tuples(st.just("get variable")),
    st.tuples(st.just("raise"), st.sampled_from(ERRORS)),
    st.tuples(st.just("stop")),
    st.tuples(st.just("run")),
    st.tuples(st.just("close")),
    st.tuples(st.just("handler"), st.sampled_from(["logs", "raises", "interrupts", "default"])),
    st.tuples(st.just("report")),
    st.tuples(st.just("not callable")),
)


def scheduling(body):
    """A callback that does what its body says, and so on."""
    bodies = st.lists(body, max_size=3)
    return st.one_of(
        st.tuples(st.just("soon"), st.sampled_from([None, None, 0, 1]), bodies),
        st.tuples(st.just("timer"), st.sampled_from([None, None, 0, 1]), bodies, st.integers(0, 9)),
        st.tuples(st.just("far timer"), bodies),
        st.tuples(st.just("threadsafe"), bodies),
        st.tuples(st.just("from a thread"), bodies),
    )


operation = st.recursive(simple, lambda body: st.one_of(scheduling(body), body), max_leaves=12)
program = st.lists(st.one_of(scheduling(operation), operation), max_size=14)


class Interpreter:
    def __init__(self, loop, log):
        self.loop, self.log = loop, log
        self.handles, self.every = [], []
        self.made = self.budget = 0
        self.contexts = [contextvars.Context(), contextvars.copy_context()]

    def do(self, body, label=()):
        for number, one in enumerate(body):
            self.perform((*label, number), *one)

    def schedule(self, kind, where, how, body, **options):
        if self.budget >= 60:
            return
        self.budget += 1
        self.made += 1
        label = self.made

        def callback():
            self.log("ran", label, VARIABLE.get())
            self.do(body, (label,))

        handle = how(callback, **options)
        self.log("made", kind, where, label)
        self.handles.append(handle)
        self.every.append(handle)

    def perform(self, where, what, *details):
        loop, log = self.loop, self.log
        if what in ("soon", "timer"):
            options = {} if details[0] is None else {"context": self.contexts[details[0]]}
            # All in the past and no two alike: asyncio's heap is in no order for those.
            when = -1000 + (details[2] if what == "timer" else 0) + self.made / 1000
            how = loop.call_soon if what == "soon" else lambda *a, **k: loop.call_at(when, *a, **k)
            self.schedule(what, where, how, details[1], **options)
        elif what == "far timer":
            self.schedule(what, where, lambda f: loop.call_later(1000, f), details[0])
        elif what == "threadsafe":
            self.schedule(what, where, loop.call_soon_threadsafe, details[0])
        elif what == "from a thread":
            arguments = (what, where, loop.call_soon_threadsafe, details[0])
            thread = threading.Thread(target=self.schedule, args=arguments)
            thread.start()
            thread.join()
        elif what in ("cancel", "drop", "look", "run handle"):
            if details[0] >= len(self.handles) or self.handles[details[0]] is None:
                return
            handle = self.handles[details[0]]
            if what == "cancel":
                handle.cancel()
            elif what == "drop":
                self.handles[details[0]] = None
            elif what == "run handle":
                # What a library does that puts a handle of its own into the loop.
                if handle.cancelled() or self.budget >= 60:
                    return
                self.budget += 1
                log(where, "runs", details[0])
                handle._run()
            else:
                log(where, handle.cancelled(), hasattr(handle, "when"))
        elif what == "set variable":
            VARIABLE.set(repr(where))
        elif what == "get variable":
            log(where, VARIABLE.get())
        elif what == "raise":
            log(where, "raises")
            raise details[0](f"at {where}")
        elif what == "stop":
            loop.stop()
        elif what == "run":
            # Not run_forever: in 3.12 and 3.13 asyncio's forgets, before it refuses, that it is stopping.
            if loop.is_running():
                log.attempt(where, loop.run_until_complete, None)
        elif what == "close":
            if loop.is_running():
                log.attempt(where, loop.close)
        elif what == "handler":
            loop.set_exception_handler(getattr(self, f"handler_{details[0]}", None))
        elif what == "report":
            context = {"message": f"at {where}", "exception": KeyError(1)}
            log.attempt(where, loop.call_exception_handler, context)
        elif what == "not callable":
            # Only debug mode looks; otherwise it is found when it is called.
            self.handles.append(loop.call_soon(7))

    def handler_logs(self, loop, context):
        self.log("handler", context.get("message"), context.get("exception"), VARIABLE.get())

    def handler_raises(self, loop, context):
        self.log("handler raises")
        raise LookupError("in the handler")

    def handler_interrupts(self, loop, context):
        self.log("handler interrupts")
        raise KeyboardInterrupt


def interpreter(operations):
    def scenario(loop, log):
        run = Interpreter(loop, log)
        loop.set_exception_handler(run.handler_logs)
        for number, one in enumerate(operations):
            try:
                run.perform(("top", number), *one)
            except BaseException as error:
                log("top", number, "raised", error)
        for number in range(12):
            try:
                turns(loop)
            except BaseException as error:
                log("turn", number, "raised", error)
            log("turn", number, loop.is_running())
        log([handle.cancelled() for handle in run.handles if handle is not None])
        # What is left could raise while the loop is being closed.
        for handle in run.every:
            handle.cancel()

    return lambda loop, log: contextvars.copy_context().run(scenario, loop, log)


@examples(150)
@given(program)
def test_random_callbacks(operations):
    compare(interpreter(operations))


@examples(50)
@given(program)
def test_random_callbacks_in_debug_mode(operations):
    compare(interpreter([one for one in operations if one[0] != "not callable"]), debug=True)
