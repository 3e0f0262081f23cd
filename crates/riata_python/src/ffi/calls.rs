//! Coroutines, signals and the GIL.

use super::*;

/// A function without arguments; one that is written in C is called without what stands between it and Python code.
pub struct Builtin {
    function: Obj,
    direct: Option<ffi::PyCFunction>,
    /// What C code wants as its receiver, which the function holds; it may be null.
    receiver: *mut ffi::PyObject,
}

impl Builtin {
    pub fn new(function: Obj) -> Builtin {
        // SAFETY: looks at a builtin's definition; the function is kept.
        let (direct, receiver) = unsafe {
            let is_plain = ffi::PyCFunction_CheckExact(function.as_ptr()) != 0
                && ffi::PyCFunction_GetFlags(function.as_ptr()) == ffi::METH_NOARGS;
            match is_plain {
                true => (
                    ffi::PyCFunction_GetFunction(function.as_ptr()),
                    ffi::PyCFunction_GetSelf(function.as_ptr()),
                ),
                false => (None, ptr::null_mut()),
            }
        };
        Builtin {
            function,
            direct,
            receiver,
        }
    }

    #[inline]
    pub fn call(&self) -> Res {
        match self.direct {
            // SAFETY: a METH_NOARGS function and the receiver that it was made with.
            Some(direct) => unsafe { Obj::owned(direct(self.receiver, ptr::null_mut())) },
            None => self.function.call0(),
        }
    }
}

pub enum Sent {
    Yielded(Obj),
    Returned(Obj),
    Raised,
}

/// `coro.send(None)` without a StopIteration on the way out where the type allows it.
#[inline]
pub fn send_none(coro: &Obj) -> Sent {
    let mut value = ptr::null_mut();
    // SAFETY: a live iterator; the value is ours when the status says so.
    unsafe {
        match ffi::PyIter_Send(coro.as_ptr(), ffi::Py_None(), &mut value) {
            ffi::PySendResult::PYGEN_NEXT => Obj::owned(value).map_or(Sent::Raised, Sent::Yielded),
            ffi::PySendResult::PYGEN_RETURN => {
                Obj::owned(value).map_or(Sent::Raised, Sent::Returned)
            }
            ffi::PySendResult::PYGEN_ERROR => Sent::Raised,
        }
    }
}

/// `coro.throw(exception)`, with StopIteration unpacked.
pub fn throw(coro: &Obj, name: &Obj, exception: &Obj) -> Sent {
    match coro.method(name, &[exception.as_ptr()]) {
        Ok(value) => Sent::Yielded(value),
        // SAFETY: an exception is set (or none at all, which reads as a return of None).
        Err(Raised) => unsafe {
            if exception_is_set() && !raised_matches(ffi::PyExc_StopIteration) {
                return Sent::Raised;
            }
            match take_exception() {
                None => Sent::Returned(Obj::none()),
                Some(stop) => match stop.get(c"value") {
                    Ok(value) => Sent::Returned(value),
                    Err(Raised) => Sent::Raised,
                },
            }
        },
    }
}

/// As [`throw`], by the name that every coroutine has.
pub fn throw_into(coro: &Obj, exception: &Obj) -> Sent {
    throw(coro, &crate::state::state().names.throw, exception)
}

/// CPython's function behind the attribute `cr_await` of its coroutines.
pub fn find_cr_await() -> Res<ffi::getter> {
    // SAFETY: the attributes of a static type, which end with one that has no name.
    unsafe {
        let mut attribute = (*ptr::addr_of!(ffi::PyCoro_Type)).tp_getset;
        while !attribute.is_null() && !(*attribute).name.is_null() {
            if CStr::from_ptr((*attribute).name) == c"cr_await" {
                if let Some(get) = (*attribute).get {
                    return Ok(get);
                }
            }
            attribute = attribute.add(1);
        }
    }
    Err(raise_runtime_error("coroutines have no cr_await"))
}

/// Whether a coroutine of Python's is suspended where it awaits something.
pub fn is_awaiting(coro: &Obj) -> Res<bool> {
    debug_assert!(is_coroutine_exact(coro));
    // SAFETY: a getter of its type, which takes no closure.
    let awaited = unsafe {
        Obj::owned((crate::state::state().cr_await)(
            coro.as_ptr(),
            ptr::null_mut(),
        ))?
    };
    Ok(!awaited.is_none())
}

pub fn is_coroutine_exact(value: &Obj) -> bool {
    // SAFETY: a live object against a static type.
    unsafe { ffi::PyCoro_CheckExact(value.as_ptr()) != 0 }
}

pub fn is_generator_exact(value: &Obj) -> bool {
    // SAFETY: a live object against a static type.
    unsafe { ffi::PyGen_CheckExact(value.as_ptr()) != 0 }
}

/// Run the handlers of the signals that arrived.
pub fn check_signals() -> Res<()> {
    // SAFETY: the GIL is held.
    check(unsafe { ffi::PyErr_CheckSignals() })
}

/// Release the GIL for the length of `body`, which touches no Python object.
pub fn without_gil<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: the state saved here is restored on this thread before anything else runs; `body` has no access to Python.
    unsafe {
        let state = ffi::PyEval_SaveThread();
        let value = body();
        ffi::PyEval_RestoreThread(state);
        value
    }
}
