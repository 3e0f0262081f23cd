//! `wait_for`. Mirrors `asyncio.wait_for` of the Python at hand: from 3.12 on the awaitable runs in the same task, before in a
//! new one, which context variables and `current_task` show.

use super::waiters::{is_cancellation, message_of, new_waiter, outcome, watch};
use super::{holders, timeout};
use crate::core::class_methods;
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future::any::{is_done, result_of};
use crate::core::operation::{Kind, Operation, drive, is_coroutine, iterator_of, new_operation};
use crate::core::task::{cancel_any, new_task};
use crate::core::timeout::Timeout;
use crate::event_loop::LoopCore;
use crate::event_loop::current_task::require_running_loop;
use crate::ffi::{
    Obj, Raised, Res, Sent, aside, float, int, plain_number, set_cause, set_context, set_exception,
    take_raised, to_double, tuple,
};
use crate::state::state;

/// The awaitable is the argument; the timeout is kept, first as it was given, then as the `Timeout` that was entered, or that the
/// new task runs within.
static WAIT_FOR: Kind = Kind {
    name: "wait_for",
    resume,
};

/// The awaitable is driven, without a timeout or within one.
const BARE: u8 = 1;
const TIMED: u8 = 2;
/// The argument is a future by now: wait for its end or the time, for its end before what is kept is raised, or for its end
/// since the time is over.
const WAITING: u8 = 3;
const CANCELLING: u8 = 4;
const TIMED_OUT: u8 = 5;

pub fn function() -> Res {
    class_methods::function(
        c"wait_for",
        |args| {
            let [awaitable, timeout] = args.of("wait_for").bind(["fut", "timeout"], 2)?;
            let none = Obj::none();
            let operation = new_operation(&WAIT_FOR, none, awaitable.cloned())?;
            Operation::of(&operation).kept.set_opt(timeout.cloned());
            Ok(operation)
        },
        c"wait_for(fut, timeout)\n--\n\nWait for an awaitable, for timeout seconds at most (None: for ever), and return its result.\n\nTimeoutError: the time is over; the awaitable was cancelled and has ended. Cancelled itself, it cancels the awaitable and waits for its end. Mirrors asyncio.wait_for.",
    )
}

fn resume(operation: &Operation, this: &Obj, thrown: Option<Obj>) -> Res<Stepped> {
    if operation.phase.get() == 0 {
        if let Some(waits) = begin(operation, this)? {
            return Ok(waits);
        }
    }
    match operation.phase.get() {
        BARE => match drive(operation, thrown) {
            Sent::Yielded(value) => yielded(operation, value),
            Sent::Returned(value) => Ok(Stepped::Ends(value)),
            Sent::Raised => Err(Raised),
        },
        TIMED => match drive(operation, thrown) {
            Sent::Yielded(value) => yielded(operation, value),
            Sent::Returned(value) => {
                leave(operation, None)?;
                Ok(Stepped::Ends(value))
            }
            Sent::Raised => {
                let exception = take_raised(Raised);
                leave(operation, Some(&exception))?;
                rethrow(exception)
            }
        },
        _ => woken(operation, this, thrown),
    }
}

fn yielded(operation: &Operation, value: Obj) -> Res<Stepped> {
    operation.waiter.set(value.clone());
    Ok(Stepped::Waits(value))
}

fn begin(operation: &Operation, this: &Obj) -> Res<Option<Stepped>> {
    let awaitable = operation.argument.get_or_none();
    let seconds = operation.kept.take().unwrap_or_else(Obj::none);
    if seconds.is_none() {
        operation.phase.set(BARE);
        operation.inner.set(iterator_of(&awaitable)?);
        return Ok(None);
    }
    if is_over(&seconds)? {
        // What has not begun does not begin.
        let future = as_future(&awaitable, &require_running_loop()?)?;
        operation.argument.set(future.clone());
        if let Some(seconds) = plain_number(&seconds) {
            operation.kept.set(timeout::after(&float(seconds)?)?);
        }
        if is_done(&future)? {
            return Ok(Some(Stepped::Ends(result_of(&future)?)));
        }
        watch_only(&future, this)?;
        return cancel_and_wait(operation, &future, TIMED_OUT, None).map(Some);
    }
    if cfg!(not(Py_3_12)) {
        return begin_in_task(operation, this, &awaitable, &seconds).map(Some);
    }
    let timeout = timeout::after(&seconds)?;
    Timeout::of(&timeout).enter(&timeout)?;
    operation.kept.set(timeout);
    operation.phase.set(TIMED);
    match iterator_of(&awaitable) {
        Ok(iterator) => operation.inner.set(iterator),
        Err(raised) => {
            aside(|| leave(operation, None))?;
            return Err(raised);
        }
    }
    Ok(None)
}

/// Without any time.
fn is_over(seconds: &Obj) -> Res<bool> {
    match plain_number(seconds) {
        Some(seconds) => Ok(seconds <= 0.0),
        None => seconds.at_most(&int(0)?),
    }
}

