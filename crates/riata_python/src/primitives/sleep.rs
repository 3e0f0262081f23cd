//! `sleep`. Mirrors `asyncio.sleep`.

use super::waiters::new_waiter;
use crate::core::class_methods;
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future::any::result_of;
use crate::core::operation::{Kind, Operation, new_operation};
use crate::event_loop::current_task::require_running_loop;
use crate::ffi::{Obj, Res, int, plain_number, raise, to_double, value_error};

/// The delay is the argument, and the result is kept.
static SLEEP: Kind = Kind {
    name: "sleep",
    resume,
};

const YIELDED: u8 = 1;
const WAITING: u8 = 2;

pub fn function() -> Res {
    class_methods::function(
        c"sleep",
        |args| {
            let [delay, result] = args.of("sleep").bind(["delay", "result"], 1)?;
            let operation = new_operation(&SLEEP, Obj::none(), delay.cloned())?;
            if let Some(result) = result {
                Operation::of(&operation).kept.set(result.clone());
            }
            Ok(operation)
        },
        c"sleep(delay, result=None)\n--\n\nWait for delay seconds, and return result. Zero and less wait for one turn of the loop.\n\nCancelled, it raises at once. ValueError: the delay is not a number. Mirrors asyncio.sleep.",
    )
}

fn resume(operation: &Operation, this: &Obj, thrown: Option<Obj>) -> Res<Stepped> {
    match operation.phase.get() {
        0 => begin(operation, this),
        YIELDED => match thrown {
            Some(exception) => rethrow(exception),
            None => Ok(Stepped::Ends(operation.kept.get_or_none())),
        },
        _ => {
            let waiter = operation.waiter.take().unwrap_or_else(Obj::none);
            operation.stop_timer(this, &waiter)?;
            match thrown {
                Some(exception) => rethrow(exception),
                None => result_of(&waiter).map(Stepped::Ends),
            }
        }
    }
}

fn begin(operation: &Operation, this: &Obj) -> Res<Stepped> {
    let delay = operation.argument.get_or_none();
    let seconds = plain_number(&delay);
    let none_left = match seconds {
        Some(seconds) => seconds <= 0.0,
        None => delay.at_most(&int(0)?)?,
    };
    if none_left {
        operation.phase.set(YIELDED);
        return Ok(Stepped::Waits(Obj::none()));
    }
    // `math.isnan` takes what `float` takes.
    let seconds = seconds.map_or_else(|| to_double(&delay), Ok)?;
    if seconds.is_nan() {
        return Err(raise(value_error(), "Invalid delay: NaN (not a number)"));
    }
    let loop_ = require_running_loop()?;
    let waiter = new_waiter(&loop_)?;
    operation.phase.set(WAITING);
    operation.wake_after(this, &loop_, &waiter, &delay, seconds)?;
    operation.wait(waiter)
}
