//! `TaskGroup`. Mirrors `asyncio.TaskGroup` of 3.14; what it has beyond that is in `options.rs`.

mod options;

use std::cell::{Cell, RefCell};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use options::{Options, SPAWN};

use super::waiters::{is_cancellation, new_waiter, outcome, visit_slot};
use crate::core::args::Args;
use crate::core::class_methods::{fastcall_of, noargs_of, onearg_of};
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future;
use crate::core::future::any::{exception_of, is_done, set_unless_done};
use crate::core::operation::{Kind, Operation, is_coroutine, new_operation};
use crate::core::ready::ready;
use crate::core::task::{self, Task, cancel_any, new_task};
use crate::core::timeout::{Timeout, new_timeout};
use crate::core::typespec::add_to;
use crate::event_loop::LoopCore;
use crate::event_loop::current_task::{current_task, require_running_loop};
use crate::event_loop::reports::call_exception_handler;
use crate::ffi::{
    GilBound, Obj, Res, Slot, aside, drop_empty_dict, ends_the_loop, list, list_append, list_len,
    raise, raise_from_none, raise_runtime_error, repr, set_add, set_discard, set_items, set_len,
    string, take_raised, to_double, tuple_items, utf8, value_error,
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
    members: Members,
    /// A list of what they raised; empty while that is nothing.
    errors: Slot,
    base_error: Slot,
    on_completed: Slot,
    /// The `shielded` block that the parent was in when this was entered.
    shield: Slot,
    options: Options,
}

/// The tasks that are not done: a list in which each knows its place. When somebody looks, or one is not ours, it becomes a set.
#[derive(Default)]
struct Members {
    list: RefCell<Vec<Obj>>,
    set: Slot,
}

impl Members {
    #[inline]
    fn len(&self) -> usize {
        match self.set.get() {
            Some(set) => set_len(&set),
            None => self.list.borrow().len(),
        }
    }

    /// Add a task that `new_task` has just made, and so is in no other list.
    #[inline]
    fn add_new(&self, task: &Obj) -> Res<()> {
        if self.set.is_set() {
            return self.add(task);
        }
        let mut list = self.list.borrow_mut();
        Task::of(task).place_in_group.set(list.len() as u32);
        list.push(task.clone());
        Ok(())
    }

    fn add(&self, task: &Obj) -> Res<()> {
        set_add(&self.show()?, task)
    }

    /// What is not there stays away.
    #[inline]
    fn remove(&self, task: &Obj) -> Res<()> {
        if let Some(set) = self.set.get() {
            return set_discard(&set, task);
        }
        drop(self.take(task));
        Ok(())
    }

    #[inline]
    fn take(&self, task: &Obj) -> Option<Obj> {
        let place = task::of(task)?.place_in_group.get();
        let mut list = self.list.borrow_mut();
        list.get(place as usize)
            .filter(|listed| listed.is(task.as_ptr()))?;
        let taken = list.swap_remove(place as usize);
        if let Some(moved) = list.get(place as usize) {
            Task::of(moved).place_in_group.set(place);
        }
        Some(taken)
    }

    fn all(&self) -> Res<Vec<Obj>> {
        match self.set.get() {
            Some(set) => set_items(&set),
            None => Ok(self.list.borrow().clone()),
        }
    }

    /// The set, which has them from here on.
    fn show(&self) -> Res {
        if let Some(set) = self.set.get() {
            return Ok(set);
        }
        let set = crate::ffi::set()?;
        for task in self.all()? {
            set_add(&set, &task)?;
        }
        self.set.set(set.clone());
        drop(self.list.take());
        Ok(set)
    }

    fn visit(&self, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit_slot(&self.set, visit)?;
        // Nothing that allocates runs while the list is borrowed, so a traversal finds it free.
        if let Ok(list) = self.list.try_borrow() {
            for task in list.iter() {
                visit.call(task.as_py())?;
            }
        }
        Ok(())
    }

    fn clear(&self) {
        self.set.clear();
        drop(self.list.take());
    }
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
        match exit(operation, group, thrown) {
            Ok(Stepped::Waits(future)) => Ok(Stepped::Waits(future)),
            ended => {
                aside(|| group.0.forget());
                group.end_timeout(ended)
            }
        }
    },
};

/// The task sees a request that was taken back already; it is on its way all the same.
const ABSORBING: u8 = 1;

