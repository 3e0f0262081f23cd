//! `Semaphore` and `BoundedSemaphore`. Mirrors `asyncio.Semaphore` and `asyncio.BoundedSemaphore`.

use std::cell::Cell;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyTuple, PyType};

use super::holders::Holders;
use super::waiters::{LoopBound, Waiters, is_cancellation, outcome};
use super::{copying, refuse_loop, repr_with};
use crate::core::args::Args;
use crate::core::class_methods::noargs_of;
use crate::core::context_methods::{self, Owner, Place};
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future::any::{is_cancelled, is_done, set_result};
use crate::core::operation::{Kind, Operation, new_operation};
use crate::core::ready::ready;
use crate::core::typespec::add_to;
use crate::ffi::{
    GilBound, Obj, Res, aside, drop_empty_dict, int, obj, raise, to_int, to_int_saturating,
    value_error,
};
use crate::state::state;

/// A counter that tasks take from and wait for.
#[pyclass(frozen, subclass, weakref, dict, module = "riata", name = "Semaphore")]
pub struct Semaphore(GilBound<State>);

#[derive(Default)]
struct State {
    bound: LoopBound,
    value: Cell<i64>,
    waiters: Waiters,
    holders: Holders,
    place: Place,
}

/// The number that it begins with; one that is too large to be counted down is the largest.
fn count_of(value: Option<&Bound<'_, PyAny>>) -> Res<i64> {
    match value {
        None => Ok(1),
        Some(value) if value.is_instance_of::<PyFloat>() => to_int(&obj(value)),
        Some(value) => to_int_saturating(&obj(value)),
    }
}

static ACQUIRE: Kind = Kind {
    name: "Semaphore.acquire",
    resume: |operation, _, thrown| match acquire(operation, thrown)? {
        Stepped::Ends(_) => Ok(Stepped::Ends(Obj::bool(true))),
        waits => Ok(waits),
    },
};

static ENTER: Kind = Kind {
    name: "Semaphore.__aenter__",
    resume: |operation, _, thrown| acquire(operation, thrown),
};

/// Take one from the semaphore that owns the operation, and end with `None`.
fn acquire(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    let owner = operation.owner();
    let semaphore = owner.class::<Semaphore>();
    let Some(waiter) = operation.waiter.take() else {
        if semaphore.try_acquire(owner)? {
            return Ok(Stepped::Ends(Obj::none()));
        }
        let waiter = semaphore.0.bound.new_waiter(owner)?;
        semaphore.0.waiters.push(waiter.clone());
        return operation.wait(waiter);
    };
    semaphore.0.waiters.remove(&waiter);
    let outcome = outcome(&waiter, thrown);
    let undone = match &outcome {
        // What was taken for us goes back.
        Err(exception) => semaphore.undo(&waiter, exception),
        Ok(_) => Ok(()),
    };
    let woken = aside(|| semaphore.wake_all());
    undone.and(woken)?;
    match outcome {
        Ok(_) => {
            semaphore.0.holders.enter();
            Ok(Stepped::Ends(Obj::none()))
        }
        Err(exception) => rethrow(exception),
    }
}

impl Semaphore {
    fn is_locked(&self) -> Res<bool> {
        Ok(self.0.value.get() == 0 || !self.0.waiters.all_cancelled()?)
    }

    #[inline]
    fn try_acquire(&self, this: &Obj) -> Res<bool> {
        // A subclass may say by `locked` who comes in.
        let is_locked = match is_exact(this) {
            true => self.is_locked()?,
            false => this.get(c"locked")?.call0()?.truth()?,
        };
        if is_locked {
            return Ok(false);
        }
        self.0.value.set(self.0.value.get() - 1);
        self.0.holders.enter();
        Ok(true)
    }

    fn undo(&self, waiter: &Obj, exception: &Obj) -> Res<()> {
        let cancelled = is_cancellation(exception);
        if cancelled && is_done(waiter)? && !is_cancelled(waiter)? {
            self.0.value.set(self.0.value.get().saturating_add(1));
        }
        Ok(())
    }

    /// Let in as many as there is room for: some may have come and waited for their turn only.
    fn wake_all(&self) -> Res<()> {
        while self.0.value.get() > 0 && self.wake_next()? {}
        Ok(())
    }

    #[inline]
    fn wake_next(&self) -> Res<bool> {
        let Some(waiter) = self.0.waiters.first_pending()? else {
            return Ok(false);
        };
        self.0.value.set(self.0.value.get() - 1);
        set_result(&waiter, Obj::bool(true))?;
        Ok(true)
    }

    #[inline]
    fn release_now(&self) -> Res<()> {
        self.0.value.set(self.0.value.get().saturating_add(1));
        self.0.holders.leave();
        self.wake_next().map(drop)
    }
}

