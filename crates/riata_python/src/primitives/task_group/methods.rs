//! What Python sees of `TaskGroup`.

use pyo3::types::{PyDict, PyTuple};

use super::options::SPAWN;
use super::*;
use crate::core::class_methods::{fastcall_of, noargs_of, onearg_of};
use crate::core::operation::new_operation;
use crate::core::ready::ready;
use crate::core::timeout::new_timeout;
use crate::core::typespec::add_to;
use crate::ffi::{drop_empty_dict, obj, raise, raise_type_error, to_double, to_int, value_error};
use crate::primitives::waiters::{quietly, visit_slot};

#[pymethods]
impl TaskGroup {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(*, limit=None, deadline=None, on_error='cancel', name=None, results=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> TaskGroup {
        TaskGroup(GilBound(State::default()))
    }

    #[pyo3(signature = (*, limit=None, deadline=None, on_error=None, name=None, results=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        limit: Option<&Bound<'_, PyAny>>,
        deadline: Option<&Bound<'_, PyAny>>,
        on_error: Option<&str>,
        name: Option<&Bound<'_, PyAny>>,
        results: Option<bool>,
    ) -> PyResult<()> {
        drop_empty_dict(slf.as_any());
        let options = &slf.get().0.options;
        match on_error {
            None | Some("cancel") => {}
            Some("collect") => options.collect.set(true),
            Some(other) => {
                let message = format!("on_error must be 'cancel' or 'collect', not {other:?}");
                return Err(raise(value_error(), &message).into());
            }
        }
        if let Some(limit) = limit {
            let Some(limit) = quietly(to_int(&obj(limit))) else {
                let message = format!("limit must be an integer, not {}", limit.repr()?);
                return Err(raise_type_error(&message).into());
            };
            if limit < 1 {
                let message = format!("limit must be at least 1, not {limit}");
                return Err(raise(value_error(), &message).into());
            }
            options.limit.set(limit as usize);
        }
        if let Some(deadline) = deadline {
            let deadline = obj(deadline);
            let seconds = quietly(to_double(&deadline));
            if seconds.is_none_or(f64::is_nan) {
                let shown = repr(&deadline)?;
                let message = format!("deadline must be a loop time in seconds, not {shown}");
                return Err(match seconds {
                    None => raise_type_error(&message).into(),
                    Some(_) => raise(value_error(), &message).into(),
                });
            }
            options.timeout.set(new_timeout(deadline)?);
        }
        let given = limit.is_some() || deadline.is_some() || on_error.is_some() || name.is_some();
        if results.unwrap_or(given) {
            options.all.set(list(&[])?);
        }
        options.name.set_opt(name.map(obj));
        Ok(())
    }

    fn __repr__(&self) -> PyResult<String> {
        let this = &self.0;
        let mut text = String::from("<TaskGroup");
        if let Some(name) = this.options.name.get() {
            text += &format!(" name={}", repr(&name)?);
        }
        if this.running() > 0 {
            text += &format!(" tasks={}", this.running());
        }
        if this.errors() > 0 {
            text += &format!(" errors={}", this.errors());
        }
        if this.aborting.get() {
            text += " cancelling";
        } else if this.entered.get() {
            text += " entered";
        }
        Ok(text + ">")
    }

    /// The name that it was given, or None.
    #[getter]
    fn name(&self) -> Py<PyAny> {
        self.0.options.name.get_or_none().into()
    }

    /// Whether `cancel` was called.
    #[getter]
    fn cancelled(&self) -> bool {
        self.0.options.cancelled.get()
    }

    #[getter]
    fn _tasks(&self) -> PyResult<Py<PyAny>> {
        Ok(self.0.members.show()?.into())
    }

    #[getter]
    fn _errors(&self) -> Py<PyAny> {
        self.0.errors.get_or_none().into()
    }

    #[getter]
    fn _base_error(&self) -> Py<PyAny> {
        self.0.base_error.get_or_none().into()
    }

    #[getter]
    fn _parent_task(&self) -> Py<PyAny> {
        self.0.parent.get_or_none().into()
    }

    #[getter]
    fn _on_completed_fut(&self) -> Py<PyAny> {
        self.0.on_completed.get_or_none().into()
    }

    #[getter]
    fn _loop(&self) -> Py<PyAny> {
        self.0.loop_.get_or_none().into()
    }

