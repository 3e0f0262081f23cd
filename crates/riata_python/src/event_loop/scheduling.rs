//! The hottest methods of a loop, as raw fastcall functions added to the class with `PyDescr_NewMethod`:
//! `call_soon`, `call_soon_threadsafe`, `call_later`, `call_at`, `time`, `create_future`, `create_task`.
#![expect(unsafe_code, reason = "raw CPython methods, see core/mod.rs")]

use std::borrow::Cow;
use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;

use super::LoopCore;
use super::engine::{core_of, thread_token};
use crate::core::args::{Args, given};
use crate::core::future::new_future;
use crate::core::handle::{Handle, new_handle, new_timer_handle};
use crate::core::task::new_task;
use crate::core::typespec::{add_to, fastcall, noargs};
use crate::ffi::{
    Obj, Res, RunsIn, float, give, give_from, raise, raise_runtime_error, raise_type_error,
    set_exception, take_exception, to_double,
};
use crate::job::{Job, TimerJob};
use crate::state::state;

/// Put the raw methods on the class.
pub fn add_methods(class: &Bound<'_, PyAny>) -> PyResult<()> {
    let methods = [
        fastcall(
            c"call_soon",
            call_soon,
            c"call_soon($self, callback, *args, context=None)\n--\n\nCall callback(*args) in the next turn of the loop.",
        ),
        fastcall(
            c"call_soon_threadsafe",
            call_soon_threadsafe,
            c"call_soon_threadsafe($self, callback, *args, context=None)\n--\n\nAs call_soon, from any thread; wakes the loop.",
        ),
        fastcall(
            c"call_later",
            call_later,
            c"call_later($self, delay, callback, *args, context=None)\n--\n\nCall callback(*args) after delay seconds.",
        ),
        fastcall(
            c"call_at",
            call_at,
            c"call_at($self, when, callback, *args, context=None)\n--\n\nCall callback(*args) at loop time when (seconds).",
        ),
        fastcall(
            c"create_task",
            create_task,
            CREATE_TASK_DOC,
        ),
        noargs(c"create_future", create_future, c"Create a Future bound to this loop."),
        noargs(c"time", time, c"Return the time on the loop's clock, in seconds (monotonic)."),
    ];
    Ok(add_to(&Obj::from(class.clone()), methods)?)
}

impl LoopCore {
    /// Debug mode: what this Python's asyncio refuses as a callback.
    pub fn check_callback(&self, callback: &Obj, method: &str) -> Res<()> {
        let method = crate::ffi::string(method)?;
        self.this()
            .get(c"_check_callback")?
            .call(&[callback.as_ptr(), method.as_ptr()])
            .map(drop)
    }

    /// Debug mode: only the thread that runs the loop may schedule.
    pub fn check_thread(&self) -> Res<()> {
        let owner = self.owner.get();
        if owner != 0 && owner != thread_token() {
            return Err(raise_runtime_error(
                "Non-thread-safe operation invoked on an event loop other than the current one",
            ));
        }
        Ok(())
    }

    #[inline]
    fn debug_checks(&self, callback: &Obj, method: &str, any_thread: bool) -> Res<()> {
        if self.debug.get() {
            if !any_thread {
                self.check_thread()?;
            }
            self.check_callback(callback, method)?;
        }
        Ok(())
    }
}

/// Receiver, arguments, and the context that they name (or a copy of the current one, to be made).
struct Call<'a> {
    loop_: &'a Obj,
    core: &'a LoopCore,
    positional: Cow<'a, [*mut ffi::PyObject]>,
    context: RunsIn,
}