fn leave(operation: &Operation, exception: Option<&Obj>) -> Res<()> {
    let timeout = operation.kept.get_or_none();
    Timeout::of(&timeout).exit(&timeout, exception)
}

fn begin_in_task(
    operation: &Operation,
    this: &Obj,
    awaitable: &Obj,
    seconds: &Obj,
) -> Res<Stepped> {
    let loop_ = require_running_loop()?;
    let waiter = new_waiter(&loop_)?;
    let delay = to_double(seconds)?;
    let timeout = timeout::after(&float(delay)?)?;
    operation.wake_after(this, &loop_, &waiter, seconds, delay)?;
    operation.kept.set(timeout.clone());
    let watched = Timeout::of(&timeout)
        .cover(&timeout, &loop_, || as_future(awaitable, &loop_))
        .and_then(|future| {
            operation.argument.set(future.clone());
            watch_only(&future, this)
        });
    if let Err(raised) = watched {
        uncover(operation);
        aside(|| operation.stop_timer(this, &waiter))?;
        return Err(raised);
    }
    operation.phase.set(WAITING);
    operation.wait(waiter)
}

/// Tasks that go on, or were begun by the one that has ended, have all their time again.
fn uncover(operation: &Operation) {
    if let Some(timeout) = operation.kept.get() {
        Timeout::of(&timeout).uncover();
    }
}

/// `asyncio.ensure_future`.
pub fn as_future(awaitable: &Obj, loop_: &Obj) -> Res {
    let core = LoopCore::of(loop_).filter(|core| core.makes_tasks() && is_coroutine(awaitable));
    if let Some(core) = core {
        return new_task(loop_, core, awaitable, None, None, false);
    }
    let names = tuple(&[state().names.loop_.as_ptr()])?;
    let args = [awaitable.as_ptr(), loop_.as_ptr()];
    let future = state().ensure_future.call_kw(&args, &names)?;
    if Operation::is(awaitable) {
        holders::let_act_for_current(&future);
    }
    Ok(future)
}

/// Let the end of a future wake the operation.
fn watch_only(future: &Obj, this: &Obj) -> Res<()> {
    Operation::of(this).left.set(1);
    Operation::of(this).wakes_on_failure.set(false);
    watch(future, this)
}

fn cancel_and_wait(
    operation: &Operation,
    future: &Obj,
    phase: u8,
    message: Option<Obj>,
) -> Res<Stepped> {
    operation.phase.set(phase);
    let waiter = new_waiter(&require_running_loop()?)?;
    cancel_any(future, message)?;
    operation.wait(waiter)
}

fn woken(operation: &Operation, this: &Obj, thrown: Option<Obj>) -> Res<Stepped> {
    let waiter = operation.waiter.take().unwrap_or_else(Obj::none);
    operation.stop_timer(this, &waiter)?;
    let future = operation.argument.get_or_none();
    let ended = outcome(&waiter, thrown);
    let phase = operation.phase.get();
    if phase == WAITING && ended.is_ok() && !is_done(&future)? {
        let timeout = operation.kept.get_or_none();
        Timeout::of(&timeout).note_awaited(&timeout, &future);
        return cancel_and_wait(operation, &future, TIMED_OUT, None);
    }
    if phase != CANCELLING {
        uncover(operation);
    }
    match (phase, ended) {
        (WAITING, Ok(_)) => Ok(Stepped::Ends(result_of(&future)?)),
        (WAITING, Err(exception)) if is_cancellation(&exception) => {
            if is_done(&future)? {
                return Ok(Stepped::Ends(result_of(&future)?));
            }
            let message = message_of(&exception);
            operation.kept.set(exception);
            cancel_and_wait(operation, &future, CANCELLING, message)
        }
        (CANCELLING, Ok(_)) => rethrow(operation.kept.get_or_none()),
        (CANCELLING, Err(exception)) => {
            set_context(&exception, &operation.kept.get_or_none());
            rethrow(exception)
        }
        (TIMED_OUT, Ok(_)) => timed_out(operation, &future),
        (_, Err(exception)) => rethrow(exception),
        (_, Ok(_)) => Ok(Stepped::Ends(Obj::none())),
    }
}

/// The time was over, and the future has ended: it may have had a result all the same, or another exception.
fn timed_out(operation: &Operation, future: &Obj) -> Res<Stepped> {
    let exception = match result_of(future) {
        Ok(result) => return Ok(Stepped::Ends(result)),
        Err(Raised) => take_raised(Raised),
    };
    if !is_cancellation(&exception) {
        return rethrow(exception);
    }
    let error = match operation.kept.get() {
        Some(timeout) => Timeout::of(&timeout).error(Some(&exception))?,
        None => {
            let error = state().timeout_error_class.call0()?;
            set_cause(&error, &exception);
            set_context(&error, &exception);
            error
        }
    };
    Err(set_exception(error))
}