    fn _abort(&self) -> PyResult<()> {
        Ok(self.abort()?)
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        let this = &self.0;
        for slot in [
            &this.loop_,
            &this.parent,
            &this.errors,
            &this.base_error,
            &this.on_completed,
            &this.shield,
            &this.options.name,
            &this.options.timeout,
            &this.options.all,
            &this.options.maker,
            &this.options.sites,
            &this.options.reason,
        ] {
            visit_slot(slot, &visit)?;
        }
        this.members.visit(&visit)?;
        this.options.spawners.visit(&visit)
    }

    fn __clear__(&self) {
        let this = &self.0;
        this.forget();
        for slot in [
            &this.loop_,
            &this.on_completed,
            &this.options.name,
            &this.options.timeout,
            &this.options.all,
            &this.options.maker,
            &this.options.sites,
            &this.options.reason,
        ] {
            slot.clear();
        }
        this.members.clear();
        this.options.spawners.clear();
    }
}

pub fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = Obj::from(py.get_type::<TaskGroup>());
    let methods = [
        fastcall_of(
            c"create_task",
            |object, group: &TaskGroup, args| group.create_task(object, args),
            c"create_task($self, coro, *, name=None, context=None)\n--\n\nRun a coroutine as a task of the group, and return the task.\n\nRuntimeError: the group has not been entered, is finished or is shutting down; the coroutine is closed, except by the first releases of 3.11 and 3.12.",
        ),
        fastcall_of(
            c"spawn",
            |object, _: &TaskGroup, args| {
                let args = args.of("TaskGroup.spawn");
                let [coro, name, context] = args.bind(["coro", "name", "context"], 1)?;
                args.at_most(1, 1)?;
                let keywords = crate::ffi::dict()?;
                let names = &state().names;
                for (key, value) in [(&names.name, name), (&names.context, context)] {
                    if let Some(value) = value {
                        crate::ffi::dict_set(&keywords, key, value)?;
                    }
                }
                let operation = new_operation(&SPAWN, object.clone(), coro.cloned())?;
                Operation::of(&operation).kept.set(keywords);
                Ok(operation)
            },
            c"spawn($self, coro, *, name=None, context=None)\n--\n\nWait until fewer tasks than the limit run, run a coroutine as a task of the group, and return the task.\n\nCancelled while it waits, it closes the coroutine. RuntimeError: as for create_task; the coroutine is closed.",
        ),
        fastcall_of(
            c"cancel",
            |_, group: &TaskGroup, args| {
                let [reason] = args.of("TaskGroup.cancel").bind(["reason"], 0)?;
                group.cancel(reason.filter(|reason| !reason.is_none()))?;
                Ok(Obj::none())
            },
            c"cancel($self, reason=None)\n--\n\nCancel the tasks of the group and the body of its `async with`, which then ends without an exception.\n\nThe reason is the message of the CancelledError that they see. Before the group is entered it waits until then; once it is over it does nothing.",
        ),
        noargs_of(
            c"results",
            |object, group: &TaskGroup| group.results(object),
            c"results($self)\n--\n\nReturn the results of all tasks, in the order in which they were made; that of a task that failed or was cancelled is its exception.\n\nRuntimeError: the group is not finished, or keeps no results.",
        ),
        onearg_of(
            c"_on_task_done",
            |object, group: &TaskGroup, task| {
                group.on_task_done(object, task)?;
                Ok(Obj::none())
            },
            c"",
        ),
        noargs_of(
            c"__aenter__",
            |object, _: &TaskGroup| new_operation(&ENTER, object.clone(), None),
            c"__aenter__($self)\n--\n\n",
        ),
        fastcall_of(
            c"__aexit__",
            |object, group: &TaskGroup, args| {
                let args = args.of("__aexit__");
                args.require(&["et", "exc", "tb"])?;
                let exception = args.all()[1].clone();
                let exception = (!exception.is_none()).then_some(exception);
                if exception.is_none() && group.is_over_at_once() {
                    group.0.exiting.set(true);
                    group.0.forget();
                    return Ok(ready());
                }
                new_operation(&EXIT, object.clone(), exception)
            },
            c"__aexit__($self, et, exc, tb)\n--\n\n",
        ),
    ];
    Ok(add_to(&class, methods)?)
}
