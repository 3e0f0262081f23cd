//! The functions by which Python code goes on with a task: the callbacks of futures and loops that are not ours.

use pyo3::ffi;

use super::Task;
use super::methods::this;
use super::step::result_of;
use crate::core::args::Args;
use crate::core::future;
use crate::core::typespec::{fastcall, onearg};
#[cfg(Py_3_14)]
use crate::ffi::utf8;
use crate::ffi::{Obj, Raised, Res, aside, give};
use crate::state::state;

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

/// The task, ours or asyncio's, that this done callback wakes, if it is one that does.
#[cfg(Py_3_14)]
pub fn awaiting_task(callback: &Obj) -> Res<Option<Obj>> {
    // SAFETY: a live object; a bound function owns its receiver, which may be missing.
    let receiver = unsafe {
        if ffi::PyCFunction_CheckExact(callback.as_ptr()) == 0 {
            return Ok(None);
        }
        let receiver = ffi::PyCFunction_GetSelf(callback.as_ptr());
        if receiver.is_null() {
            return Ok(None);
        }
        Obj::shared(receiver)
    };
    let name = utf8(&callback.get(c"__name__")?)?;
    let wakes = name == "task_wakeup" && receiver.is_instance(&state().asyncio_task)?;
    Ok(wakes.then_some(receiver))
}

impl Task {
    /// Schedule a bound function of this task on a loop that is not ours.
    pub(super) fn call_soon(&self, callback: Obj, argument: Option<&Obj>) -> Res<()> {
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
}

/// `task_step([exception])`, called by a loop that is not ours, in the task's context.
pub(super) unsafe extern "C" fn step_callback(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a bound function whose receiver is a task (`step_callable`).
    let ((object, task), args) =
        unsafe { (this(&object), Args::new("task_step", args, nargs, names)) };
    // SAFETY: positional arguments are live.
    let exception = args
        .positional()
        .first()
        .map(|p| unsafe { Obj::shared(*p) });
    give(step_from_python(object, task, exception.filter(|e| !e.is_none())).map(|()| Obj::none()))
}

/// `task_wakeup(future)`: what the task awaited is done.
pub(super) unsafe extern "C" fn wakeup_method(
    object: *mut ffi::PyObject,
    future: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a bound function whose receiver is a task (`wakeup_callback`), and its one argument.
    let ((object, task), future) = unsafe { (this(&object), Obj::from_ref(&future)) };
    let exception = match future::exact(future) {
        Some(ours) => match ours.outcome() {
            Ok(outcome) => outcome.err(),
            Err(Raised) => return std::ptr::null_mut(),
        },
        None => result_of(future),
    };
    give(step_from_python(object, task, exception).map(|()| Obj::none()))
}

/// A step inside a Python call: the context is entered already, the current task is not.
fn step_from_python(this: &Obj, task: &Task, exception: Option<Obj>) -> Res<()> {
    let state = state();
    let loop_ = task.future.loop_.get_or_none();
    // asyncio's own, which refuse a step within another task's.
    state.enter_task.call(&[loop_.as_ptr(), this.as_ptr()])?;
    let noted = task
        .future
        .core()
        .map(|core| (core, core.note_current(this)));
    let stepped = task.step(this, exception);
    let left = aside(|| {
        if let Some((core, noted)) = noted {
            core.restore_current(&noted);
        }
        state
            .leave_task
            .call(&[loop_.as_ptr(), this.as_ptr()])
            .map(drop)
    });
    stepped.and(left)
}
