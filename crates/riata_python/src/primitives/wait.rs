//! `wait`. Mirrors `asyncio.wait`.

use super::wait_for::as_future;
use super::waiters::{new_waiter, outcome, unwatch, watch};
use crate::core::class_methods;
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future;
use crate::core::future::any::is_done;
use crate::core::operation::{Kind, Operation, is_coroutine, new_operation};
use crate::event_loop::current_task::require_running_loop;
use crate::ffi::{
    Obj, Res, aside, assertion_error, deprecation_warning, int, plain_number, raise,
    raise_type_error, set, set_add, set_items, set_of, string, to_double, tuple, type_name, utf8,
    value_error,
};
use crate::state::state;

/// The argument is what was given, then the set of futures. Before it begins, the timeout is kept, and what it waits for is
/// `inner`; on 3.14 the task that waits is kept from then on.
static WAIT: Kind = Kind {
    name: "wait",
    resume,
};

const WAITING: u8 = 1;

pub fn function() -> Res {
    class_methods::function(
        c"wait",
        |args| {
            let args = args.of("wait");
            args.at_most(1, 1)?;
            let [futures, timeout, return_when] =
                args.bind(["fs", "timeout", "return_when"], 1)?;
            let operation = new_operation(&WAIT, Obj::none(), futures.cloned())?;
            let this = Operation::of(&operation);
            this.kept.set_opt(timeout.cloned());
            this.inner.set_opt(return_when.cloned());
            Ok(operation)
        },
        c"wait(fs, *, timeout=None, return_when='ALL_COMPLETED')\n--\n\nWait for futures and tasks, for timeout seconds at most (None: for ever); return two sets, those that are done and those that are not.\n\nreturn_when says what ends it earlier: FIRST_COMPLETED, or FIRST_EXCEPTION. Neither the end of the time nor a cancellation cancels them. ValueError: there are none. TypeError: coroutines are among them. Mirrors asyncio.wait.",
    )
}

fn resume(operation: &Operation, this: &Obj, thrown: Option<Obj>) -> Res<Stepped> {
    if operation.phase.get() != WAITING {
        return begin(operation, this);
    }
    let waiter = operation.waiter.take().unwrap_or_else(Obj::none);
    let futures = set_items(&operation.argument.get_or_none())?;
    let ended = outcome(&waiter, thrown);
    operation.stop_timer(this, &waiter)?;
    leave(operation, this, &futures)?;
    if let Err(exception) = ended {
        return rethrow(exception);
    }
    let (done, pending) = (set()?, set()?);
    for future in &futures {
        let place = if is_done(future)? { &done } else { &pending };
        set_add(place, future)?;
    }
    Ok(Stepped::Ends(tuple(&[done.as_ptr(), pending.as_ptr()])?))
}

fn begin(operation: &Operation, this: &Obj) -> Res<Stepped> {
    let given = operation.argument.get_or_none();
    let seconds = operation.kept.take().filter(|seconds| !seconds.is_none());
    require_several(&given)?;
    let until = Until::named(operation.inner.take())?;
    let loop_ = require_running_loop()?;
    let set = futures_of(&given, &loop_)?;
    let futures = set_items(&set)?;
    let count = futures.len();
    if count == 0 {
        return Err(raise(assertion_error(), "Set of Futures is empty."));
    }
    operation.argument.set(set);
    operation
        .wakes_on_failure
        .set(until == Until::FirstException);
    operation.left.set(if until == Until::FirstCompleted {
        1
    } else {
        count
    });
    let waiter = new_waiter(&loop_)?;
    if let Some(delay) = seconds {
        let seconds = match plain_number(&delay) {
            Some(seconds) => seconds,
            None => {
                // What is no number is refused as `call_later` does it.
                loop_.method0(&state().names.time)?.add(&delay)?;
                to_double(&delay)?
            }
        };
        operation.wake_after(this, &loop_, &waiter, &delay, seconds)?;
    }
    operation.phase.set(WAITING);
    if let Err(raised) = enter(operation, this, &loop_, &futures) {
        aside(|| operation.stop_timer(this, &waiter))?;
        return Err(raised);
    }
    operation.wait(waiter)
}

