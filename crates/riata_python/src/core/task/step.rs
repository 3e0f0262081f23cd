//! A step of a task: waking it, sending or throwing into the coroutine, and what its end means.

use super::Task;
use super::callbacks::step_callable;
use crate::core::future;
use crate::event_loop::LoopCore;
use crate::ffi::{
    Obj, Raised, Res, Sent, exception_matches, in_context, raise, raise_runtime_error, repr,
    run_in_context, send_none, set_exception, take_exception, throw,
};
use crate::job::Job;
use crate::state::state;

impl Task {
    /// Run a job of a native loop: one step, inside the task's context.
    #[inline]
    pub fn run(&self, this: &Obj, core: &LoopCore, exception: Option<Obj>) -> Res<()> {
        let context = self.own_context()?;
        core.enter(this)?;
        core.stepping(self.task_id());
        let stepped = run_in_context(&context, || self.step(this, exception));
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
    pub(super) fn step(&self, this: &Obj, exception: Option<Obj>) -> Res<()> {
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

    /// Run the next step in a turn of its own, throwing `exception` if there is one.
    pub(super) fn step_soon(&self, this: &Obj, exception: Option<Obj>) -> Res<()> {
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
            // The message came with the exception; who asks again gets none, as in asyncio.
            self.future.cancel(this, None)?;
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
}

/// The exception of a foreign future that is done, or none. A future of ours answers without a call.
pub(super) fn result_of(future: &Obj) -> Option<Obj> {
    match future.method0(&state().names.result) {
        Ok(_) => None,
        Err(Raised) => take_exception(),
    }
}
