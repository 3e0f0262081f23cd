//! `TaskGroup`. Mirrors `asyncio.TaskGroup` of 3.14; what it has beyond that is in `options.rs`.

mod members;
mod methods;
mod options;

use std::cell::Cell;

use pyo3::prelude::*;

use self::members::Members;
pub use self::methods::add_methods;
use self::options::Options;

use super::waiters::{is_cancellation, message_of, new_waiter, outcome};
use crate::core::args::Args;
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future;
use crate::core::future::any::{exception_of, is_done, set_unless_done};
use crate::core::operation::{Kind, Operation, is_coroutine};
use crate::core::task::{self, cancel_any, new_task};
use crate::core::timeout::Timeout;
use crate::event_loop::LoopCore;
use crate::event_loop::current_task::{current_task, require_running_loop};
use crate::event_loop::reports::call_exception_handler;
use crate::ffi::{
    GilBound, Obj, Res, Slot, aside, context_of, ends_the_loop, is_generator_exit, list,
    list_append, list_items, list_len, raise_from_none, raise_runtime_error, repr, set_context,
    string,
};
use crate::state::state;

/// Tasks that end together: `async with` waits for all, and the first that fails cancels the others.
///
/// Args:
///     limit: how many tasks run at once; `spawn` waits for a place, `create_task` does not.
///     deadline: loop time in seconds at which all is cancelled, the body too.
///     on_error: "cancel" ends the group with the first failure; "collect" lets every task run to its end. A failure of the body
///         does not cancel them there.
///     name: for `repr`, and for the notes on failures.
///     results: keep every task for `results()`; without it, a group with any other argument does.
/// Raises:
///     ExceptionGroup: tasks or the body have failed: every failure, with a note of the task and of where it was made. If the
///         deadline passes too, the last one is that TimeoutError.
///     TimeoutError: the deadline has passed, and nothing has failed.
///     RuntimeError: entered twice, or outside a task.
///     ValueError, TypeError: these are no arguments.
/// Cancellation: the tasks are cancelled, with the same message, and waited for; `cancel` does so without an exception.
/// Mirrors: `asyncio.TaskGroup` of 3.14, without arguments.
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
            Some(exception) => {
                if task::cancelling(&group.0.parent.get_or_none())? > 0 {
                    // Another request came on its heels.
                    operation.kept.set(exception);
                }
                conclude(operation, group)
            }
            None => conclude(operation, group),
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
                } else if group.0.parent_cancel_requested.get() {
                    // It may be somebody else's, and ours is taken back.
                    operation.kept.set(exception);
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
    let ends = ends_the_loop(&exception);
    if ends && !group.0.base_error.is_set() {
        group.0.base_error.set(exception.clone());
    }
    let cancelled = is_cancellation(&exception);
    let reason = cancelled.then(|| message_of(&exception)).flatten();
    let closes = is_generator_exit(&exception);
    if cancelled {
        operation.kept.set(exception);
    }
    let goes_on = group.0.options.collect.get() && !cancelled && !ends && !closes;
    if !group.0.aborting.get() && !goes_on {
        group.abort_for(reason.as_ref())?;
    }
    Ok(())
}

