//! The coroutine has yielded: wait for what it awaits, or tell it what is wrong.

use pyo3::ffi;
use riata_trace::{TaskId, Waits};

use super::callbacks::wakeup_callback;
use super::cancel::cancel_any;
use super::{Task, id_of};
use crate::core::future;
use crate::ffi::{Obj, Raised, Res, is_generator_exact, repr, string, take_exception};
use crate::state::state;

impl Task {
    /// The coroutine yielded: wait for what it awaits, or tell it what is wrong.
    #[inline]
    pub(super) fn park(&self, this: &Obj, value: Obj) -> Res<()> {
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
