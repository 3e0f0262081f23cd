//! Requests to cancel a task.

use std::ffi::CStr;

use pyo3::ffi;

use super::{Task, exact};
use crate::core::future;
use crate::ffi::{Obj, Raised, Res, int, interned, raise, take_raised, to_int, tuple};
use crate::state::state;

impl Task {
    /// Pass the request down the chain of tasks that wait for each other, to the one that waits for something else. asyncio
    /// recurses here; a loop has no depth to exceed, but for tasks that wait in a ring.
    pub(super) fn cancel(&self, message: Option<Obj>) -> Res<bool> {
        self.future.forgive();
        if self.future.is_done() {
            return Ok(false);
        }
        match self.hold(None, &message)? {
            true => Ok(true),
            false => self.cancel_now(message),
        }
    }

    /// Let the shield, if there is one, keep a request that came from something within `origin`; it counts once it is
    /// delivered.
    fn hold(&self, origin: Option<&Obj>, message: &Option<Obj>) -> Res<bool> {
        let Some(shield) = self.shield.get() else {
            return Ok(false);
        };
        let message = message.clone().unwrap_or_else(Obj::none);
        let origin = origin.cloned().unwrap_or_else(Obj::none);
        let hold = shield.get(c"_hold")?;
        hold.call(&[message.as_ptr(), origin.as_ptr()])?.truth()
    }

    /// Deliver a request that was held back.
    pub(super) fn deliver(&self, message: &Obj) {
        self.count_cancel_request();
        self.must_cancel.set(true);
        let message = (!message.is_none()).then(|| message.clone());
        self.future.cancel_message.set_opt(message);
        // An exception may be leaving, and whoever made the request take it back before it is delivered.
        self.asked_anew.set(true);
    }

    fn cancel_now(&self, message: Option<Obj>) -> Res<bool> {
        let mut held;
        let mut task = self;
        let (mut mark, mut steps, mut limit) = (&raw const *self, 0u32, 1u32);
        loop {
            task.count_cancel_request();
            let Some(waiter) = task.waiter.get() else {
                break;
            };
            match exact(&waiter) {
                Some(inner) if inner.future.is_done() => break,
                None if cancel_any(&waiter, message.clone())? => return Ok(true),
                None => break,
                Some(_) => {
                    held = waiter;
                    task = Task::of(&held);
                    if std::ptr::eq(task, mark) {
                        return Err(raise_ring());
                    }
                    steps += 1;
                    if steps == limit {
                        (mark, steps, limit) = (&raw const *task, 0, limit.saturating_mul(2));
                    }
                    if task.hold(None, &message)? {
                        return Ok(true);
                    }
                }
            }
        }
        task.must_cancel.set(true);
        task.future.cancel_message.set_opt(message);
        Ok(true)
    }

    fn count_cancel_request(&self) {
        self.asked_anew.set(false);
        self.cancel_requests
            .set(self.cancel_requests.get().saturating_add(1));
        if let Some(core) = self.future.core() {
            core.cancelled(self.task_id());
        }
    }

    pub(super) fn uncancel(&self) -> u32 {
        let left = self.cancel_requests.get().saturating_sub(1);
        self.cancel_requests.set(left);
        // Since 3.13 a request that was taken back before it was delivered is not delivered.
        if left == 0 && (cfg!(Py_3_13) || self.asked_anew.get()) {
            self.must_cancel.set(false);
        }
        left
    }
}

/// `future.cancel(msg=message)`, for ours without a call.
pub fn cancel_any(future: &Obj, message: Option<Obj>) -> Res<bool> {
    if let Some(task) = exact(future) {
        return task.cancel(message);
    }
    if let Some(ours) = future::exact(future) {
        return ours.cancel(future, message);
    }
    let method = future.attr(&state().names.cancel)?;
    let message = message.unwrap_or_else(Obj::none);
    let names = tuple(&[state().names.msg.as_ptr()])?;
    method.call_kw(&[message.as_ptr()], &names)?.truth()
}

/// The `shielded` block that the task is in.
pub fn shield_of(task: &Obj) -> Option<Obj> {
    match exact(task) {
        Some(ours) => ours.shield.get(),
        None => task
            .get_opt(c"_riata_shield")
            .filter(|shield| !shield.is_none()),
    }
}

/// Cancel a task from something that was entered within this shield, or within none. A shield holds back what comes from outside
/// of it.
pub fn cancel_within(shield: Option<&Obj>, task: &Obj, message: Option<Obj>) -> Res<bool> {
    let Some(current) = shield_of(task) else {
        return cancel_any(task, message);
    };
    let inside = shield.is_some_and(|shield| shield.is(current.as_ptr()));
    if let Some(ours) = exact(task) {
        ours.future.forgive();
        return match ours.future.is_done() {
            true => Ok(false),
            false if !inside && ours.hold(shield, &message)? => Ok(true),
            false => ours.cancel_now(message),
        };
    }
    let message = message.unwrap_or_else(Obj::none);
    if !inside {
        let origin = shield.cloned().unwrap_or_else(Obj::none);
        let hold = current.get(c"_hold")?;
        if hold.call(&[message.as_ptr(), origin.as_ptr()])?.truth()? {
            return Ok(true);
        }
    }
    // SAFETY: a live object has a type, which is an object.
    let class = unsafe { Obj::shared(task.type_ptr().cast()) };
    class
        .get(c"cancel")?
        .call(&[task.as_ptr(), message.as_ptr()])?
        .truth()
}