/// All children are done: what is to be raised?
fn conclude(operation: &Operation, group: &TaskGroup) -> Res<Stepped> {
    let this = &group.0;
    if let Some(exception) = this.base_error.take() {
        let own = operation.argument.take();
        if let Some(own) = own.filter(|own| !own.is(exception.as_ptr())) {
            set_context(&exception, &own);
        }
        this.report_errors_beside(&exception)?;
        return rethrow(exception);
    }
    let own = operation.argument.get();
    // The body was cancelled by `cancel` alone: its exception ends here.
    let ended_quietly = own.is_some();
    let mut own = own.filter(|exception| !is_cancellation(exception));
    let parent = this.parent.get_or_none();
    if this.parent_cancel_requested.replace(false) {
        if task::uncancel_for_group(&parent)? == 0 {
            // No other request is left.
            operation.kept.clear();
            if !task::forget_request(&parent)? {
                operation.phase.set(ABSORBING);
                return Ok(Stepped::Waits(Obj::none()));
            }
        } else if !operation.kept.is_set() && own.is_none() && !task::is_to_be_cancelled(&parent)? {
            // Somebody else's came while children ended, and has been delivered.
            operation.kept.set(state().cancelled_error.call0()?);
        }
    }
    operation.argument.clear();
    if this.options.collect.get() {
        // Nobody was cancelled for it: it is a failure like those of the tasks.
        if let Some(exception) = own.take_if(|own| !is_generator_exit(own)) {
            this.add_error(&exception)?;
        }
    }
    let cancellation = operation.kept.take();
    if let Some(cancellation) = cancellation.as_ref().filter(|_| this.errors() == 0) {
        if let Some(own) = own.filter(|_| context_of(cancellation).is_none()) {
            set_context(cancellation, &own);
        }
        return rethrow(cancellation.clone());
    }
    if let Some(exception) = own {
        if is_generator_exit(&exception) && this.errors() == 0 {
            // Who closes the generator around the group expects no other. A request that came meanwhile is to be seen.
            task::request_anew(&parent, cancellation.as_ref().and_then(message_of))?;
            return rethrow(exception);
        }
        this.add_error(&exception)?;
    }
    let Some(errors) = this.errors.take() else {
        return Ok(Stepped::Ends(Obj::bool(ended_quietly)));
    };
    if let Some(error) = group.deadline_error()? {
        list_append(&errors, &error)?;
    }
    task::request_anew(&parent, cancellation.as_ref().and_then(message_of))?;
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
        let errors = self.errors.get_or_none();
        // Tasks, or the body, may await one that fails: where all run to their end that is an ordinary thing.
        let is_known = self.options.collect.get()
            && list_items(&errors)
                .iter()
                .any(|known| known.is(exception.as_ptr()));
        match is_known {
            true => Ok(()),
            false => list_append(&errors, exception),
        }
    }

    /// The program ends with an exception that has no room for those of the tasks.
    fn report_errors_beside(&self, exception: &Obj) -> Res<()> {
        let names = &state().names;
        let Some(errors) = self.errors.take() else {
            return Ok(());
        };
        for error in list_items(&errors) {
            if !error.is(exception.as_ptr()) {
                let ends_with = repr(exception)?;
                let message = format!("A task failed in a group that ends with {ends_with}");
                call_exception_handler(
                    &self.loop_.get_or_none(),
                    &[
                        (&names.message, Some(&string(&message)?)),
                        (&names.exception, Some(&error)),
                    ],
                )?;
            }
        }
        Ok(())
    }

    /// Exceptions hold frames, which hold the group: nothing is kept of them.
    fn forget(&self) {
        self.parent.clear();
        self.shield.clear();
        self.errors.clear();
        self.base_error.clear();
        self.options.reason.clear();
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
        if self.0.options.cancelled.get() {
            let reason = self.0.options.reason.get();
            return self.cancel(reason.as_ref());
        }
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
                self.remember_new(&task)?;
                task
            }
            _ => {
                let task = args.pass_on(&loop_.get(c"create_task")?)?;
                self.0.members.add(&task)?;
                self.remember(&task)?;
                task
            }
        };
        self.watch(this, &task)?;
        if self.0.aborting.get() && !is_done(&task)? {
            // In the first step of an eager task, which was not among those that were cancelled.
            cancel_any(&task, self.0.options.reason.get())?;
        }
        Ok(task)
    }

    /// Be told when a task is done.
    fn watch(&self, this: &Obj, task: &Obj) -> Res<()> {
        let loop_ = self.0.loop_.ptr();
        // A subclass may want to be told in its own way.
        let is_ours = this.is_class::<TaskGroup>();
        if let Some(child) = future::exact(task).filter(|_| is_ours) {
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
        self.0.options.reason.set_opt(reason.cloned());
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
        if future::exact(task).is_none() || !this_object.is_class::<TaskGroup>() {
            future::call_graph::discard_from_awaited_by(task, &this.parent.get_or_none())?;
        }
        if this.running() == 0 {
            if let Some(waiter) = this.on_completed.get() {
                set_unless_done(&waiter, || Obj::bool(true))?;
            }
        }
        let exception = exception_of(task)?;
        self.let_go(this_object, task, exception.as_ref())?;
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
