//! `Task`: a future that drives a coroutine. Mirrors `_asyncio.Task`.
//!
//! On a native loop a step is a job of the loop, with no handle and no Python call; on any other loop the task goes through
//! `loop.call_soon` with two bound functions, as asyncio's own task does.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::Cell;
use std::ffi::c_void;

use pyo3::ffi;
use riata_trace::{TaskId, Waits};

use super::args::{Args, given, init_args};
use super::entry::{field, method, visit_all};
use super::future::{self, Future, Status, cancel_args, describe, finalize_future};
use super::typespec::{TypeSpec, fastcall, getset, getter, noargs, onearg};
use crate::event_loop::LoopCore;
use crate::ffi::{
    Obj, Raised, Res, RunsIn, Sent, Slot, aside, copy_context, dict, dict_set, exception_matches,
    give, give_from, in_context, is_coroutine_exact, is_generator_exact, own_context, raise,
    raise_runtime_error, raise_type_error, repr, send_none, set_exception, string, take_exception,
    throw, tuple, unraisable,
};
#[cfg(not(Py_3_14))]
use crate::ffi::{dict_delete, dict_get};
use crate::job::Job;
use crate::state::state;

mod methods;

pub use methods::make_type;
use methods::{step_callback, wakeup_method};

#[repr(C)]
pub struct Task {
    pub future: Future,
    coro: Slot,
    /// The name, or empty while it is the default one and nobody has asked.
    name: Slot,
    context: Slot,
    /// Whether `context` is a snapshot, to be copied before the first step; see `own_context`.
    context_is_shared: Cell<bool>,
    /// What the task awaits.
    waiter: Slot,
    /// Neighbours in the loop's list of tasks; null when not listed.
    pub previous: Cell<*const Task>,
    pub next: Cell<*const Task>,
    pub id: Cell<u64>,
    cancel_requests: Cell<u32>,
    must_cancel: Cell<bool>,
    log_destroy_pending: Cell<bool>,
    pub listed: Cell<bool>,
}

/// The two functions that other loops call: `task_step([exception])` and `task_wakeup(future)`.
pub struct Callbacks {
    step: *mut ffi::PyMethodDef,
    wakeup: *mut ffi::PyMethodDef,
}