/// `task.cancelling()`; zero for a task that does not know, as those of 3.10.
#[inline]
pub fn cancelling(task: &Obj) -> Res<u32> {
    if let Some(ours) = exact(task) {
        return Ok(ours.cancel_requests.get());
    }
    count_of(task, c"cancelling")
}

/// `task.uncancel()`: how many requests are left; zero for a task that does not know.
#[inline]
pub fn uncancel(task: &Obj) -> Res<u32> {
    if let Some(ours) = exact(task) {
        return Ok(ours.uncancel());
    }
    count_of(task, c"uncancel")
}

/// A request was taken back before it was delivered: since 3.13 `uncancel` sees to that. False when it will be delivered all
/// the same.
pub fn forget_request(task: &Obj) -> Res<bool> {
    if let Some(ours) = exact(task) {
        ours.must_cancel.set(false);
        return Ok(true);
    }
    Ok(!is_to_be_cancelled(task)?)
}

/// Whether a request is on its way to a task that runs: its next await raises.
pub fn is_to_be_cancelled(task: &Obj) -> Res<bool> {
    if let Some(ours) = exact(task) {
        return Ok(ours.must_cancel.get());
    }
    match task.get_opt(c"_must_cancel") {
        Some(pending) => pending.truth(),
        None => Ok(false),
    }
}

/// A group asks its parent to end.
pub fn cancel_for_group(shield: Option<&Obj>, task: &Obj, message: Option<Obj>) -> Res<bool> {
    count_for_group(task, 1);
    if let Some(ours) = exact(task).filter(|ours| ours.must_cancel.get()) {
        // Another request is about to be delivered, with its own message.
        ours.count_cancel_request();
        return Ok(true);
    }
    cancel_within(shield, task, message)
}

/// The group takes that back: how many requests are left.
pub fn uncancel_for_group(task: &Obj) -> Res<u32> {
    count_for_group(task, -1);
    uncancel(task)
}

/// Somebody else's request has ended in an error of what the task ran: it is made anew, and their number stays. asyncio's groups
/// do it since 3.13. Before, `uncancel` does not forget it, so a task that is not ours is asked for the sake of our groups only,
/// which see to that.
pub fn request_anew(task: &Obj, message: Option<Obj>) -> Res<()> {
    let is_forgotten = cfg!(Py_3_13)
        || exact(task).is_some()
        || asked_by_groups(task).is_some_and(|asked| asked > 0);
    if !is_forgotten || cancelling(task)? == 0 {
        return Ok(());
    }
    // What is about to be delivered is that request, or a later one; it may have been made where ours was seen.
    let message = pending_message(task).or(message);
    uncancel(task)?;
    cancel_any(task, message)?;
    if let Some(ours) = exact(task) {
        ours.asked_anew.set(true);
    }
    Ok(())
}

/// The message of a request that is not delivered yet.
fn pending_message(task: &Obj) -> Option<Obj> {
    if let Some(ours) = exact(task) {
        return ours
            .future
            .cancel_message
            .get()
            .filter(|_| ours.must_cancel.get());
    }
    let is_pending = task
        .get_opt(c"_must_cancel")?
        .truth()
        .map_err(take_raised)
        .ok()?;
    let message = task.get_opt(c"_cancel_message").filter(|_| is_pending)?;
    (!message.is_none()).then_some(message)
}

const ASKED_BY_GROUPS: &CStr = c"_riata_asked_by_groups";

/// How often groups have asked a task that is not ours, before 3.13.
fn asked_by_groups(task: &Obj) -> Option<i64> {
    let asked = task.get_opt(ASKED_BY_GROUPS)?;
    to_int(&asked).map_err(take_raised).ok()
}

fn count_for_group(task: &Obj, by: i64) {
    if cfg!(Py_3_13) || exact(task).is_some() {
        return;
    }
    let counted = int(asked_by_groups(task).unwrap_or(0) + by)
        .and_then(|asked| task.set_attr(&interned(ASKED_BY_GROUPS)?, &asked));
    // A task that keeps no attributes is asked as asyncio's group asks it.
    if let Err(raised) = counted {
        drop(take_raised(raised));
    }
}

fn count_of(task: &Obj, name: &CStr) -> Res<u32> {
    match task.get_opt(name) {
        Some(method) => Ok(u32::try_from(to_int(&method.call0()?)?).unwrap_or(u32::MAX)),
        None => Ok(0),
    }
}

/// What asyncio's recursion ends in when tasks wait for each other in a ring.
fn raise_ring() -> Raised {
    // SAFETY: a static exception type.
    raise(
        unsafe { ffi::PyExc_RecursionError },
        "maximum recursion depth exceeded while calling a Python object",
    )
}
