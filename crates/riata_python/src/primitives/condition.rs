//! `Condition`. Mirrors `asyncio.Condition`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::lock::Lock;
use super::waiters::{LoopBound, Waiters, is_cancellation, outcome, visit_slot};
use super::{copying, refuse_loop, repr_with};
use crate::core::args::Args;
use crate::core::class_methods::{fastcall_of, noargs_of};
use crate::core::context_methods::{self, Owner, Place};
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::operation::{Kind, Operation, drive, iterator_of, new_operation};
use crate::core::ready::ready;
use crate::core::typespec::add_to;
use crate::ffi::{
    GilBound, Obj, Raised, Res, Sent, Slot, drop_empty_dict, obj, plain_number,
    raise_runtime_error, set_context, set_exception, take_raised, to_int_saturating,
};
use crate::state::state;

/// A lock with tasks that wait to be notified.
#[pyclass(frozen, subclass, weakref, dict, module = "riata", name = "Condition")]
pub struct Condition(GilBound<State>);

#[derive(Default)]
struct State {
    bound: LoopBound,
    lock: Slot,
    waiters: Waiters,
    place: Place,
}

static WAIT: Kind = Kind {
    name: "Condition.wait",
    resume: |operation, _, thrown| {
        let owner = operation.owner();
        let condition = owner.class::<Condition>();
        wait(operation, owner, condition, thrown)
    },
};

static WAIT_FOR: Kind = Kind {
    name: "Condition.wait_for",
    resume: |operation, _, thrown| wait_for(operation, thrown),
};

static ENTER: Kind = Kind {
    name: "Condition.__aenter__",
    resume: |operation, _, thrown| enter(operation, thrown),
};

const NOTIFIED: u8 = 1;
const REACQUIRING: u8 = 2;

/// Wait to be notified, then for the lock, whatever was thrown meanwhile. Ends with `True`.
fn wait(
    operation: &Operation,
    owner: &Obj,
    condition: &Condition,
    thrown: Option<Obj>,
) -> Res<Stepped> {
    match operation.phase.get() {
        0 => {
            if !condition.is_locked()? {
                return Err(raise_runtime_error("cannot wait on un-acquired lock"));
            }
            let waiter = condition.0.bound.new_waiter(owner)?;
            condition.release()?;
            condition.0.waiters.push(waiter.clone());
            operation.phase.set(NOTIFIED);
            operation.wait(waiter)
        }
        NOTIFIED => {
            let waiter = operation.waiter.take().unwrap_or_else(Obj::none);
            condition.0.waiters.remove(&waiter);
            operation.kept.set_opt(outcome(&waiter, thrown).err());
            operation.phase.set(REACQUIRING);
            let reacquired = reacquire(operation, condition, None);
            conclude(operation, condition, reacquired)
        }
        _ => {
            let reacquired = reacquire(operation, condition, thrown);
            conclude(operation, condition, reacquired)
        }
    }
}

/// Take the lock again, however often that is cancelled: the last cancellation is kept in the place of what is to be raised.
fn reacquire(
    operation: &Operation,
    condition: &Condition,
    mut thrown: Option<Obj>,
) -> Res<Option<Obj>> {
    loop {
        if !operation.inner.is_set() {
            if let Some(lock) = condition.native_lock() {
                if lock.class::<Lock>().try_acquire()? {
                    return Ok(None);
                }
            }
            operation.inner.set(iterator_of(&condition.acquire()?)?);
        }
        let sent = drive(operation, thrown.take());
        if !matches!(sent, Sent::Yielded(_)) {
            operation.inner.clear();
        }
        match sent {
            Sent::Yielded(value) => return Ok(Some(value)),
            Sent::Returned(_) => return Ok(None),
            Sent::Raised => {
                let exception = take_raised(Raised);
                if !is_cancellation(&exception) {
                    return Err(set_exception(exception));
                }
                if let Some(before) = operation.kept.replace(exception.clone()) {
                    // As one that is raised while the other is handled.
                    set_context(&exception, &before);
                }
            }
        }
    }
}

