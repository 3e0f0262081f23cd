//! `TaskGroup`. Mirrors `asyncio.TaskGroup` of 3.14.

use std::cell::Cell;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::lock::outcome;
use super::waiters::{is_cancelled, is_done, new_waiter, set_result, visit_slot};
use crate::core::args::Args;
use crate::core::class_methods::{fastcall_of, noargs_of, onearg_of};
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future;
use crate::core::operation::{Kind, Operation, new_operation};
use crate::core::ready::ready;
use crate::core::task::{self, cancel_any, new_task};
use crate::core::typespec::add_to;
use crate::event_loop::LoopCore;
use crate::event_loop::current_task::{current_task, require_running_loop};
use crate::event_loop::reports::call_exception_handler;
use crate::ffi::{
    GilBound, Obj, Res, Slot, aside, ends_the_loop, exception_matches, is_coroutine_exact, list,
    list_append, list_len, raise_from_none, raise_runtime_error, repr, set_add, set_discard,
    set_items, set_len, string,
};
use crate::state::state;

/// Tasks that end together: `async with` waits for all, and the first that fails cancels the others.
#[pyclass(frozen, subclass, weakref, dict, module = "riata", name = "TaskGroup")]
pub struct TaskGroup(GilBound<State>);

#[derive(Default)]
struct State {
    entered: Cell<bool>,
    exiting: Cell<bool>,
    aborting: Cell<bool>,
    parent_cancel_requested: Cell<bool>,
    loop_: Slot,
    parent: Slot,
    /// A set of those that are not done.
    tasks: Slot,
    /// A list of what they raised; empty while that is nothing.
    errors: Slot,
    base_error: Slot,
    on_completed: Slot,
}

static ENTER: Kind = Kind {
    name: "TaskGroup.__aenter__",
    resume: |operation, _, thrown| {
        if let Some(exception) = thrown {
            return rethrow(exception);
        }
        let this = operation.owner().clone();
        this.class::<TaskGroup>().enter(&this)?;
        Ok(Stepped::Ends(this))
    },
};

/// The exception of the body is the argument, and the cancellation that is to go on is kept.
static EXIT: Kind = Kind {
    name: "TaskGroup.__aexit__",
    resume: |operation, _, thrown| {
        let owner = operation.owner();
        let group = owner.class::<TaskGroup>();
        let stepped = exit(operation, group, thrown);
        if !matches!(stepped, Ok(Stepped::Waits(_))) {
            aside(|| group.0.forget());
        }
        stepped
    },
};

fn exit(operation: &Operation, group: &TaskGroup, thrown: Option<Obj>) -> Res<Stepped> {
    match operation.waiter.take() {
        None => begin_exit(operation, group)?,
        Some(waiter) => {
            group.0.on_completed.clear();
            if let Err(exception) = outcome(&waiter, thrown) {
                if !is_cancelled_error(&exception) {
                    return rethrow(exception);
                }
                if !group.0.aborting.get() {
                    // The parent is being cancelled while children run.
                    operation.kept.set(exception);
                    group.abort()?;
                }
            }
        }
    }
    if group.0.running() > 0 {
        let waiter = new_waiter(&group.0.loop_.get_or_none())?;
        group.0.on_completed.set(waiter.clone());
        return operation.wait(waiter);
    }
    conclude(operation, group)
}

fn begin_exit(operation: &Operation, group: &TaskGroup) -> Res<()> {
    group.0.exiting.set(true);
    let Some(exception) = operation.argument.get() else {
        return Ok(());
    };
    if ends_the_loop(&exception) && !group.0.base_error.is_set() {
        group.0.base_error.set(exception.clone());
    }
    if is_cancelled_error(&exception) {
        operation.kept.set(exception);
    }
    if !group.0.aborting.get() {
        group.abort()?;
    }
    Ok(())
}

/// All children are done: what is to be raised?
fn conclude(operation: &Operation, group: &TaskGroup) -> Res<Stepped> {
    let this = &group.0;
    if let Some(exception) = this.base_error.take() {
        return rethrow(exception);
    }
    let parent = this.parent.get_or_none();
    if this.parent_cancel_requested.get() && task::uncancel(&parent)? == 0 {
        // No other request is left.
        operation.kept.clear();
    }
    let failed = this
        .errors
        .get()
        .is_some_and(|errors| list_len(&errors) > 0);
    if let Some(cancellation) = operation.kept.take() {
        if !failed {
            return rethrow(cancellation);
        }
    }
    let own = operation.argument.take();
    if let Some(exception) = own.filter(|exception| !is_cancelled_error(exception)) {
        this.add_error(&exception)?;
    }
    let Some(errors) = this.errors.take() else {
        return Ok(Stepped::Ends(Obj::none()));
    };
    if task::cancelling(&parent)? > 0 {
        // It is being cancelled from outside: the request is made anew, and their number stays.
        task::uncancel(&parent)?;
        cancel_any(&parent, None)?;
    }
    let message = string("unhandled errors in a TaskGroup")?;
    let raised = state()
        .base_exception_group
        .call(&[message.as_ptr(), errors.as_ptr()])?;
    Err(raise_from_none(raised))
}

