//! `Event`. Mirrors `asyncio.Event`.

use std::cell::Cell;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::waiters::{LoopBound, Waiters, outcome};
use super::{copying, refuse_loop, repr_with};
use crate::core::class_methods::noargs_of;
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::operation::{Kind, Operation, new_operation};
use crate::core::typespec::add_to;
use crate::ffi::{GilBound, Obj, Res, drop_empty_dict, obj};

/// A flag that tasks can wait for.
#[pyclass(frozen, subclass, weakref, dict, module = "riata", name = "Event")]
pub struct Event(GilBound<State>);

#[derive(Default)]
struct State {
    bound: LoopBound,
    is_set: Cell<bool>,
    waiters: Waiters,
}

static WAIT: Kind = Kind {
    name: "Event.wait",
    resume: |operation, _, thrown| wait(operation, thrown),
};

fn wait(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    let owner = operation.owner();
    let event = owner.class::<Event>();
    let Some(waiter) = operation.waiter.take() else {
        if event.0.is_set.get() {
            return Ok(Stepped::Ends(Obj::bool(true)));
        }
        let waiter = event.0.bound.new_waiter(owner)?;
        event.0.waiters.push(waiter.clone());
        return operation.wait(waiter);
    };
    event.0.waiters.remove(&waiter);
    match outcome(&waiter, thrown) {
        Ok(_) => Ok(Stepped::Ends(Obj::bool(true))),
        Err(exception) => rethrow(exception),
    }
}

impl Event {
    fn set_now(&self) -> Res<()> {
        if self.0.is_set.replace(true) {
            return Ok(());
        }
        self.0.waiters.wake(usize::MAX, &Obj::bool(true))
    }
}

#[pymethods]
impl Event {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **kwargs), text_signature = "()")]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Event> {
        refuse_loop(class, kwargs)?;
        Ok(Event(GilBound(State::default())))
    }

    fn __init__(slf: &Bound<'_, Self>) {
        drop_empty_dict(slf.as_any());
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let event = slf.get();
        let state = if event.0.is_set.get() { "set" } else { "unset" };
        let extra = event.0.waiters.describe(state);
        Ok(repr_with(&obj(slf.as_any()), &extra)?)
    }

    /// Block no task any more until `clear`: who waits goes on.
    fn set(&self) -> PyResult<()> {
        Ok(self.set_now()?)
    }

    /// Let tasks wait again.
    fn clear(&self) {
        self.0.is_set.set(false);
    }

    #[getter]
    fn _value(&self) -> bool {
        self.0.is_set.get()
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

    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (this, state) = (obj(slf.as_any()), &slf.get().0);
        let kept = [Obj::bool(state.is_set.get())];
        Ok(copying::state_of(&this, &state.bound, &[&state.waiters], &kept)?.into())
    }

    fn __setstate__(slf: &Bound<'_, Self>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let (this, own) = (obj(slf.as_any()), &slf.get().0);
        let [is_set] = copying::restore(&this, &own.bound, &obj(state))?;
        own.is_set.set(is_set.truth()?);
        Ok(())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.0.bound.visit(&visit)?;
        self.0.waiters.visit(&visit)
    }

    fn __clear__(&self) {
        self.0.waiters.clear();
        self.0.bound.slot().clear();
    }
}

pub fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = Obj::from(py.get_type::<Event>());
    let methods = [
        noargs_of(
            c"is_set",
            |_, event: &Event| Ok(Obj::bool(event.0.is_set.get())),
            c"is_set($self)\n--\n\nReturn True if the flag is set.",
        ),
        noargs_of(
            c"wait",
            |object, _: &Event| new_operation(&WAIT, object.clone(), None),
            c"wait($self)\n--\n\nWait until the flag is set, and return True.",
        ),
    ];
    Ok(add_to(&class, methods)?)
}