/// What is raised from here may have come after a notification that another task is to get then.
fn conclude(
    operation: &Operation,
    condition: &Condition,
    reacquired: Res<Option<Obj>>,
) -> Res<Stepped> {
    let exception = match reacquired {
        Ok(Some(value)) => {
            operation.waiter.set(value.clone());
            return Ok(Stepped::Waits(value));
        }
        Ok(None) => operation.kept.take(),
        Err(Raised) => Some(take_raised(Raised)),
    };
    operation.waiter.clear();
    match exception {
        None => Ok(Stepped::Ends(Obj::bool(true))),
        Some(exception) => {
            condition.0.waiters.wake(1, &Obj::bool(false))?;
            rethrow(exception)
        }
    }
}

/// Wait until the predicate, which is the argument, holds.
fn wait_for(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    let predicate = operation.argument.get_or_none();
    let owner = operation.owner();
    let mut thrown = thrown;
    loop {
        if !operation.inner.is_set() {
            let result = predicate.call0()?;
            if result.truth()? {
                return Ok(Stepped::Ends(result));
            }
            let waiting = owner.get(c"wait")?.call0()?;
            operation.inner.set(iterator_of(&waiting)?);
        }
        match drive(operation, thrown.take()) {
            Sent::Yielded(value) => {
                operation.waiter.set(value.clone());
                return Ok(Stepped::Waits(value));
            }
            Sent::Returned(_) => operation.inner.clear(),
            Sent::Raised => return Err(Raised),
        }
    }
}

/// `await self.acquire()`, and end with `None`.
fn enter(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    if !operation.inner.is_set() {
        let owner = operation.owner();
        let acquiring = owner.get(c"acquire")?.call0()?;
        operation.inner.set(iterator_of(&acquiring)?);
    }
    match drive(operation, thrown) {
        Sent::Yielded(value) => {
            operation.waiter.set(value.clone());
            Ok(Stepped::Waits(value))
        }
        Sent::Returned(_) => Ok(Stepped::Ends(Obj::none())),
        Sent::Raised => Err(Raised),
    }
}

impl Condition {
    fn lock(&self) -> Obj {
        self.0.lock.get_or_none()
    }

    /// The lock, if it is exactly ours.
    fn native_lock(&self) -> Option<Obj> {
        self.0.lock.get().filter(Obj::is_class::<Lock>)
    }

    fn is_locked(&self) -> Res<bool> {
        match self.native_lock() {
            Some(lock) => Ok(lock.class::<Lock>().is_locked()),
            None => self.lock().get(c"locked")?.call0()?.truth(),
        }
    }

    fn acquire(&self) -> Res {
        self.lock().get(c"acquire")?.call0()
    }

    fn release(&self) -> Res {
        match self.native_lock() {
            Some(lock) => lock.class::<Lock>().release_now().map(|()| Obj::none()),
            None => self.lock().get(c"release")?.call0(),
        }
    }

    fn require_locked(&self) -> Res<()> {
        match self.is_locked()? {
            true => Ok(()),
            false => Err(raise_runtime_error("cannot notify on un-acquired lock")),
        }
    }

    fn notify(&self, count: usize) -> Res {
        self.require_locked()?;
        self.0.waiters.wake(count, &Obj::bool(false))?;
        Ok(Obj::none())
    }
}

#[pymethods]
impl Condition {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **kwargs), text_signature = "(lock=None)")]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Condition> {
        refuse_loop(class, kwargs)?;
        Ok(Condition(GilBound(State::default())))
    }

    #[pyo3(signature = (lock=None))]
    fn __init__(slf: &Bound<'_, Self>, lock: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        drop_empty_dict(slf.as_any());
        let lock = match lock {
            Some(lock) => obj(lock),
            None => state().lock_class.call0()?,
        };
        for name in [c"locked", c"acquire", c"release"] {
            lock.get(name)?;
        }
        slf.get().0.lock.set(lock);
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let condition = slf.get();
        let locked = condition.is_locked()?;
        let state = if locked { "locked" } else { "unlocked" };
        let extra = condition.0.waiters.describe(state);
        Ok(repr_with(&obj(slf.as_any()), &extra)?)
    }

    #[getter]
    fn _lock(&self) -> Py<PyAny> {
        self.lock().into()
    }

    #[getter]
    fn _waiters(&self) -> PyResult<Py<PyAny>> {
        Ok(self.0.waiters.show()?.into())
    }

    #[getter]
    fn _loop(&self) -> Py<PyAny> {
        self.0.bound.slot().get_or_none().into()
    }

    #[setter(_loop)]
    fn set_loop(&self, loop_: &Bound<'_, PyAny>) {
        self.0.bound.slot().set(obj(loop_));
    }

    fn _get_loop(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Ok(slf.get().0.bound.get_loop(&obj(slf.as_any()))?.into())
    }

    /// The ids of the native tasks that hold the lock, or the tasks themselves.
    fn _holders(&self) -> PyResult<Py<PyAny>> {
        match self.native_lock() {
            Some(lock) => Ok(lock.class::<Lock>().holders()?.into()),
            None => Ok(crate::ffi::list(&[])?.into()),
        }
    }

    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (this, state) = (obj(slf.as_any()), &slf.get().0);
        let kept = [state.lock.get_or_none()];
        Ok(copying::state_of(&this, &state.bound, &[&state.waiters], &kept)?.into())
    }

    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let (this, own) = (obj(slf.as_any()), &slf.get().0);
        let [lock] = copying::restore(&this, &own.bound, &obj(state))?;
        own.lock.set(lock);
        Ok(())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.0.bound.visit(&visit)?;
        visit_slot(&self.0.lock, &visit)?;
        self.0.waiters.visit(&visit)
    }

    fn __clear__(&self) {
        self.0.waiters.clear();
        self.0.bound.slot().clear();
        self.0.lock.clear();
    }
}

