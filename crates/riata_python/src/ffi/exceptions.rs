//! Raising, taking and passing on exceptions.

use super::*;

pub fn raise(kind: *mut ffi::PyObject, message: &str) -> Raised {
    if let Ok(text) = string(message) {
        // SAFETY: an exception type and a string.
        unsafe { ffi::PyErr_SetObject(kind, text.as_ptr()) };
    }
    Raised
}

/// As the statement `raise kind`: an exception without arguments.
pub fn raise_empty(kind: &Obj) -> Raised {
    // SAFETY: an exception type.
    unsafe { ffi::PyErr_SetNone(kind.as_ptr()) };
    Raised
}

/// What an `assert` that fails raises.
pub fn assertion_error() -> *mut ffi::PyObject {
    // SAFETY: a static exception type.
    unsafe { ffi::PyExc_AssertionError }
}

/// As an `assert` that fails and says nothing.
pub fn raise_assertion_error() -> Raised {
    // SAFETY: a static exception type.
    unsafe { ffi::PyErr_SetNone(assertion_error()) };
    Raised
}

/// `exception.__cause__ = cause`, which hides the context.
pub fn set_cause(exception: &Obj, cause: &Obj) {
    // SAFETY: two exception instances; the reference is handed over.
    unsafe { ffi::PyException_SetCause(exception.as_ptr(), cause.clone().into_ptr()) };
}

/// `exception.__context__ = context`. Where the exception is among what the context was raised in, it is taken out there, as by
/// `raise`: the chain has no ring.
pub fn set_context(exception: &Obj, context: &Obj) {
    let mut link = context.clone();
    // A ring that somebody has made is not followed for ever.
    for _ in 0..1_000 {
        match context_of(&link) {
            Some(next) if next.is(exception.as_ptr()) => {
                // SAFETY: an exception instance; null for none.
                unsafe { ffi::PyException_SetContext(link.as_ptr(), ptr::null_mut()) };
                break;
            }
            Some(next) => link = next,
            None => break,
        }
    }
    // SAFETY: two exception instances; the reference is handed over.
    unsafe { ffi::PyException_SetContext(exception.as_ptr(), context.clone().into_ptr()) };
}

/// `exception.__context__`.
pub fn context_of(exception: &Obj) -> Option<Obj> {
    // SAFETY: an exception instance; a new reference or null.
    NonNull::new(unsafe { ffi::PyException_GetContext(exception.as_ptr()) }).map(Obj)
}

/// `raise exception from None`.
pub fn raise_from_none(exception: Obj) -> Raised {
    // SAFETY: an exception instance; null for no cause, which hides the context.
    unsafe { ffi::PyException_SetCause(exception.as_ptr(), ptr::null_mut()) };
    raise_instance(&exception)
}

/// As the statement `raise exception`: what is being handled becomes its context.
pub fn raise_instance(exception: &Obj) -> Raised {
    // SAFETY: an exception instance and its type.
    unsafe { ffi::PyErr_SetObject(exception.type_ptr().cast(), exception.as_ptr()) };
    Raised
}

pub fn raise_attribute_error(message: &str) -> Raised {
    // SAFETY: a static exception type.
    raise(unsafe { ffi::PyExc_AttributeError }, message)
}

pub fn raise_type_error(message: &str) -> Raised {
    // SAFETY: a static exception type.
    raise(unsafe { ffi::PyExc_TypeError }, message)
}

pub fn raise_runtime_error(message: &str) -> Raised {
    // SAFETY: a static exception type.
    raise(unsafe { ffi::PyExc_RuntimeError }, message)
}

/// Take the exception that is set, normalised and with its traceback attached.
#[cfg(Py_3_12)]
pub fn take_exception() -> Option<Obj> {
    // SAFETY: hands over a reference or null.
    NonNull::new(unsafe { ffi::PyErr_GetRaisedException() }).map(Obj)
}