fn is_cancelled_error(exception: &Obj) -> bool {
    exception_matches(exception, state().cancelled_error.as_ptr())
}

impl State {
    fn running(&self) -> usize {
        self.tasks.get().map_or(0, |tasks| set_len(&tasks))
    }

    fn errors(&self) -> usize {
        self.errors.get().map_or(0, |errors| list_len(&errors))
    }

    fn add_error(&self, exception: &Obj) -> Res<()> {
        if !self.errors.is_set() {
            self.errors.set(list(&[])?);
        }
        list_append(&self.errors.get_or_none(), exception)
    }

    /// Exceptions hold frames, which hold the group: nothing is kept of them.
    fn forget(&self) {
        self.parent.clear();
        self.errors.clear();
        self.base_error.clear();
    }
}

impl TaskGroup {
    fn enter(&self, this: &Obj) -> Res<()> {
        if self.0.entered.get() {
            return Err(self.complain(this, "has already been entered"));
        }
        if !self.0.loop_.is_set() {
            self.0.loop_.set(require_running_loop()?);
        }
        let Some(parent) = current_task(&self.0.loop_.get_or_none())? else {
            return Err(self.complain(this, "cannot determine the parent task"));
        };
        self.0.parent.set(parent);
        self.0.entered.set(true);
        Ok(())
    }

    fn complain(&self, this: &Obj, what: &str) -> crate::ffi::Raised {
        match repr(this) {
            Ok(shown) => raise_runtime_error(&format!("TaskGroup {shown} {what}")),
            Err(raised) => raised,
        }
    }

    fn create_task(&self, this: &Obj, args: Args<'_>) -> Res {
        let args = args.of("TaskGroup.create_task");
        let coro = args.first("coro")?;
        let refused = if !self.0.entered.get() {
            Some("has not been entered")
        } else if self.0.exiting.get() && self.0.running() == 0 {
            Some("is finished")
        } else if self.0.aborting.get() {
            Some("is shutting down")
        } else {
            None
        };
        if let Some(what) = refused {
            if state().task_group_closes {
                coro.get(c"close")?.call0()?;
            }
            return Err(self.complain(this, what));
        }
        let loop_ = self.0.loop_.get_or_none();
        let core = LoopCore::of(&loop_)
            .filter(|core| core.plain.get() && !core.task_factory.is_set())
            .filter(|_| is_coroutine_exact(coro));
        let task = match core.map(|core| (core, args.task_keywords())) {
            Some((core, Some([name, context]))) => {
                new_task(&loop_, core, coro, name, context, false)?
            }
            _ => args.pass_on(&loop_.get(c"create_task")?)?,
        };
        self.add(this, &task)?;
        Ok(task)
    }

    fn add(&self, this: &Obj, task: &Obj) -> Res<()> {
        if !self.0.tasks.is_set() {
            self.0.tasks.set(crate::ffi::set()?);
        }
        set_add(&self.0.tasks.get_or_none(), task)?;
        let loop_ = self.0.loop_.ptr();
        if let Some(child) = future::exact(task) {
            if child.loop_.ptr() == loop_ && child.scheduler().is_some() {
                return child.add_member(task, this);
            }
        }
        #[cfg(Py_3_14)]
        crate::ffi::import(c"asyncio.futures")?
            .get(c"future_add_to_awaited_by")?
            .call(&[task.as_ptr(), self.0.parent.get_or_none().as_ptr()])?;
        let callback = this.get(c"_on_task_done")?;
        task.get(c"add_done_callback")?.call1(&callback).map(drop)
    }

    fn abort(&self) -> Res<()> {
        self.0.aborting.set(true);
        let Some(tasks) = self.0.tasks.get() else {
            return Ok(());
        };
        for task in set_items(&tasks)? {
            if !is_done(&task)? {
                cancel_any(&task, None)?;
            }
        }
        Ok(())
    }

