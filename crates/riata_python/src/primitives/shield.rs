//! `shield`. Mirrors `asyncio.shield`.

use pyo3::prelude::*;

use super::wait_for::as_future;
use super::waiters::{new_waiter, visit_slot};
use crate::core::class_methods::{self, onearg_of};
use crate::core::future;
use crate::core::future::any::{
    exception_of, is_cancelled, is_done, result_of, set_exception, set_result,
};
use crate::core::operation::is_coroutine;
use crate::core::task::cancel_any;
use crate::core::typespec::add_to;
use crate::event_loop::current_task::running_loop;
use crate::ffi::{GilBound, Obj, Res, Slot, attached, copy_context};
use crate::state::state;

/// What passes the outcome of a future on to the one that stands for it, as long as that is not done.
#[pyclass(frozen, module = "riata._riata", name = "_Shield")]
pub struct Shield(GilBound<Parts>);

struct Parts {
    inner: Slot,
    outer: Slot,
    /// The task that called `shield`, for asyncio's call graph (3.14).
    #[cfg(Py_3_14)]
    waiting: Slot,
}

pub fn function() -> Res {
    class_methods::function(
        c"shield",
        |args| shield(args.of("shield").only("arg")?),
        c"shield(arg)\n--\n\nReturn a future with the outcome of an awaitable; when it is cancelled, the awaitable is not.\n\nKeep a reference to what is shielded: the loop has a weak one. Mirrors asyncio.shield.",
    )
}

fn shield(awaitable: &Obj) -> Res {
    let inner = match running_loop()? {
        _ if future::exact(awaitable).is_some() => awaitable.clone(),
        Some(loop_) if is_coroutine(awaitable) => as_future(awaitable, &loop_)?,
        _ => state().ensure_future.call1(awaitable)?,
    };
    if is_done(&inner)? {
        return Ok(inner);
    }
    let loop_ = match future::exact(&inner) {
        Some(ours) => ours.loop_.get_or_none(),
        None => state().loop_of_future.call1(&inner)?,
    };
    let outer = new_waiter(&loop_)?;
    #[cfg(Py_3_14)]
    let waiting = crate::event_loop::current_task::current_task(&loop_)?;
    let shield = Shield(GilBound(Parts {
        inner: Slot::new(inner.clone()),
        outer: Slot::new(outer.clone()),
        #[cfg(Py_3_14)]
        waiting: Slot::new(waiting.clone().unwrap_or_else(Obj::none)),
    }));
    let shield = attached(|py| Bound::new(py, shield).map(Obj::from))?;
    #[cfg(Py_3_14)]
    if let Some(task) = waiting {
        future::call_graph::add_to_awaited_by(&inner, &task)?;
        add_callback(&inner, shield.get(c"_no_longer_awaited")?)?;
    }
    add_callback(&inner, shield.get(c"_inner_done")?)?;
    add_callback(&outer, shield.get(c"_outer_done")?)?;
    Ok(outer)
}

fn add_callback(future: &Obj, callback: Obj) -> Res<()> {
    match future::exact(future) {
        Some(ours) => ours.add_callback(future, callback, copy_context()?),
        None => future.get(c"add_done_callback")?.call1(&callback).map(drop),
    }
}

impl Shield {
    fn inner_done(&self, inner: &Obj) -> Res<()> {
        let outer = self.0.outer.get_or_none();
        if is_cancelled(&outer)? {
            // Before 3.14 its exception counts as seen.
            if cfg!(not(Py_3_14)) && !is_cancelled(inner)? {
                exception_of(inner)?;
            }
            return Ok(());
        }
        if is_cancelled(inner)? {
            return cancel_any(&outer, None).map(drop);
        }
        match exception_of(inner)? {
            Some(exception) => set_exception(&outer, &exception),
            None => set_result(&outer, result_of(inner)?),
        }
    }

    fn outer_done(&self, this: &Obj) -> Res<()> {
        let inner = self.0.inner.get_or_none();
        if is_done(&inner)? {
            return Ok(());
        }
        let remove = inner.get(c"remove_done_callback")?;
        remove.call1(&this.get(c"_inner_done")?)?;
        #[cfg(Py_3_14)]
        if let Some(task) = self.0.waiting.get().filter(|task| !task.is_none()) {
            remove.call1(&this.get(c"_no_longer_awaited")?)?;
            future::call_graph::discard_from_awaited_by(&inner, &task)?;
        }
        if let Some(log) = &state().log_on_exception {
            // Once, however often it was shielded.
            remove.call1(log)?;
            add_callback(&inner, log.clone())?;
        }
        Ok(())
    }
}

#[pymethods]
impl Shield {
    #[getter]
    fn _inner(&self) -> Py<PyAny> {
        self.0.inner.get_or_none().into()
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        #[cfg(Py_3_14)]
        visit_slot(&self.0.waiting, &visit)?;
        visit_slot(&self.0.inner, &visit)?;
        visit_slot(&self.0.outer, &visit)
    }

    fn __clear__(&self) {
        #[cfg(Py_3_14)]
        self.0.waiting.clear();
        self.0.inner.clear();
        self.0.outer.clear();
    }
}

pub fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = Obj::from(py.get_type::<Shield>());
    let methods = [
        onearg_of(
            c"_inner_done",
            |_, shield: &Shield, inner| shield.inner_done(inner).map(|()| Obj::none()),
            c"",
        ),
        onearg_of(
            c"_outer_done",
            |this, shield: &Shield, _| shield.outer_done(this).map(|()| Obj::none()),
            c"",
        ),
        #[cfg(Py_3_14)]
        onearg_of(
            c"_no_longer_awaited",
            |_, shield: &Shield, inner| {
                let task = shield.0.waiting.get_or_none();
                future::call_graph::discard_from_awaited_by(inner, &task).map(|()| Obj::none())
            },
            c"",
        ),
    ];
    Ok(add_to(&class, methods)?)
}