#[pymethods]
impl Semaphore {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **kwargs), text_signature = "(value=1)")]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Semaphore> {
        refuse_loop(class, kwargs)?;
        let semaphore = Semaphore(GilBound(State::default()));
        semaphore.0.value.set(1);
        Ok(semaphore)
    }

    #[pyo3(signature = (value=None))]
    fn __init__(slf: &Bound<'_, Self>, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        drop_empty_dict(slf.as_any());
        let value = count_of(value)?;
        if value < 0 {
            let message = "Semaphore initial value must be >= 0";
            return Err(raise(value_error(), message).into());
        }
        slf.get().0.value.set(value);
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let semaphore = slf.get();
        let state = match semaphore.is_locked()? {
            true => String::from("locked"),
            false => format!("unlocked, value:{}", semaphore.0.value.get()),
        };
        let extra = semaphore.0.waiters.describe(&state);
        Ok(repr_with(&obj(slf.as_any()), &extra)?)
    }

    #[getter]
    fn _value(&self) -> i64 {
        self.0.value.get()
    }

    #[setter(_value)]
    fn set_value(&self, value: i64) {
        self.0.value.set(value);
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

    /// The ids of the native tasks that hold it, or the tasks themselves, one for each time.
    fn _holders(&self) -> PyResult<Py<PyAny>> {
        Ok(self.0.holders.shown()?.into())
    }

    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (this, state) = (obj(slf.as_any()), &slf.get().0);
        let kept = [int(state.value.get())?];
        Ok(copying::state_of(&this, &state.bound, &[&state.waiters], &kept)?.into())
    }

    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let (this, own) = (obj(slf.as_any()), &slf.get().0);
        let [value] = copying::restore(&this, &own.bound, &obj(state))?;
        own.value.set(value.bound(slf.py()).extract()?);
        Ok(())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.0.bound.visit(&visit)?;
        self.0.holders.visit(&visit)?;
        self.0.waiters.visit(&visit)
    }

    fn __clear__(&self) {
        self.0.waiters.clear();
        self.0.bound.slot().clear();
    }
}

/// A semaphore that is released no more often than it was acquired.
#[pyclass(frozen, subclass, extends = Semaphore, module = "riata", name = "BoundedSemaphore")]
pub struct BoundedSemaphore {
    bound: GilBound<Cell<i64>>,
}

#[pymethods]
impl BoundedSemaphore {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*args, **kwargs), text_signature = "(value=1)")]
    fn new(
        class: &Bound<'_, PyType>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<BoundedSemaphore>> {
        let bound = GilBound(Cell::new(1));
        let base = PyClassInitializer::from(Semaphore::new(class, args, kwargs)?);
        Ok(base.add_subclass(BoundedSemaphore { bound }))
    }

    #[pyo3(signature = (value=None))]
    fn __init__(slf: &Bound<'_, Self>, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        slf.get().bound.set(count_of(value)?);
        Semaphore::__init__(slf.as_super(), value)
    }

    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, i64)> {
        Ok((
            Semaphore::__getstate__(slf.as_super())?,
            slf.get().bound.get(),
        ))
    }

    fn __setstate__(slf: &Bound<'_, Self>, state: (Bound<'_, PyAny>, i64)) -> PyResult<()> {
        slf.get().bound.set(state.1);
        Semaphore::__setstate__(slf.as_super(), &state.0)
    }

    #[getter]
    fn _bound_value(&self) -> i64 {
        self.bound.get()
    }
}

fn release_bounded(object: &Obj, bounded: &BoundedSemaphore) -> Res {
    let semaphore = object.class::<Semaphore>();
    if semaphore.0.value.get() >= bounded.bound.get() {
        let message = "BoundedSemaphore released too many times";
        return Err(raise(value_error(), message));
    }
    semaphore.release_now().map(|()| Obj::none())
}

impl Owner for Semaphore {
    fn is(object: &Obj) -> bool {
        object.is_a::<Semaphore>()
    }

    fn of(object: &Obj) -> &Semaphore {
        object.class::<Semaphore>()
    }

    fn place(&self) -> &Place {
        &self.0.place
    }

    #[inline]
    fn enter(this: &Obj, semaphore: &Semaphore) -> Res {
        if !is_exact(this) {
            return state().enter_by_methods.call1(this);
        }
        if semaphore.try_acquire(this)? {
            return Ok(ready());
        }
        new_operation(&ENTER, this.clone(), None)
    }

    #[inline]
    fn exit(this: &Obj, semaphore: &Semaphore, _: Args<'_>) -> Res {
        match this.is_class::<Semaphore>() {
            true => semaphore.release_now()?,
            false => drop(this.get(c"release")?.call0()?),
        }
        Ok(ready())
    }
}

pub fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = Obj::from(py.get_type::<Semaphore>());
    let methods = [
        noargs_of(
            c"locked",
            |_, semaphore: &Semaphore| semaphore.is_locked().map(Obj::bool),
            c"locked($self)\n--\n\nReturn True if it cannot be acquired at once.",
        ),
        noargs_of(
            c"acquire",
            |object, _: &Semaphore| new_operation(&ACQUIRE, object.clone(), None),
            c"acquire($self)\n--\n\nWait until the counter is above zero and it is our turn, take one and return True.\n\nCancelled while it waits, it gives up its turn.",
        ),
        noargs_of(
            c"release",
            |_, semaphore: &Semaphore| semaphore.release_now().map(|()| Obj::none()),
            c"release($self)\n--\n\nAdd one to the counter, and wake the task that waits longest.",
        ),
    ];
    add_to(&class, methods)?;
    context_methods::add::<Semaphore>(&class)?;
    let class = Obj::from(py.get_type::<BoundedSemaphore>());
    let release = noargs_of(
        c"release",
        release_bounded,
        c"release($self)\n--\n\nAdd one to the counter. ValueError: it would be more than at first.",
    );
    Ok(add_to(&class, [release])?)
}

/// A subclass of the program may have its own `acquire`.
fn is_exact(object: &Obj) -> bool {
    object.is_class::<Semaphore>() || object.is_class::<BoundedSemaphore>()
}
