//! `Task`: a future that drives a coroutine. Mirrors `_asyncio.Task`.
//!
//! On a native loop a step is a job of the loop, with no handle and no Python call; on any other loop the task goes through
//! `loop.call_soon` with two bound functions, as asyncio's own task does.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

mod callbacks;
mod cancel;
mod eager;
mod methods;
mod park;
mod step;

use std::cell::Cell;

use pyo3::ffi;
use riata_trace::TaskId;

use super::args::given;
use super::future::Future;
use super::operation::{Operation, is_coroutine};
use crate::event_loop::LoopCore;
use crate::event_loop::current_task::holder_id;
use crate::event_loop::reports::call_exception_handler;
use crate::ffi::{
    Obj, Raised, Res, RunsIn, Slot, copy_context, own_context, raise_type_error, repr, string,
    take_exception,
};
use crate::job::Job;
use crate::primitives::timeout::nearest_deadline;
use crate::state::state;

#[cfg(Py_3_14)]
pub use callbacks::awaiting_task;
pub use callbacks::{Callbacks, step_callable, waiting_task, wakeup_callback};
pub use cancel::{
    cancel_any, cancel_for_group, cancel_within, cancelling, forget_request, is_to_be_cancelled,
    request_anew, shield_of, uncancel, uncancel_for_group,
};
pub use methods::make_type;

#[repr(C)]
pub struct Task {
    pub future: Future,
    coro: Slot,
    /// The name, or empty while it is the default one and nobody has asked.
    name: Slot,
    context: Slot,
    /// Where it stands in the list of the task group that made it, and the instruction there; negative when the group knows it.
    pub place_in_group: Cell<u32>,
    pub made_at: Cell<i32>,
    /// What the task awaits.
    waiter: Slot,
    /// The innermost `Timeout` that it runs within, its own or that of the task that made it.
    pub timeout: Slot,
    /// What holds back requests to cancel it, while there is such a thing.
    pub shield: Slot,
    /// Where in the program it was made, on a loop that asks for it.
    pub site: Slot,
    /// Neighbours in the loop's list of tasks; null when not listed.
    pub previous: Cell<*const Task>,
    pub next: Cell<*const Task>,
    pub id: Cell<u64>,
    cancel_requests: Cell<u32>,
    /// Whether `context` is a snapshot, to be copied before the first step; see `own_context`.
    context_is_shared: Cell<bool>,
    must_cancel: Cell<bool>,
    /// The last request was made anew by a group: taken back, it is not delivered, as others are before 3.13.
    asked_anew: Cell<bool>,
    log_destroy_pending: Cell<bool>,
    pub listed: Cell<bool>,
}

/// View as a task of ours when its type is exactly `Task`.
#[inline]
pub fn exact(object: &Obj) -> Option<&Task> {
    // SAFETY: objects of this exact type have our layout and live as long as the reference.
    (object.type_ptr() == state().task_type).then(|| unsafe { &*object.as_ptr().cast::<Task>() })
}

/// The id of a task of ours; zero for any other object.
#[inline]
pub fn id_of(task: &Obj) -> u64 {
    of(task).map_or(0, |task| task.id.get())
}

/// View as a task of ours or of a subclass.
#[inline]
pub fn of(object: &Obj) -> Option<&Task> {
    let is_task = object.is_instance_of(state().task_type);
    // SAFETY: instances of the type start with our layout.
    is_task.then(|| unsafe { &*object.as_ptr().cast::<Task>() })
}

/// `loop.create_task` on a native loop: make, list and schedule the task.
#[inline]
pub fn new_task(
    loop_: &Obj,
    core: &LoopCore,
    coro: &Obj,
    name: Option<&Obj>,
    context: Option<&Obj>,
    eager: bool,
) -> Res {
    // SAFETY: the list parks objects of this type only; a fresh one is zeroed, tracked and valid.
    let object = unsafe { core.parked_tasks.new_object(state().task_type)? };
    // SAFETY: made just above.
    let task = unsafe { &*object.as_ptr().cast::<Task>() };
    task.future.bind(loop_, core);
    if core.debug.get() {
        task.future.capture_stack()?;
    }
    task.start(&object, coro, name, context, eager)?;
    Ok(object)
}

/// The context of a task (or `None` for what is no task).
pub fn context_of(task: &Obj) -> Obj {
    of(task).map_or_else(Obj::none, Task::context_or_none)
}

/// A task leaves the list of its loop; any other future stands in none.
pub fn unlist(future: &Obj) {
    if let Some(task) = of(future) {
        task.unlist();
    }
}

pub fn is_waiting_for(task: &Obj, future: &Obj) -> bool {
    exact(task).is_some_and(|task| task.waiter.ptr() == future.as_ptr())
}

impl Task {
    /// The task that made this one for a single operation, which holds what that takes: this one ends with it. Zero for none.
    #[inline]
    pub fn acts_for(&self) -> u64 {
        if !self.coro.is_set() {
            return 0;
        }
        // SAFETY: set, and nothing that could change it runs meanwhile.
        let coro = unsafe { self.coro.as_obj() };
        match Operation::is(coro) {
            true => Operation::of(coro).acts_for.get(),
            false => 0,
        }
    }

    /// The caller knows that `object` is a task of ours: it comes from a job or a slot that holds nothing else.
    #[inline]
    pub fn of(object: &Obj) -> &Task {
        debug_assert!(object.is_instance_of(state().task_type));
        // SAFETY: instances of the type start with our layout and live as long as the reference.
        unsafe { &*object.as_ptr().cast::<Task>() }
    }