impl Callbacks {
    pub fn new() -> Callbacks {
        let leak = |def| Box::into_raw(Box::new(def));
        Callbacks {
            step: leak(fastcall(
                c"task_step",
                step_callback,
                c"Run the task up to its next await.",
            )),
            wakeup: leak(onearg(
                c"task_wakeup",
                wakeup_method,
                c"Go on with the task: what it awaited is done.",
            )),
        }
    }
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
    let tp = state().task_type;
    // SAFETY: the list parks objects of this type only; a fresh one is zeroed, tracked and valid.
    let object = unsafe {
        let parked = core.parked_tasks.take(tp);
        if parked.is_null() {
            Obj::owned(ffi::PyType_GenericAlloc(tp, 0))?
        } else {
            ffi::PyObject_GC_Track(parked.cast());
            Obj::owned(parked)?
        }
    };
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

/// The callable that another future is given to wake `task`.
pub fn wakeup_callback(task: &Obj) -> Res {
    // SAFETY: the method table lives for ever; the function takes its own reference to the task.
    unsafe {
        Obj::owned(ffi::PyCFunction_NewEx(
            state().task_callbacks.wakeup,
            task.as_ptr(),
            std::ptr::null_mut(),
        ))
    }
}

/// The callable that runs the next step of `task`.
pub fn step_callable(task: &Obj) -> Res {
    // SAFETY: as in `wakeup_callback`.
    unsafe {
        Obj::owned(ffi::PyCFunction_NewEx(
            state().task_callbacks.step,
            task.as_ptr(),
            std::ptr::null_mut(),
        ))
    }
}

/// The task behind a callable made by [`wakeup_callback`].
pub fn waiting_task(callback: &Obj) -> Option<Obj> {
    // SAFETY: a live object; the function pointer is only compared; a bound function owns its receiver.
    unsafe {
        if ffi::PyCFunction_CheckExact(callback.as_ptr()) == 0 {
            return None;
        }
        let function = ffi::PyCFunction_GetFunction(callback.as_ptr())?;
        if function as usize != wakeup_method as *const () as usize {
            return None;
        }
        Some(Obj::shared(ffi::PyCFunction_GetSelf(callback.as_ptr())))
    }
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
        if !is_coroutine_exact(coro) && !state().iscoroutine.call1(coro)?.truth()? {
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
        self.coro.set(coro.clone());
        self.must_cancel.set(false);
        self.cancel_requests.set(0);
        self.log_destroy_pending.set(true);
        self.id.set(next_id());
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

    fn loop_is_running(&self) -> Res<bool> {
        match self.future.core() {
            Some(core) => Ok(core.is_running()),
            None => self
                .future
                .loop_
                .get_or_none()
                .method0(&state().names.is_running)?
                .truth(),
        }
    }

    /// Run the first step at once, inside the call that made the task (3.12 and newer).
    fn start_eagerly(&self, this: &Obj) -> Res<()> {
        let loop_ = self.future.loop_.get_or_none();
        let state = state();
        if let Some(core) = self.future.core() {
            core.spawned(self.task_id());
        }
        let outer = swap_current(&loop_, this)?;
        let noted = self
            .future
            .core()
            .map(|core| (core, core.note_current(this)));
        let registered = match &state.register_eager_task {
            Some(register) => register.call1(this).map(drop),
            None => Ok(()),
        };
        let context = self.own_context()?;
        let mut began = false;
        let stepped = registered.and_then(|()| {
            in_context(&context, || {
                began = true;
                self.step(this, None)
            })
        });
        let ended = aside(|| {
            if let Some((core, noted)) = noted {
                core.restore_current(&noted);
            }
            let restored = swap_current(&loop_, &outer).map(drop);
            let unregistered = aside(|| match &state.unregister_eager_task {
                Some(unregister) => unregister.call1(this).map(drop),
                None => Ok(()),
            });
            let registered = aside(|| match began {
                true => self.register_started(this),
                // Nothing will ever run it.
                false => Ok(()),
            });
            restored.and(unregistered).and(registered)
        });
        stepped.and(ended)
    }

    /// The first step of an eager task is over.
    fn register_started(&self, this: &Obj) -> Res<()> {
        if self.future.is_done() {
            self.coro.clear();
            return Ok(());
        }
        match self.future.core() {
            Some(core) => {
                self.list(core);
                Ok(())
            }
            None => state().register_task.call1(this).map(drop),
        }
    }

    /// Schedule a bound function of this task on a loop that is not ours.
    fn call_soon(&self, callback: Obj, argument: Option<&Obj>) -> Res<()> {
        let method = self
            .future
            .loop_
            .get_or_none()
            .attr(&state().names.call_soon)?;
        let context = self.own_context()?;
        let kw = &state().kw_context;
        match argument {
            None => method.call_kw(&[callback.as_ptr(), context.as_ptr()], kw),
            Some(argument) => method.call_kw(
                &[callback.as_ptr(), argument.as_ptr(), context.as_ptr()],
                kw,
            ),
        }
        .map(drop)
    }

    /// Run the next step in a turn of its own, throwing `exception` if there is one.
    fn step_soon(&self, this: &Obj, exception: Option<Obj>) -> Res<()> {
        match self.future.scheduler() {
            Some(core) => {
                core.check_may_schedule()?;
                core.push(match exception {
                    None => Job::Step(this.clone()),
                    Some(exception) => Job::Throw(this.clone(), exception),
                });
                Ok(())
            }
            None => self.call_soon(step_callable(this)?, exception.as_ref()),
        }
    }

    /// Run a job of a native loop: one step, inside the task's context.
    #[inline]
    pub fn run(&self, this: &Obj, core: &LoopCore, exception: Option<Obj>) -> Res<()> {
        let context = self.own_context()?;
        core.enter(this)?;
        core.stepping(self.task_id());
        let stepped = in_context(&context, || self.step(this, exception));
        core.step_ended()?;
        stepped
    }

    /// What to throw when the awaited future is done: nothing when it has a result. `result()` of a subclass is asked as
    /// asyncio's wake-up asks it: in the task's context, and before the task is the current one.
    #[inline]
    pub fn woken(&self, core: &LoopCore) -> Res<Option<Obj>> {
        let Some(waiter) = self.waiter.get() else {
            return Ok(None);
        };
        match future::exact(&waiter) {
            Some(future) if !future.failed() => Ok(None),
            Some(future) => Ok(future.outcome()?.err()),
            None => {
                core.leave()?;
                in_context(&self.context.get_or_none(), || Ok(result_of(&waiter)))
            }
        }
    }

    /// One step of the coroutine: send or throw, then deal with what came out.
    #[inline]
    fn step(&self, this: &Obj, exception: Option<Obj>) -> Res<()> {
        let mut exception = exception;
        if self.future.is_done() {
            return Err(self.already_done(this, exception.as_ref()));
        }
        if self.must_cancel.get() {
            let is_cancel = exception
                .as_ref()
                .is_some_and(|e| exception_matches(e, state().cancelled_error.as_ptr()));
            if !is_cancel {
                exception = Some(self.future.cancelled_error()?);
            }
            self.must_cancel.set(false);
        }
        self.waiter.clear();
        let Some(coro) = self.coro.get() else {
            return Err(raise_runtime_error("uninitialized Task object"));
        };
        let sent = match &exception {
            None => send_none(&coro),
            Some(exception) => throw(&coro, &state().names.throw, exception),
        };
        drop(exception);
        match sent {
            Sent::Yielded(value) => self.park(this, value),
            Sent::Returned(value) => {
                if self.must_cancel.replace(false) {
                    // Cancelled right before the coroutine ended.
                    let message = self.future.cancel_message.get();
                    self.future.cancel(this, message)?;
                } else {
                    self.future.set_result(this, value)?;
                }
                self.ended();
                Ok(())
            }
            Sent::Raised => self.fail(this),
        }
    }

    #[inline]
    fn task_id(&self) -> TaskId {
        TaskId(self.id.get())
    }

    #[inline]
    fn ended(&self) {
        if let Some(core) = self.future.core() {
            core.finished(self.task_id());
        }
        self.unlist();
    }

    #[cold]
    fn already_done(&self, this: &Obj, exception: Option<&Obj>) -> Raised {
        let shown = || -> Res<String> {
            Ok(format!(
                "__step(): already done: {} {}",
                repr(this)?,
                exception.map_or(Ok(String::new()), repr)?
            ))
        };
        match shown() {
            Ok(text) => raise(state().invalid_state_error.as_ptr(), &text),
            Err(raised) => raised,
        }
    }

    /// The coroutine raised: the task is cancelled or failed.
    fn fail(&self, this: &Obj) -> Res<()> {
        let Some(exception) = take_exception() else {
            return Err(raise_runtime_error(
                "the coroutine failed without an exception",
            ));
        };
        if exception_matches(&exception, state().cancelled_error.as_ptr()) {
            self.future.cancelled_exception.set(exception);
            let message = self.future.cancel_message.get();
            self.future.cancel(this, message)?;
            self.ended();
            return Ok(());
        }
        self.future.set_exception(this, &exception)?;
        self.ended();
        if crate::ffi::ends_the_loop(&exception) {
            return Err(set_exception(exception));
        }
        Ok(())
    }

    /// The coroutine yielded: wait for what it awaits, or tell it what is wrong.
    #[inline]
    fn park(&self, this: &Obj, value: Obj) -> Res<()> {
        if value.is_none() {
            // A bare `yield`: one turn for the others.
            if let Some(core) = self.future.core() {
                core.parked(self.task_id(), Waits::Turn, TaskId::NONE);
            }
            return self.step_soon(this, None);
        }
        if value.is(this.as_ptr()) {
            return self.step_error(this, || {
                Ok(format!("Task cannot await on itself: {}", repr(this)?))
            });
        }
        if let Some(future) = future::exact(&value) {
            if !future.blocking.get() {
                return self.not_awaited(this, &value);
            }
            if future.loop_.ptr() != self.future.loop_.ptr() {
                return self.other_loop(this, &value);
            }
            future.blocking.set(false);
            match self.future.core() {
                Some(core) => {
                    core.parked(self.task_id(), Waits::Future, TaskId(id_of(&value)));
                    future.add_task(&value, this)?;
                }
                None => future.add_callback(&value, wakeup_callback(this)?, self.own_context()?)?,
            }
            return self.wait_for(value);
        }
        self.park_on_foreign(this, value)
    }

    /// Remember what is awaited; a cancel request that came first goes to it.
    #[inline]
    fn wait_for(&self, value: Obj) -> Res<()> {
        if !self.must_cancel.get() {
            self.waiter.set(value);
            return Ok(());
        }
        self.waiter.set(value.clone());
        let message = self.future.cancel_message.get();
        if cancel_any(&value, message)? {
            self.must_cancel.set(false);
        }
        Ok(())
    }

    /// A future of another type: anything with `_asyncio_future_blocking`.
    fn park_on_foreign(&self, this: &Obj, value: Obj) -> Res<()> {
        let names = &state().names;
        let blocking = match value.attr(&names.future_blocking) {
            Ok(blocking) if !blocking.is_none() => blocking,
            Ok(_) => return self.bad_yield(this, &value),
            Err(Raised) => {
                // SAFETY: an exception is set; a static type.
                if !unsafe { crate::ffi::raised_matches(ffi::PyExc_AttributeError) } {
                    return Err(Raised);
                }
                drop(take_exception());
                return self.bad_yield(this, &value);
            }
        };
        let loop_ = loop_of(&value)?;
        if loop_.as_ptr() != self.future.loop_.ptr() {
            return self.other_loop(this, &value);
        }
        if !blocking.truth()? {
            return self.not_awaited(this, &value);
        }
        value.set_attr(&names.future_blocking, &Obj::bool(false))?;
        if let Some(core) = self.future.core() {
            core.parked(self.task_id(), Waits::Future, TaskId::NONE);
        }
        let add = value.attr(&names.add_done_callback)?;
        let context = self.own_context()?;
        add.call_kw(
            &[wakeup_callback(this)?.as_ptr(), context.as_ptr()],
            &state().kw_context,
        )?;
        self.wait_for(value)
    }

    #[cold]
    fn not_awaited(&self, this: &Obj, value: &Obj) -> Res<()> {
        self.step_error(this, || {
            Ok(format!(
                "yield was used instead of yield from in task {} with {}",
                repr(this)?,
                repr(value)?
            ))
        })
    }

    #[cold]
    fn other_loop(&self, this: &Obj, value: &Obj) -> Res<()> {
        self.step_error(this, || {
            Ok(format!(
                "Task {} got Future {} attached to a different loop",
                repr(this)?,
                repr(value)?
            ))
        })
    }

    #[cold]
    fn bad_yield(&self, this: &Obj, value: &Obj) -> Res<()> {
        self.step_error(this, || {
            let (task, shown) = (repr(this)?, repr(value)?);
            Ok(if is_generator_exact(value) {
                format!(
                    "yield was used instead of yield from for generator in task {task} with {shown}"
                )
            } else {
                format!("Task got bad yield: {shown}")
            })
        })
    }

    /// Throw a RuntimeError into the coroutine in the next turn.
    fn step_error(&self, this: &Obj, message: impl FnOnce() -> Res<String>) -> Res<()> {
        let text = string(&message()?)?;
        // SAFETY: calls a static exception type.
        let error = unsafe {
            Obj::owned(ffi::PyObject_CallOneArg(
                ffi::PyExc_RuntimeError,
                text.as_ptr(),
            ))?
        };
        self.step_soon(this, Some(error))
    }

    /// Pass the request down the chain of tasks that wait for each other, to the one that waits for something else. asyncio
    /// recurses here; a loop has no depth to exceed, but for tasks that wait in a ring.
    fn cancel(&self, message: Option<Obj>) -> Res<bool> {
        self.future.forgive();
        if self.future.is_done() {
            return Ok(false);
        }
        let mut held;
        let mut task = self;
        let (mut mark, mut steps, mut limit) = (&raw const *self, 0u32, 1u32);
        loop {
            task.count_cancel_request();
            let Some(waiter) = task.waiter.get() else {
                break;
            };
            match exact(&waiter) {
                Some(inner) if inner.future.is_done() => break,
                None if cancel_any(&waiter, message.clone())? => return Ok(true),
                None => break,
                Some(_) => {
                    held = waiter;
                    task = Task::of(&held);
                    if std::ptr::eq(task, mark) {
                        return Err(raise_ring());
                    }
                    steps += 1;
                    if steps == limit {
                        (mark, steps, limit) = (&raw const *task, 0, limit.saturating_mul(2));
                    }
                }
            }
        }
        task.must_cancel.set(true);
        task.future.cancel_message.set_opt(message);
        Ok(true)
    }

    fn count_cancel_request(&self) {
        self.cancel_requests
            .set(self.cancel_requests.get().saturating_add(1));
        if let Some(core) = self.future.core() {
            core.cancelled(self.task_id());
        }
    }

    fn uncancel(&self) -> u32 {
        let left = self.cancel_requests.get().saturating_sub(1);
        self.cancel_requests.set(left);
        // Since 3.13 a request that was taken back before it was delivered is not delivered.
        if cfg!(Py_3_13) && left == 0 {
            self.must_cancel.set(false);
        }
        left
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
    fn clear_own(&self) {
        for slot in [&self.coro, &self.name, &self.context, &self.waiter] {
            slot.clear();
        }
    }

    fn report_destroyed(&self, this: &Obj) -> Res<()> {
        let names = &state().names;
        let context = dict()?;
        dict_set(&context, &names.task, this)?;
        dict_set(
            &context,
            &names.message,
            &string("Task was destroyed but it is pending!")?,
        )?;
        if let Some(traceback) = self.future.source_traceback.get() {
            dict_set(&context, &names.source_traceback, &traceback)?;
        }
        self.future.call_exception_handler(&context)
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

/// What asyncio's recursion ends in when tasks wait for each other in a ring.
fn raise_ring() -> Raised {
    // SAFETY: a static exception type.
    raise(
        unsafe { ffi::PyExc_RecursionError },
        "maximum recursion depth exceeded while calling a Python object",
    )
}

/// `future.cancel(msg=message)`, for ours without a call.
fn cancel_any(future: &Obj, message: Option<Obj>) -> Res<bool> {
    if let Some(task) = exact(future) {
        return task.cancel(message);
    }
    if let Some(ours) = future::exact(future) {
        return ours.cancel(future, message);
    }
    let method = future.attr(&state().names.cancel)?;
    let message = message.unwrap_or_else(Obj::none);
    let names = tuple(&[state().names.msg.as_ptr()])?;
    method.call_kw(&[message.as_ptr()], &names)?.truth()
}

/// `asyncio.futures._get_loop`.
fn loop_of(future: &Obj) -> Res {
    let names = &state().names;
    match future.attr(&names.get_loop) {
        Ok(method) => method.call0(),
        Err(Raised) => {
            // SAFETY: an exception is set; a static type.
            if !unsafe { crate::ffi::raised_matches(ffi::PyExc_AttributeError) } {
                return Err(Raised);
            }
            drop(take_exception());
            future.attr(&names.loop_attr)
        }
    }
}

/// The exception of a foreign future that is done, or none. A future of ours answers without a call.
fn result_of(future: &Obj) -> Option<Obj> {
    match future.method0(&state().names.result) {
        Ok(_) => None,
        Err(Raised) => take_exception(),
    }
}

/// Tell asyncio that `task` (`None`: no task) is the current one; returns what was, which may be a task of asyncio's.
fn swap_current(loop_: &Obj, task: &Obj) -> Res {
    let state = state();
    #[cfg(not(Py_3_14))]
    if let Some(current) = &state.current_tasks {
        // What `_swap_current_task` does up to 3.13.
        let before = dict_get(current, loop_)?;
        if !task.is_none() {
            dict_set(current, loop_, task)?;
        } else if before.is_some() {
            dict_delete(current, loop_)?;
        }
        return Ok(before.unwrap_or_else(Obj::none));
    }
    match &state.swap_current_task {
        Some(swap) => swap.call(&[loop_.as_ptr(), task.as_ptr()]),
        None => Ok(Obj::none()),
    }
}