impl<'a> Call<'a> {
    /// # Safety
    /// The arguments are those of a fastcall method of the loop class.
    #[inline(always)]
    unsafe fn new<const N: usize>(
        function: &'static str,
        required: [&str; N],
        object: &'a *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        nargs: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> Res<Call<'a>> {
        // SAFETY: the receiver is a live loop, since the descriptor checks its type.
        let (loop_, args) = unsafe {
            (
                Obj::from_ref(object),
                Args::new(function, args, nargs, names),
            )
        };
        let (positional, context) = if args.has_keywords() {
            args.named(required)?
        } else {
            args.require(&required)?;
            (Cow::Borrowed(args.positional()), None)
        };
        let core = core_of(loop_);
        core.check_closed()?;
        Ok(Call {
            loop_,
            core,
            positional,
            context: match context {
                Some(context) => RunsIn::Own(context.clone()),
                None => core.context_for_job()?,
            },
        })
    }

    #[inline]
    fn callback(&self, index: usize) -> &Obj {
        // SAFETY: `require` made sure that it is there; arguments outlive the call.
        unsafe { Obj::from_ref(&self.positional[index]) }
    }

    #[inline]
    fn handle(self, callback: usize) -> Res<(Obj, &'a LoopCore)> {
        let core = self.core;
        let handle = new_handle(
            self.loop_,
            core,
            // SAFETY: as in `callback`.
            unsafe { Obj::from_ref(&self.positional[callback]) },
            &self.positional[callback + 1..],
            self.context,
        )?;
        Ok((handle, core))
    }

    fn timer(self, when: f64) -> Res {
        let handle = new_timer_handle(
            when,
            self.loop_,
            self.core,
            // SAFETY: as in `callback`.
            unsafe { Obj::from_ref(&self.positional[1]) },
            &self.positional[2..],
            self.context,
        )?;
        Handle::of(&handle).enter_heap();
        self.core.add_timer(when, TimerJob::Handle(handle.clone()));
        Ok(handle)
    }
}

unsafe extern "C" fn call_soon(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of the loop class.
    let call = unsafe { Call::new("call_soon", ["callback"], &object, args, nargs, names) };
    give(call.and_then(|call| {
        call.core
            .debug_checks(call.callback(0), "call_soon", false)?;
        let (handle, core) = call.handle(0)?;
        core.push(Job::Handle(handle.clone()));
        Ok(handle)
    }))
}

unsafe extern "C" fn call_soon_threadsafe(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of the loop class.
    let call = unsafe {
        Call::new(
            "call_soon_threadsafe",
            ["callback"],
            &object,
            args,
            nargs,
            names,
        )
    };
    give(call.and_then(|call| {
        call.core
            .debug_checks(call.callback(0), "call_soon_threadsafe", true)?;
        let (handle, core) = call.handle(0)?;
        #[cfg(Py_3_14)]
        Handle::of(&handle).set_threadsafe();
        core.push(Job::Handle(handle.clone()));
        Ok(handle)
    }))
}

unsafe extern "C" fn call_later(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a method of the loop class.
    let loop_ = unsafe { Obj::from_ref(&object) };
    if !core_of(loop_).plain_timers.get() {
        // SAFETY: the arguments are passed on as they came.
        return unsafe { pass_on(loop_, c"_call_later_by_methods", args, nargs, names) };
    }
    // SAFETY: a fastcall method of the loop class.
    let call = unsafe {
        Call::new(
            "call_later",
            ["delay", "callback"],
            &object,
            args,
            nargs,
            names,
        )
    };
    give(call.and_then(|call| {
        let delay = call.callback(0);
        // 3.10 has no check of its own: the addition below raises.
        if cfg!(Py_3_11) && delay.is_none() {
            return Err(raise_type_error("delay must not be None"));
        }
        call.core.debug_checks(call.callback(1), "call_at", false)?;
        let when = after(call.core.time(), delay)?;
        call.timer(when)
    }))
}

/// `time + delay` as Python adds them, so that a delay of a wrong type raises what asyncio raises.
#[inline]
fn after(now: f64, delay: &Obj) -> Res<f64> {
    // SAFETY: live objects; null means raised.
    unsafe {
        if ffi::PyFloat_CheckExact(delay.as_ptr()) != 0
            || ffi::PyLong_CheckExact(delay.as_ptr()) != 0
        {
            return Ok(now + to_double(delay)?);
        }
        let now = float(now)?;
        let sum = Obj::owned(ffi::PyNumber_Add(now.as_ptr(), delay.as_ptr()))?;
        to_double(&sum)
    }
}

/// Up to here a float holds every int.
const EXACT_INTS: f64 = 9_007_199_254_740_992.0;

/// When, as a number of seconds. asyncio compares with the times of other timers, and so finds out what is no number.
#[inline]
fn deadline(when: &Obj, core: &LoopCore) -> Res<f64> {
    to_double(when).or_else(|raised| {
        let error = take_exception();
        when.less_than(&float(core.time())?)?;
        error.map(set_exception);
        Err(raised)
    })
}

unsafe extern "C" fn call_at(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of the loop class.
    let call = unsafe { Call::new("call_at", ["when", "callback"], &object, args, nargs, names) };
    give(call.and_then(|call| {
        let when = call.callback(0);
        if when.is_none() {
            return Err(if cfg!(Py_3_11) {
                raise_type_error("when cannot be None")
            } else {
                // SAFETY: a static exception type; 3.10 asserts, with no text.
                raise(unsafe { ffi::PyExc_AssertionError }, "")
            });
        }
        call.core.debug_checks(call.callback(1), "call_at", false)?;
        let seconds = deadline(when, call.core)?;
        // SAFETY: a live object.
        let is_int = unsafe { ffi::PyLong_CheckExact(when.as_ptr()) } != 0;
        let timer = call.timer(seconds)?;
        if is_int && seconds.abs() < EXACT_INTS {
            Handle::of(&timer).show_int();
        }
        Ok(timer)
    }))
}

unsafe extern "C" fn create_future(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a method of the loop class.
    let loop_ = unsafe { Obj::from_ref(&object) };
    give(new_future(loop_, core_of(loop_)))
}

unsafe extern "C" fn time(object: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a method of the loop class.
    give(float(core_of(unsafe { Obj::from_ref(&object) }).time()))
}

/// asyncio's arguments, by version.
const CREATE_TASK_DOC: &CStr = if cfg!(Py_3_14) {
    c"create_task($self, coro, **kwargs)\n--\n\nSchedule a coroutine; return its task."
} else if cfg!(Py_3_11) {
    c"create_task($self, coro, *, name=None, context=None)\n--\n\nSchedule a coroutine; return its task."
} else {
    c"create_task($self, coro, *, name=None)\n--\n\nSchedule a coroutine; return its task."
};

unsafe extern "C" fn create_task(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of the loop class.
    let (loop_, args_) = unsafe {
        (
            Obj::from_ref(&object),
            Args::new("create_task", args, nargs, names),
        )
    };
    let core = core_of(loop_);
    if !core.makes_tasks() {
        // A factory has this Python's own rules: which keywords it is passed, who names the task.
        // SAFETY: the arguments are passed on as they came.
        return unsafe { pass_on(loop_, c"_create_task_by_factory", args, nargs, names) };
    }
    give_from(|| {
        core.check_closed()?;
        args_.at_most(1, 1)?;
        let [name, context, eager, by_name] = if args_.has_keywords() {
            let names = &state().names;
            let given =
                args_.keywords([&names.name, &names.context, &names.eager_start, &names.coro])?;
            for (keyword, value, known) in [
                ("context", given[1], cfg!(Py_3_11)),
                ("eager_start", given[2], state().create_task_takes_any),
            ] {
                if value.is_some() && !known {
                    return Err(raise_type_error(&format!(
                        "BaseEventLoop.create_task() got an unexpected keyword argument '{keyword}'"
                    )));
                }
            }
            given
        } else {
            [None; 4]
        };
        let eager = given(eager).map_or(Ok(false), Obj::truth)?;
        let coro = match (args_.positional(), by_name) {
            // SAFETY: the caller's argument lives as long as the call.
            ([coro, ..], None) => unsafe { Obj::from_ref(coro) },
            ([], Some(coro)) => coro,
            ([], None) => return Err(args_.missing(&["coro"])),
            ([..], Some(_)) => {
                return Err(raise_type_error(
                    "create_task() got multiple values for argument 'coro'",
                ));
            }
        };
        new_task(loop_, core, coro, name, context, eager)
    })
}

/// Let this Python's own code do it, by a name under which the loop has it.
///
/// # Safety
/// The arguments are those of a fastcall method.
#[cold]
unsafe fn pass_on(
    loop_: &Obj,
    method: &CStr,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    match loop_.get(method) {
        // SAFETY: the caller's arguments are still live.
        Ok(method) => unsafe {
            ffi::PyObject_Vectorcall(method.as_ptr(), args, nargs as usize, names)
        },
        Err(_) => std::ptr::null_mut(),
    }
}
