//! Futures of any kind: ours are asked without a call, others by their methods.

use super::exact;
use crate::ffi::{Obj, Res, raise_runtime_error};
use crate::state::state;

pub fn is_done(future: &Obj) -> Res<bool> {
    match exact(future) {
        Some(ours) => Ok(ours.is_done()),
        None => future.method0(&state().names.done)?.truth(),
    }
}

pub fn is_cancelled(future: &Obj) -> Res<bool> {
    match exact(future) {
        Some(ours) => Ok(ours.is_cancelled()),
        None => future.method0(&state().names.cancelled)?.truth(),
    }
}

pub fn set_result(future: &Obj, value: Obj) -> Res<()> {
    match exact(future) {
        Some(ours) => ours.set_result(future, value),
        None => future.method1(&state().names.set_result, &value).map(drop),
    }
}

pub fn set_exception(future: &Obj, exception: &Obj) -> Res<()> {
    match exact(future) {
        Some(ours) => ours.set_exception(future, exception),
        None => future
            .method1(&state().names.set_exception, exception)
            .map(drop),
    }
}

/// Wake who waits for a future. False when it is done already.
#[inline]
pub fn set_unless_done(future: &Obj, value: impl FnOnce() -> Obj) -> Res<bool> {
    match exact(future) {
        Some(ours) if ours.is_done() => Ok(false),
        Some(ours) => ours.set_result(future, value()).map(|()| true),
        None if is_done(future)? => Ok(false),
        None => set_result(future, value()).map(|()| true),
    }
}

/// The exception of a future that is done, which counts as seen by that. A cancellation is none.
pub fn exception_of(future: &Obj) -> Res<Option<Obj>> {
    if let Some(ours) = exact(future) {
        return Ok(match ours.is_cancelled() {
            true => None,
            false => ours.take_notice_of_exception(),
        });
    }
    if is_cancelled(future)? {
        return Ok(None);
    }
    let exception = future.method0(&state().names.exception)?;
    Ok((!exception.is_none()).then_some(exception))
}

/// The result of a future that somebody has waited for, in whose place nothing was thrown.
#[inline]
pub fn result_of(future: &Obj) -> Res {
    match exact(future) {
        Some(ours) if ours.is_done() => ours.result(),
        None if is_done(future)? => future.method0(&state().names.result),
        _ => Err(raise_runtime_error("await wasn't used with future")),
    }
}
