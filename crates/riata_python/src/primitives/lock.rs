//! `Lock`. Mirrors `asyncio.Lock`.

use std::cell::Cell;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::holders::Holder;
use super::waiters::{LoopBound, Waiters, is_cancellation, outcome};
use super::{copying, refuse_loop, repr_with};
use crate::core::args::Args;
use crate::core::class_methods::noargs_of;
use crate::core::context_methods::{self, Owner, Place};
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future::any::{is_done, set_result};
use crate::core::operation::{Kind, Operation, new_operation};
use crate::core::ready::ready;
use crate::core::typespec::add_to;
use crate::ffi::{GilBound, Obj, Res, drop_empty_dict, obj, raise_runtime_error};
use crate::state::state;

/// A mutual exclusion lock for tasks; who waits is served in turn.
#[pyclass(frozen, subclass, weakref, dict, module = "riata", name = "Lock")]
pub struct Lock(GilBound<State>);

#[derive(Default)]
struct State {
    bound: LoopBound,
    locked: Cell<bool>,
    waiters: Waiters,
    holder: Holder,
    place: Place,
}

static ACQUIRE: Kind = Kind {
    name: "Lock.acquire",
    resume: |operation, _, thrown| match acquire(operation, thrown)? {
        Stepped::Ends(_) => Ok(Stepped::Ends(Obj::bool(true))),
        waits => Ok(waits),
    },
};

static ENTER: Kind = Kind {
    name: "Lock.__aenter__",
    resume: |operation, _, thrown| acquire(operation, thrown),
};

/// Acquire the lock that owns the operation, and end with `None`.
fn acquire(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    let owner = operation.owner();
    let lock = owner.class::<Lock>();
    let Some(waiter) = operation.waiter.take() else {
        if lock.try_acquire()? {
            return Ok(Stepped::Ends(Obj::none()));
        }
        let waiter = lock.0.bound.new_waiter(owner)?;
        lock.0.waiters.push(waiter.clone());
        return operation.wait(waiter);
    };
    lock.0.waiters.remove(&waiter);
    if let Err(exception) = outcome(&waiter, thrown) {
        // Whoever is next must run if nobody has the lock.
        let cancelled = is_cancellation(&exception);
        if cancelled && !lock.0.locked.get() {
            lock.wake_first()?;
        }
        return rethrow(exception);
    }
    lock.take();
    Ok(Stepped::Ends(Obj::none()))
}

impl Lock {
    /// Take the lock if it is free and nobody is before us.
    #[inline]
    pub fn try_acquire(&self) -> Res<bool> {
        if self.0.locked.get() || !self.0.waiters.all_cancelled()? {
            return Ok(false);
        }
        self.take();
        Ok(true)
    }

    #[inline]
    fn take(&self) {
        self.0.locked.set(true);
        self.0.holder.enter();
    }

    pub fn is_locked(&self) -> bool {
        self.0.locked.get()
    }

    #[inline]
    pub fn release_now(&self) -> Res<()> {
        if !self.0.locked.get() {
            return Err(raise_runtime_error("Lock is not acquired."));
        }
        self.0.locked.set(false);
        self.0.holder.leave();
        self.wake_first()
    }

    #[inline]
    fn wake_first(&self) -> Res<()> {
        match self.0.waiters.first() {
            Some(waiter) if !is_done(&waiter)? => set_result(&waiter, Obj::bool(true)),
            _ => Ok(()),
        }
    }

    pub fn holders(&self) -> Res {
        self.0.holder.shown()
    }
}

#[pymethods]
impl Lock {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **kwargs), text_signature = "()")]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Lock> {
        refuse_loop(class, kwargs)?;
        Ok(Lock(GilBound(State::default())))
    }

    fn __init__(slf: &Bound<'_, Self>) {
        drop_empty_dict(slf.as_any());
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let lock = slf.get();
        let state = if lock.is_locked() {
            "locked"
        } else {
            "unlocked"
        };
        let extra = lock.0.waiters.describe(state);
        Ok(repr_with(&obj(slf.as_any()), &extra)?)
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

    /// The ids of the native tasks that hold it, or the tasks themselves.
    fn _holders(&self) -> PyResult<Py<PyAny>> {
        Ok(self.holders()?.into())
    }

    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (this, state) = (obj(slf.as_any()), &slf.get().0);
        let kept = [Obj::bool(state.locked.get())];
        Ok(copying::state_of(&this, &state.bound, &[&state.waiters], &kept)?.into())
    }

    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let (this, own) = (obj(slf.as_any()), &slf.get().0);
        let [locked] = copying::restore(&this, &own.bound, &obj(state))?;
        own.locked.set(locked.truth()?);
        Ok(())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.0.bound.visit(&visit)?;
        self.0.holder.visit(&visit)?;
        self.0.waiters.visit(&visit)
    }

    fn __clear__(&self) {
        self.0.waiters.clear();
        self.0.bound.slot().clear();
    }
}

impl Owner for Lock {
    fn is(object: &Obj) -> bool {
        object.is_a::<Lock>()
    }

    fn of(object: &Obj) -> &Lock {
        object.class::<Lock>()
    }

    fn place(&self) -> &Place {
        &self.0.place
    }

    #[inline]
    fn enter(this: &Obj, lock: &Lock) -> Res {
        if !is_exact(this) {
            return state().enter_by_methods.call1(this);
        }
        if lock.try_acquire()? {
            return Ok(ready());
        }
        new_operation(&ENTER, this.clone(), None)
    }

    #[inline]
    fn exit(this: &Obj, lock: &Lock, _: Args<'_>) -> Res {
        match is_exact(this) {
            true => lock.release_now()?,
            false => drop(this.get(c"release")?.call0()?),
        }
        Ok(ready())
    }
}

/// A subclass may have its own `acquire` and `release`.
fn is_exact(object: &Obj) -> bool {
    object.is_class::<Lock>()
}

pub fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = Obj::from(py.get_type::<Lock>());
    let methods = [
        noargs_of(
            c"locked",
            |_, lock: &Lock| Ok(Obj::bool(lock.is_locked())),
            c"locked($self)\n--\n\nReturn True if the lock is acquired.",
        ),
        noargs_of(
            c"acquire",
            |object, _: &Lock| new_operation(&ACQUIRE, object.clone(), None),
            c"acquire($self)\n--\n\nWait until the lock is free, take it and return True.\n\nCancelled while it waits, it gives up its turn.",
        ),
        noargs_of(
            c"release",
            |_, lock: &Lock| lock.release_now().map(|()| Obj::none()),
            c"release($self)\n--\n\nGive the lock back; who waits longest gets it. RuntimeError: it is not acquired.",
        ),
    ];
    add_to(&class, methods)?;
    Ok(context_methods::add::<Lock>(&class)?)
}