fn exit(operation: &Operation, group: &TaskGroup, thrown: Option<Obj>) -> Res<Stepped> {
    if operation.phase.get() == ABSORBING {
        return match thrown {
            Some(exception) if !is_cancellation(&exception) => rethrow(exception),
            _ => conclude(operation, group),
        };
    }
    match operation.waiter.take() {
        None => begin_exit(operation, group)?,
        Some(waiter) => {
            group.0.on_completed.clear();
            if let Err(exception) = outcome(&waiter, thrown) {
                if !is_cancellation(&exception) {
                    return rethrow(exception);
                }
                if !group.0.aborting.get() {
                    // The parent is being cancelled while children run.
                    let reason = message_of(&exception);
                    operation.kept.set(exception);
                    group.abort_for(reason.as_ref())?;
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
    let cancelled = is_cancellation(&exception);
    let reason = cancelled.then(|| message_of(&exception)).flatten();
    if cancelled {
        operation.kept.set(exception);
    }
    let goes_on = group.0.options.collect.get() && !cancelled;
    if !group.0.aborting.get() && !goes_on {
        group.abort_for(reason.as_ref())?;
    }
    Ok(())
}

/// The message of a cancellation, which the children get too: asyncio's do not, and would not know why they end. Not that of a
/// cancel scope of anyio's, which knows its own cancellations by it: a scope of a child's might take this one for its own.
fn message_of(cancellation: &Obj) -> Option<Obj> {
    // A class of the program's may hide its arguments, and a message need not be text; the tasks are to end all the same.
    let args = quietly(cancellation.get(c"args"))?;
    let message = tuple_items(&args)?.first()?;
    let of_anyio =
        quietly(utf8(message)).is_some_and(|text| text.starts_with("Cancelled via cancel scope "));
    (!message.is_none() && !of_anyio).then(|| message.clone())
}

fn quietly<T>(result: Res<T>) -> Option<T> {
    result.map_err(take_raised).ok()
}

/// All children are done: what is to be raised?
fn conclude(operation: &Operation, group: &TaskGroup) -> Res<Stepped> {
    let this = &group.0;
    if let Some(exception) = this.base_error.take() {
        return rethrow(exception);
    }
    let parent = this.parent.get_or_none();
    if this.parent_cancel_requested.replace(false) {
        if task::uncancel_for_group(&parent)? == 0 {
            // No other request is left.
            operation.kept.clear();
            if !task::forget_request(&parent)? {
                operation.phase.set(ABSORBING);
                return Ok(Stepped::Waits(Obj::none()));
            }
        } else if !operation.kept.is_set() {
            // Somebody else's came while children ended, and has been delivered.
            operation.kept.set(state().cancelled_error.call0()?);
        }
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
    // The body was cancelled by `cancel` alone: its exception ends here.
    let ended_quietly = own.is_some();
    if let Some(exception) = own.filter(|exception| !is_cancellation(exception)) {
        this.add_error(&exception)?;
    }
    let Some(errors) = this.errors.take() else {
        return Ok(Stepped::Ends(Obj::bool(ended_quietly)));
    };
    if let Some(error) = group.deadline_error()? {
        list_append(&errors, &error)?;
    }
    task::request_anew(&parent)?;
    let message = string("unhandled errors in a TaskGroup")?;
    let raised = state()
        .base_exception_group
        .call(&[message.as_ptr(), errors.as_ptr()])?;
    Err(raise_from_none(raised))
}

impl State {
    fn running(&self) -> usize {
        self.members.len()
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
        self.shield.clear();
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
        if let Some(timeout) = self.0.options.timeout.get() {
            Timeout::of(&timeout).enter(&timeout)?;
        }
        self.0.shield.set_opt(task::shield_of(&parent));
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

    /// Why no task can be made.
    fn refusal(&self) -> Option<&'static str> {
        if !self.0.entered.get() {
            Some("has not been entered")
        } else if self.0.exiting.get() && self.0.running() == 0 {
            Some("is finished")
        } else if self.0.aborting.get() {
            Some("is shutting down")
        } else {
            None
        }
    }

    fn create_task(&self, this: &Obj, args: Args<'_>) -> Res {
        let args = args.of("TaskGroup.create_task");
        let coro = args.first("coro")?;
        if let Some(what) = self.refusal() {
            if state().task_group_closes {
                coro.get(c"close")?.call0()?;
            }
            return Err(self.complain(this, what));
        }
        let loop_ = self.0.loop_.get_or_none();
        let core = LoopCore::of(&loop_).filter(|core| core.makes_tasks() && is_coroutine(coro));
        let task = match core.map(|core| (core, args.task_keywords())) {
            Some((core, Some([name, context]))) => {
                let task = new_task(&loop_, core, coro, name, context, false)?;
                self.0.members.add_new(&task)?;
                task
            }
            _ => {
                let task = args.pass_on(&loop_.get(c"create_task")?)?;
                self.0.members.add(&task)?;
                task
            }
        };
        self.watch(this, &task)?;
        Ok(task)
    }

    /// Be told when a task is done.
    fn watch(&self, this: &Obj, task: &Obj) -> Res<()> {
        if self.0.options.any.get() {
            self.remember(task)?;
        }
        let loop_ = self.0.loop_.ptr();
        if let Some(child) = future::exact(task) {
            if child.loop_.ptr() == loop_ && child.scheduler().is_some() {
                return child.add_member(task, this);
            }
        }
        #[cfg(Py_3_14)]
        future::call_graph::add_to_awaited_by(task, &self.0.parent.get_or_none())?;
        let callback = this.get(c"_on_task_done")?;
        task.get(c"add_done_callback")?.call1(&callback).map(drop)
    }

    fn abort(&self) -> Res<()> {
        self.abort_for(None)
    }

    /// Cancel every child; who waits in `spawn` is told that it is over.
    fn abort_for(&self, reason: Option<&Obj>) -> Res<()> {
        self.0.aborting.set(true);
        self.wake_spawner()?;
        for task in self.0.members.all()? {
            if !is_done(&task)? {
                cancel_any(&task, reason.cloned())?;
            }
        }
        Ok(())
    }

    fn cancel_parent(&self, reason: Option<&Obj>) -> Res<()> {
        self.0.parent_cancel_requested.set(true);
        let shield = self.0.shield.get();
        let parent = self.0.parent.get_or_none();
        task::cancel_for_group(shield.as_ref(), &parent, reason.cloned()).map(drop)
    }

    fn on_task_done(&self, this_object: &Obj, task: &Obj) -> Res<()> {
        let this = &self.0;
        this.members.remove(task)?;
        #[cfg(Py_3_14)]
        if future::exact(task).is_none() {
            future::call_graph::discard_from_awaited_by(task, &this.parent.get_or_none())?;
        }
        if this.running() == 0 {
            if let Some(waiter) = this.on_completed.get() {
                set_unless_done(&waiter, || Obj::bool(true))?;
            }
        }
        let exception = exception_of(task)?;
        if this.options.any.get() {
            self.let_go(this_object, task, exception.as_ref())?;
        }
        let Some(exception) = exception else {
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
        let goes_on = this.options.collect.get() && !ends_the_loop(&exception);
        if goes_on || this.aborting.get() || this.parent_cancel_requested.get() {
            return Ok(());
        }
        self.abort()?;
        self.cancel_parent(None)
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

/// The job of a child's end.
pub fn child_done(owner: &Obj, child: &Obj) -> Res<()> {
    owner.class::<TaskGroup>().on_task_done(owner, child)
}

/// The task that waits for the children of a group.
#[cfg(Py_3_14)]
pub fn parent_of(owner: &Obj) -> Option<Obj> {
    owner.class::<TaskGroup>().0.parent.get()
}

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
        limit: Option<i64>,
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
            if limit < 1 {
                let message = format!("limit must be at least 1, not {limit}");
                return Err(raise(value_error(), &message).into());
            }
            options.limit.set(limit as usize);
        }
        if let Some(deadline) = deadline {
            let deadline = crate::ffi::obj(deadline);
            to_double(&deadline)?;
            options.timeout.set(new_timeout(deadline)?);
        }
        let given = limit.is_some() || deadline.is_some() || on_error.is_some() || name.is_some();
        options.any.set(given || results == Some(true));
        if results.unwrap_or(given) {
            options.all.set(list(&[])?);
        }
        options.name.set_opt(name.map(crate::ffi::obj));
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
            &this.options.sites,
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
            &this.options.sites,
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
            c"create_task($self, coro, *, name=None, context=None)\n--\n\nRun a coroutine as a task of the group, and return the task.\n\nRuntimeError: the group has not been entered, is finished or is shutting down; the coroutine is closed.",
        ),
        fastcall_of(
            c"spawn",
            |object, group: &TaskGroup, args| {
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
                let _ = group;
                let operation = new_operation(&SPAWN, object.clone(), coro.cloned())?;
                Operation::of(&operation).kept.set(keywords);
                Ok(operation)
            },
            c"spawn($self, coro, *, name=None, context=None)\n--\n\nWait until fewer tasks than the limit run, run a coroutine as a task of the group, and return the task.\n\nCancelled while it waits, it closes the coroutine. RuntimeError: as for create_task.",
        ),
        fastcall_of(
            c"cancel",
            |object, group: &TaskGroup, args| {
                let [reason] = args.of("TaskGroup.cancel").bind(["reason"], 0)?;
                group.cancel(object, reason.filter(|reason| !reason.is_none()))?;
                Ok(Obj::none())
            },
            c"cancel($self, reason=None)\n--\n\nCancel the tasks of the group and the body of its `async with`, which then ends without an exception.\n\nThe reason is the message of the CancelledError that they see. Once it is over this does nothing. RuntimeError: the group has not been entered.",
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
            && !this.options.timeout.is_set()
    }
}