    fn init(
        &self,
        this: &Obj,
        coro: &Obj,
        loop_: Option<Obj>,
        name: Option<&Obj>,
        context: Option<&Obj>,
        eager: bool,
    ) -> Res<()> {
        #[cfg(Py_3_15)]
        self.future.refuse_second_init(this)?;
        self.clear_own();
        self.future.init(this, loop_)?;
        self.start(this, coro, name, context, eager)
    }

    #[inline]
    fn start(
        &self,
        this: &Obj,
        coro: &Obj,
        name: Option<&Obj>,
        context: Option<&Obj>,
        eager: bool,
    ) -> Res<()> {
        self.log_destroy_pending.set(false);
        if !is_coroutine(coro) && !state().iscoroutine.call1(coro)?.truth()? {
            return Err(raise_type_error(&format!(
                "a coroutine was expected, got {}",
                repr(coro)?
            )));
        }
        let context = match (given(context), self.future.core()) {
            (Some(context), _) => RunsIn::Own(context.clone()),
            (None, Some(core)) if !eager => core.context_for_job()?,
            (None, _) => RunsIn::Own(copy_context()?),
        };
        if let Some(name) = given(name) {
            self.name.set(as_str(name)?);
        }
        let (context, is_shared) = context.into_parts();
        self.context.set(context);
        self.context_is_shared.set(is_shared);
        if Operation::is(coro) {
            // It may lead back to the task, which may never begin.
            Operation::of(coro).track(coro);
            Operation::of(coro).acts_for.set(holder_id().unwrap_or(0));
        }
        self.coro.set(coro.clone());
        self.must_cancel.set(false);
        self.asked_anew.set(false);
        self.cancel_requests.set(0);
        self.log_destroy_pending.set(true);
        self.id.set(next_id());
        if let Some(core) = self.future.core() {
            core.inherit_timeout(self);
            if let Some(site) = core.task_site.get() {
                self.site.set(site.call0()?);
            }
        }
        if eager && self.loop_is_running()? {
            return self.start_eagerly(this);
        }
        match self.future.core() {
            Some(core) => {
                if let Err(raised) = core.check_may_schedule() {
                    self.log_destroy_pending.set(false);
                    return Err(raised);
                }
                core.spawned(self.task_id());
                self.list(core);
                core.push(Job::Step(this.clone()));
                Ok(())
            }
            None => {
                self.call_soon(step_callable(this)?, None)?;
                state().register_task.call1(this)?;
                Ok(())
            }
        }
    }

    /// The context that the task runs in, and nothing else does.
    #[inline]
    fn own_context(&self) -> Res {
        own_context(&self.context, &self.context_is_shared)?;
        Ok(self.context.get_or_none())
    }

    /// For a report, which must not fail.
    fn context_or_none(&self) -> Obj {
        self.own_context().unwrap_or_else(|Raised| {
            drop(take_exception());
            Obj::none()
        })
    }

    #[inline]
    fn task_id(&self) -> TaskId {
        TaskId(self.id.get())
    }

    fn name(&self) -> Res {
        if let Some(name) = self.name.get() {
            return Ok(name);
        }
        let name = string(&format!("Task-{}", self.id.get()))?;
        self.name.set(name.clone());
        Ok(name)
    }

    /// Stand in the list of the loop, once: `core` is the task's own, and what ran meanwhile may have listed it.
    #[inline]
    fn list(&self, core: &LoopCore) {
        self.unlist();
        core.list(self);
    }

    #[inline]
    pub fn unlist(&self) {
        if self.listed.get() {
            if let Some(core) = self.future.core() {
                core.unlist(self);
            }
        }
    }

    #[inline]
    fn own_slots(&self) -> [&Slot; 7] {
        [
            &self.coro,
            &self.name,
            &self.context,
            &self.waiter,
            &self.timeout,
            &self.shield,
            &self.site,
        ]
    }

    #[inline]
    fn clear_own(&self) {
        for slot in self.own_slots() {
            slot.clear();
        }
    }

    /// The loop time at which a timeout will end what it waits for; `None` without one.
    fn deadline(&self, this: &Obj) -> Res {
        let nearest = nearest_deadline(self.timeout.get(), |timeout| timeout.limits(this))?;
        nearest.map_or_else(|| Ok(Obj::none()), crate::ffi::float)
    }

    /// Nobody who could do anything about it is to hear that it is destroyed before it is done.
    pub fn forget_when_destroyed(&self) {
        self.log_destroy_pending.set(false);
    }

    fn report_destroyed(&self, this: &Obj) -> Res<()> {
        let names = &state().names;
        let message = string("Task was destroyed but it is pending!")?;
        let traceback = self.future.source_traceback.get();
        call_exception_handler(
            &self.future.loop_.get_or_none(),
            &[
                (&names.task, Some(this)),
                (&names.message, Some(&message)),
                (&names.source_traceback, traceback.as_ref()),
            ],
        )
    }
}

fn next_id() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn as_str(name: &Obj) -> Res {
    // SAFETY: a live object.
    unsafe {
        if ffi::PyUnicode_CheckExact(name.as_ptr()) != 0 {
            Ok(name.clone())
        } else {
            Obj::owned(ffi::PyObject_Str(name.as_ptr()))
        }
    }
}