#[cfg(not(Py_3_12))]
pub fn take_exception() -> Option<Obj> {
    let (mut kind, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: the three references are handed over; normalising keeps them owned.
    unsafe {
        ffi::PyErr_Fetch(&mut kind, &mut value, &mut traceback);
        if kind.is_null() {
            return None;
        }
        ffi::PyErr_NormalizeException(&mut kind, &mut value, &mut traceback);
        if !traceback.is_null() {
            ffi::PyException_SetTraceback(value, traceback);
            ffi::Py_DECREF(traceback);
        }
        ffi::Py_DECREF(kind);
        NonNull::new(value).map(Obj)
    }
}

/// The exception that was raised.
pub fn take_raised(_: Raised) -> Obj {
    take_exception().unwrap_or_else(Obj::none)
}

/// Raise an exception instance again, with the traceback that it carries.
pub fn set_exception(exception: Obj) -> Raised {
    // SAFETY: an exception instance whose reference is handed over.
    #[cfg(Py_3_12)]
    unsafe {
        ffi::PyErr_SetRaisedException(exception.into_ptr());
    }
    // SAFETY: as above; type and traceback get references of their own.
    #[cfg(not(Py_3_12))]
    unsafe {
        let kind = ffi::Py_TYPE(exception.as_ptr()).cast::<ffi::PyObject>();
        ffi::Py_INCREF(kind);
        let traceback = ffi::PyException_GetTraceback(exception.as_ptr());
        ffi::PyErr_Restore(kind, exception.into_ptr(), traceback);
    }
    Raised
}

pub fn exception_is_set() -> bool {
    // SAFETY: reads this thread's indicator.
    unsafe { !ffi::PyErr_Occurred().is_null() }
}

pub fn raised_matches(kind: *mut ffi::PyObject) -> bool {
    // SAFETY: an exception type; an exception is set.
    unsafe { ffi::PyErr_ExceptionMatches(kind) != 0 }
}

/// `SystemExit` and `KeyboardInterrupt` leave the loop; everything else is reported.
pub fn ends_the_loop(exception: &Obj) -> bool {
    // SAFETY: an exception instance against static types.
    unsafe {
        ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), ffi::PyExc_SystemExit) != 0
            || ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), ffi::PyExc_KeyboardInterrupt)
                != 0
    }
}

/// Somebody closes the generator in which it is raised.
pub fn is_generator_exit(exception: &Obj) -> bool {
    // SAFETY: an exception instance against a static type.
    unsafe { ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), ffi::PyExc_GeneratorExit) != 0 }
}

pub fn exception_matches(exception: &Obj, kind: *mut ffi::PyObject) -> bool {
    // SAFETY: live objects.
    unsafe { ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), kind) != 0 }
}

/// The exception that is set was raised while `earlier` was handled.
#[cold]
pub fn raise_in_context_of(earlier: Obj) -> Raised {
    if let Some(later) = take_exception() {
        // SAFETY: two exception instances; the reference to the earlier one is handed over.
        unsafe { ffi::PyException_SetContext(later.as_ptr(), earlier.into_ptr()) };
        set_exception(later);
    }
    Raised
}

/// Run `body` as an `except` block that has caught `exception`: `sys.exc_info()` tells of it, and what `body` raises has it as
/// its context.
#[cold]
pub fn while_handling<T>(exception: &Obj, body: impl FnOnce() -> T) -> T {
    let [mut kind, mut value, mut traceback] = [ptr::null_mut(); 3];
    // SAFETY: a live exception. What is set takes over one reference each, and what was got gives them back.
    unsafe {
        ffi::PyErr_GetExcInfo(&mut kind, &mut value, &mut traceback);
        ffi::PyErr_SetExcInfo(
            Obj::shared(exception.type_ptr().cast()).into_ptr(),
            exception.clone().into_ptr(),
            ffi::PyException_GetTraceback(exception.as_ptr()),
        );
    }
    let result = body();
    // SAFETY: as above; the references of what was handled before go back to where they came from.
    unsafe { ffi::PyErr_SetExcInfo(kind, value, traceback) };
    result
}

/// Report an exception that has no other way out (as `__del__` does), and go on.
pub fn unraisable(source: Option<&Obj>) {
    // SAFETY: an exception is set; the source may be null.
    unsafe { ffi::PyErr_WriteUnraisable(source.map_or(ptr::null_mut(), Obj::as_ptr)) }
}

/// Put an exception aside for the length of a clean-up, and raise it again afterwards.
pub fn aside<T>(cleanup: impl FnOnce() -> T) -> T {
    let saved = if exception_is_set() {
        take_exception()
    } else {
        None
    };
    let value = cleanup();
    if let Some(exception) = saved {
        set_exception(exception);
    }
    value
}
