//! How a future ends: its result, its exception or its cancellation, and who is told when nobody asks.

use pyo3::ffi;

use super::{Future, Status};
use crate::event_loop::reports::call_exception_handler;
use crate::ffi::{
    Obj, Res, check, exception_matches, raise, raise_type_error, set_exception, string, type_name,
};
use crate::state::state;

impl Future {
    #[inline]
    pub fn set_result(&self, this: &Obj, value: Obj) -> Res<()> {
        self.alive()?;
        self.pending()?;
        self.result.set(value);
        self.status.set(Status::Finished);
        self.schedule(this)
    }

    pub fn set_exception(&self, this: &Obj, exception: &Obj) -> Res<()> {
        self.alive()?;
        self.pending()?;
        // SAFETY: live objects; exception types are callable.
        let value = unsafe {
            if ffi::PyExceptionClass_Check(exception.as_ptr()) != 0 {
                let value = exception.call0()?;
                self.pending()?;
                value
            } else {
                exception.clone()
            }
        };
        // SAFETY: a live object.
        if unsafe { ffi::PyExceptionInstance_Check(value.as_ptr()) } == 0 {
            return Err(raise_type_error("invalid exception object"));
        }
        let value = without_stop_iteration(value)?;
        // SAFETY: an exception instance; a new reference or null.
        let traceback = unsafe { Obj::owned(ffi::PyException_GetTraceback(value.as_ptr())).ok() };
        self.exception.set(value);
        self.exception_traceback.set_opt(traceback);
        self.status.set(Status::Finished);
        let scheduled = self.schedule(this);
        self.log_traceback.set(true);
        scheduled
    }

    /// Who cancels has no use for an exception that nobody retrieved.
    pub fn forgive(&self) {
        self.log_traceback.set(false);
    }

    /// True when this call cancelled it.
    pub fn cancel(&self, this: &Obj, message: Option<Obj>) -> Res<bool> {
        self.alive()?;
        self.log_traceback.set(false);
        if self.is_done() {
            return Ok(false);
        }
        self.status.set(Status::Cancelled);
        self.cancel_message.set_opt(message);
        self.schedule(this)?;
        Ok(true)
    }

    /// The exception to raise for a cancelled future.
    pub fn cancelled_error(&self) -> Res {
        let kept = self.cancelled_exception.take();
        #[cfg(Py_3_11)]
        if let Some(exception) = kept {
            return Ok(exception);
        }
        let kind = &state().cancelled_error;
        let made = match self.cancel_message.get().filter(|m| !m.is_none()) {
            None => kind.call0(),
            Some(message) => kind.call1(&message),
        }?;
        // 3.10 chains the one that ended the task.
        #[cfg(not(Py_3_11))]
        if let Some(exception) = kept {
            // SAFETY: an exception instance; the reference is handed over.
            unsafe { ffi::PyException_SetContext(made.as_ptr(), exception.into_ptr()) };
        }
        Ok(made)
    }

    /// True when waking the waiter must throw into it.
    #[inline]
    pub fn failed(&self) -> bool {
        self.status.get() == Status::Cancelled || self.exception.is_set()
    }

    /// The outcome of a done future: its result, or the exception to raise.
    #[inline]
    pub fn outcome(&self) -> Res<Result<Obj, Obj>> {
        match self.status.get() {
            Status::Cancelled => Ok(Err(self.cancelled_error()?)),
            Status::Pending => Err(raise(
                state().invalid_state_error.as_ptr(),
                "Result is not set.",
            )),
            Status::Finished => {
                self.log_traceback.set(false);
                let Some(exception) = self.exception.get() else {
                    return Ok(Ok(self.result.get_or_none()));
                };
                let traceback = self.exception_traceback.take().unwrap_or_else(Obj::none);
                // SAFETY: an exception and a traceback or None.
                check(unsafe {
                    ffi::PyException_SetTraceback(exception.as_ptr(), traceback.as_ptr())
                })?;
                Ok(Err(exception))
            }
        }
    }

    pub fn result(&self) -> Res {
        self.initialised()?;
        self.outcome()?.map_err(set_exception)
    }

    pub(super) fn exception(&self) -> Res {
        self.initialised()?;
        match self.status.get() {
            Status::Cancelled => Err(set_exception(self.cancelled_error()?)),
            Status::Pending => Err(raise(
                state().invalid_state_error.as_ptr(),
                "Exception is not set.",
            )),
            Status::Finished => {
                self.log_traceback.set(false);
                Ok(self.exception.get_or_none())
            }
        }
    }

    /// The exception of a future that is done and not cancelled; it counts as retrieved.
    #[inline]
    pub fn take_notice_of_exception(&self) -> Option<Obj> {
        self.log_traceback.set(false);
        self.exception.get()
    }

    #[inline]
    pub fn wants_report(&self) -> bool {
        self.log_traceback.get()
    }

    /// `__del__`: an exception that nobody asked for is reported.
    pub(super) fn report_unretrieved(&self, this: &Obj) -> Res<()> {
        self.log_traceback.set(false);
        let Some(exception) = self.exception.get() else {
            return Ok(());
        };
        let names = &state().names;
        let message = string(&format!(
            "{} exception was never retrieved",
            type_name(this)?
        ))?;
        call_exception_handler(
            &self.loop_.get_or_none(),
            &[
                (&names.message, Some(&message)),
                (&names.exception, Some(&exception)),
                (&names.future, Some(this)),
                (
                    &names.source_traceback,
                    self.source_traceback.get().as_ref(),
                ),
            ],
        )
    }
}

/// StopIteration cannot travel through a coroutine: refused by older Pythons, wrapped by newer ones.
fn without_stop_iteration(value: Obj) -> Res {
    const MESSAGE: &str =
        "StopIteration interacts badly with generators and cannot be raised into a Future";
    if !state().wraps_stop_iteration {
        // SAFETY: a static type; older Pythons look at the exact type only.
        if value.type_ptr().cast() == unsafe { ffi::PyExc_StopIteration } {
            return Err(raise_type_error(MESSAGE));
        }
        return Ok(value);
    }
    // SAFETY: a live exception against a static type.
    if !exception_matches(&value, unsafe { ffi::PyExc_StopIteration }) {
        return Ok(value);
    }
    let text = string(MESSAGE)?;
    // SAFETY: calls a static exception type; cause and context take over one reference each.
    unsafe {
        let wrapped = Obj::owned(ffi::PyObject_CallOneArg(
            ffi::PyExc_RuntimeError,
            text.as_ptr(),
        ))?;
        ffi::PyException_SetCause(wrapped.as_ptr(), value.clone().into_ptr());
        ffi::PyException_SetContext(wrapped.as_ptr(), value.into_ptr());
        Ok(wrapped)
    }
}