/// Something to wait for at all, and not one future or coroutine alone.
fn require_several(futures: &Obj) -> Res<()> {
    if any_coroutine(futures)? || state().isfuture.call1(futures)?.truth()? {
        return Err(raise_type_error(&format!(
            "expect a list of futures, not {}",
            type_name(futures)?
        )));
    }
    if !futures.truth()? {
        let what = if cfg!(Py_3_11) { "Tasks" } else { "coroutines" };
        let message = format!("Set of {what}/Futures is empty.");
        return Err(raise(value_error(), &message));
    }
    Ok(())
}

#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Until {
    FirstCompleted,
    FirstException,
    AllCompleted,
}

impl Until {
    fn named(return_when: Option<Obj>) -> Res<Until> {
        let Some(return_when) = return_when else {
            return Ok(Until::AllCompleted);
        };
        for (name, until) in [
            ("FIRST_COMPLETED", Until::FirstCompleted),
            ("FIRST_EXCEPTION", Until::FirstException),
            ("ALL_COMPLETED", Until::AllCompleted),
        ] {
            if return_when.equals(&string(name)?)? {
                return Ok(until);
            }
        }
        let shown = utf8(&return_when.get(c"__str__")?.call0()?)?;
        let message = format!("Invalid return_when value: {shown}");
        Err(raise(value_error(), &message))
    }
}

/// A set of them. Coroutines are refused, by 3.10 made tasks of.
fn futures_of(given: &Obj, loop_: &Obj) -> Res {
    let futures = set_of(given)?;
    let items = set_items(&futures)?;
    let mut found = false;
    for item in &items {
        found = found || any_coroutine(item)?;
    }
    if cfg!(Py_3_11) {
        return match found {
            true => Err(raise_type_error(
                "Passing coroutines is forbidden, use tasks explicitly.",
            )),
            false => Ok(futures),
        };
    }
    if found {
        let text = "The explicit passing of coroutine objects to asyncio.wait() is deprecated since Python 3.8, and scheduled for removal in Python 3.11.";
        let (text, level) = (string(text)?, int(1)?);
        let category = deprecation_warning();
        state()
            .warn
            .call(&[text.as_ptr(), category.as_ptr(), level.as_ptr()])?;
    }
    let futures = set()?;
    for item in &items {
        set_add(&futures, &as_future(item, loop_)?)?;
    }
    Ok(futures)
}

/// `asyncio.iscoroutine`.
fn any_coroutine(object: &Obj) -> Res<bool> {
    if future::exact(object).is_some() {
        return Ok(false);
    }
    Ok(is_coroutine(object) || state().iscoroutine.call1(object)?.truth()?)
}

#[cfg_attr(
    not(Py_3_14),
    expect(unused_variables, reason = "3.14 has a call graph")
)]
fn enter(operation: &Operation, this: &Obj, loop_: &Obj, futures: &[Obj]) -> Res<()> {
    #[cfg(Py_3_14)]
    operation
        .kept
        .set_opt(crate::event_loop::current_task::current_task(loop_)?);
    for future in futures {
        watch(future, this)?;
        #[cfg(Py_3_14)]
        future::call_graph::add_to_awaited_by(future, &operation.kept.get_or_none())?;
    }
    Ok(())
}

/// Nothing of this stays with the futures.
fn leave(operation: &Operation, this: &Obj, futures: &[Obj]) -> Res<()> {
    let waits = operation.kept.get();
    for future in futures {
        unwatch(future, this)?;
        #[cfg(Py_3_14)]
        if let Some(task) = &waits {
            future::call_graph::discard_from_awaited_by(future, task)?;
        }
    }
    drop(waits);
    Ok(())
}