impl Owner for Condition {
    fn is(object: &Obj) -> bool {
        object.is_a::<Condition>()
    }

    fn of(object: &Obj) -> &Condition {
        object.class::<Condition>()
    }

    fn place(&self) -> &Place {
        &self.0.place
    }

    #[inline]
    fn enter(this: &Obj, condition: &Condition) -> Res {
        if this.is_class::<Condition>() {
            if let Some(lock) = condition.native_lock() {
                if lock.class::<Lock>().try_acquire()? {
                    return Ok(ready());
                }
            }
        }
        new_operation(&ENTER, this.clone(), None)
    }

    #[inline]
    fn exit(this: &Obj, condition: &Condition, _: Args<'_>) -> Res {
        match this.is_class::<Condition>() {
            true => condition.release()?,
            false => this.get(c"release")?.call0()?,
        };
        Ok(ready())
    }
}

pub fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = Obj::from(py.get_type::<Condition>());
    let methods = [
        noargs_of(
            c"locked",
            |_, condition: &Condition| condition.is_locked().map(Obj::bool),
            c"locked($self)\n--\n\nReturn True if the lock is acquired.",
        ),
        noargs_of(
            c"acquire",
            |_, condition: &Condition| condition.acquire(),
            c"acquire($self)\n--\n\nWait until the lock is free, take it and return True.",
        ),
        noargs_of(
            c"release",
            |_, condition: &Condition| condition.release(),
            c"release($self)\n--\n\nGive the lock back. RuntimeError: it is not acquired.",
        ),
        noargs_of(
            c"wait",
            |object, _: &Condition| new_operation(&WAIT, object.clone(), None),
            c"wait($self)\n--\n\nRelease the lock, wait to be notified, take the lock again and return True.\n\nCancelled, it takes the lock again before it raises. RuntimeError: the lock is not acquired.",
        ),
        fastcall_of(
            c"wait_for",
            |object, _: &Condition, args| {
                let predicate = args.of("Condition.wait_for").only("predicate")?;
                new_operation(&WAIT_FOR, object.clone(), Some(predicate.clone()))
            },
            c"wait_for($self, predicate)\n--\n\nWait until predicate() is true, and return what it returned.",
        ),
        fastcall_of(
            c"notify",
            |_, condition: &Condition, args| {
                condition.require_locked()?;
                let [count] = args.of("Condition.notify").bind(["n"], 0)?;
                condition.notify(match count {
                    None => 1,
                    Some(count) => match plain_number(count) {
                        // A cast leaves infinity the largest, and less than nothing zero.
                        Some(count) => count.ceil() as usize,
                        None => usize::try_from(to_int_saturating(count)?).unwrap_or(0),
                    },
                })
            },
            c"notify($self, n=1)\n--\n\nWake n of the tasks that wait. RuntimeError: the lock is not acquired.",
        ),
        noargs_of(
            c"notify_all",
            |_, condition: &Condition| condition.notify(usize::MAX),
            c"notify_all($self)\n--\n\nWake all tasks that wait. RuntimeError: the lock is not acquired.",
        ),
    ];
    add_to(&class, methods)?;
    Ok(context_methods::add::<Condition>(&class)?)
}