    fn on_task_done(&self, task: &Obj) -> Res<()> {
        let this = &self.0;
        if let Some(tasks) = this.tasks.get() {
            set_discard(&tasks, task)?;
        }
        #[cfg(Py_3_14)]
        if future::exact(task).is_none() {
            crate::ffi::import(c"asyncio.futures")?
                .get(c"future_discard_from_awaited_by")?
                .call(&[task.as_ptr(), this.parent.get_or_none().as_ptr()])?;
        }
        if this.running() == 0 {
            if let Some(waiter) = this.on_completed.get() {
                if !is_done(&waiter)? {
                    set_result(&waiter, Obj::bool(true))?;
                }
            }
        }
        let Some(exception) = exception_of(task)? else {
            return Ok(());
        };
        this.add_error(&exception)?;
        if ends_the_loop(&exception) && !this.base_error.is_set() {
            this.base_error.set(exception.clone());
        }
        let parent = this.parent.get_or_none();
        if is_done(&parent)? {
            return self.report_orphan(task, &parent, &exception);
        }
        if !this.aborting.get() && !this.parent_cancel_requested.get() {
            self.abort()?;
            this.parent_cancel_requested.set(true);
            cancel_any(&parent, None)?;
        }
        Ok(())
    }

    fn report_orphan(&self, task: &Obj, parent: &Obj, exception: &Obj) -> Res<()> {
        let names = &state().names;
        let message = string(&format!(
            "Task {} has errored out but its parent task {} is already completed",
            repr(task)?,
            repr(parent)?
        ))?;
        call_exception_handler(
            &self.0.loop_.get_or_none(),
            &[
                (&names.message, Some(&message)),
                (&names.exception, Some(exception)),
                (&names.task, Some(task)),
            ],
        )
    }
}

/// What a child that is done has raised; a cancellation does not count.
fn exception_of(task: &Obj) -> Res<Option<Obj>> {
    if let Some(ended) = future::exact(task) {
        return Ok(match ended.is_cancelled() {
            true => None,
            false => ended.take_notice_of_exception(),
        });
    }
    if is_cancelled(task)? {
        return Ok(None);
    }
    let exception = task.method0(&state().names.exception)?;
    Ok((!exception.is_none()).then_some(exception))
}

/// The job of a child's end.
pub fn child_done(owner: &Obj, child: &Obj) -> Res<()> {
    owner.class::<TaskGroup>().on_task_done(child)
}

/// The task that waits for the children of a group.
#[cfg(Py_3_14)]
pub fn parent_of(owner: &Obj) -> Option<Obj> {
    owner.class::<TaskGroup>().0.parent.get()
}

#[pymethods]
impl TaskGroup {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> TaskGroup {
        TaskGroup(GilBound(State::default()))
    }

    fn __init__(&self) {}

    fn __repr__(&self) -> String {
        let this = &self.0;
        let mut text = String::from("<TaskGroup");
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
        text + ">"
    }

    #[getter]
    fn _tasks(&self) -> PyResult<Py<PyAny>> {
        if !self.0.tasks.is_set() {
            self.0.tasks.set(crate::ffi::set()?);
        }
        Ok(self.0.tasks.get_or_none().into())
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
            &this.tasks,
            &this.errors,
            &this.base_error,
            &this.on_completed,
        ] {
            visit_slot(slot, &visit)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let this = &self.0;
        this.forget();
        for slot in [&this.loop_, &this.tasks, &this.on_completed] {
            slot.clear();
        }
    }
}

pub fn add_methods(py: Python<'_>) -> PyResult<()> {
    let class = Obj::from(py.get_type::<TaskGroup>());
    let methods = [
        fastcall_of(
            c"create_task",
            |object, group: &TaskGroup, args| group.create_task(object, args),
            c"create_task($self, coro, *, name=None, context=None)\n--\n\nRun a coroutine as a task of the group, and return the task.\n\nRuntimeError: the group has not been entered, is finished or is shutting down; the coroutine is closed.",
        ),
        onearg_of(
            c"_on_task_done",
            |_, group: &TaskGroup, task| group.on_task_done(task).map(|()| Obj::none()),
            c"",
        ),
        noargs_of(
            c"__aenter__",
            |object, _: &TaskGroup| new_operation(&ENTER, object.clone(), None),
            c"",
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
            c"",
        ),
    ];
    Ok(add_to(&class, methods)?)
}

impl TaskGroup {
    /// Nothing is left to wait for, and nothing to raise.
    fn is_over_at_once(&self) -> bool {
        let this = &self.0;
        this.running() == 0
            && this.errors() == 0
            && !this.base_error.is_set()
            && !this.parent_cancel_requested.get()
    }
}
