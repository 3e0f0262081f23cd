//! What makes a raw type pass for a coroutine: `send`, `throw`, `close`, `__await__`, and what `inspect` looks at.
//!
//! A type implements [`Coroutine`] and takes its slots, methods and attributes from here.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::ffi::c_void;

use pyo3::ffi;

use super::args::Args;
use super::stop::stop_with;
use super::typespec::{fastcall, getter, noargs, onearg};
use crate::ffi::{
    Obj, Raised, Res, exception_is_set, give, give_from, raise_runtime_error, set_exception, string,
};

/// What going on came to.
pub enum Stepped {
    Waits(Obj),
    Ends(Obj),
}

/// How far a coroutine is.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Stage {
    New,
    Suspended,
    Running,
    Over,
}

/// Objects that begin with `Self`, as CPython sees them.
pub trait Coroutine: Sized {
    /// `send(None)`.
    fn step(&self, this: &Obj) -> Res<Stepped>;
    fn throw(&self, this: &Obj, exception: Obj) -> Res<Stepped>;
    fn close(&self, this: &Obj) -> Res<()>;
    fn name(&self) -> &'static str;
    fn stage(&self) -> Stage;
    /// What it awaits.
    fn awaited(&self) -> Option<Obj>;
}

pub fn slots<T: Coroutine>() -> [(i32, *mut c_void); 4] {
    [
        (ffi::Py_tp_iter, iter as *mut c_void),
        (ffi::Py_tp_iternext, next::<T> as *mut c_void),
        (ffi::Py_am_await, await_it::<T> as *mut c_void),
        (ffi::Py_am_send, am_send::<T> as *mut c_void),
    ]
}

pub fn methods<T: Coroutine>() -> Vec<ffi::PyMethodDef> {
    vec![
        onearg(c"send", send::<T>, c"Go on; the value is not used."),
        fastcall(
            c"throw",
            throw::<T>,
            c"throw($self, typ, val=None, tb=None, /)\n--\n\nRaise an exception at the await.",
        ),
        noargs(c"close", close::<T>, c"End without a result."),
    ]
}

pub fn getsets<T: Coroutine>() -> Vec<ffi::PyGetSetDef> {
    vec![
        getter(c"__name__", name_getter::<T>),
        getter(c"__qualname__", qualname_getter::<T>),
        getter(c"cr_running", running_getter::<T>),
        getter(c"cr_suspended", suspended_getter::<T>),
        getter(c"cr_await", awaited_getter::<T>),
        getter(c"cr_frame", none_getter),
        getter(c"cr_code", none_getter),
        getter(c"cr_origin", none_getter),
    ]
}

pub fn reused() -> Raised {
    raise_runtime_error("cannot reuse already awaited coroutine")
}

unsafe fn this<T>(object: &*mut ffi::PyObject) -> (&Obj, &T) {
    // SAFETY: CPython passes a live object of the type that the function belongs to, which begins with `T`.
    unsafe { (Obj::from_ref(object), &*(*object).cast::<T>()) }
}

pub unsafe extern "C" fn iter(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a live object.
    unsafe { Obj::shared(object) }.into_ptr()
}

/// As a coroutine's: only one can await it.
unsafe extern "C" fn await_it<T: Coroutine>(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a slot of this type.
    let (object, coroutine) = unsafe { this::<T>(&object) };
    match coroutine.stage() {
        Stage::Suspended | Stage::Running => give(Err(raise_runtime_error(
            "coroutine is being awaited already",
        ))),
        Stage::New | Stage::Over => object.clone().into_ptr(),
    }
}

fn given_to_iterator(stepped: Res<Stepped>) -> *mut ffi::PyObject {
    match stepped {
        Ok(Stepped::Waits(future)) => future.into_ptr(),
        Ok(Stepped::Ends(value)) => stop_with(value),
        Err(Raised) => std::ptr::null_mut(),
    }
}

fn given_to_caller(stepped: Res<Stepped>) -> *mut ffi::PyObject {
    let result = given_to_iterator(stepped);
    if result.is_null() && !exception_is_set() {
        // A method, unlike a slot, must raise.
        // SAFETY: a static exception type.
        unsafe { ffi::PyErr_SetNone(ffi::PyExc_StopIteration) };
    }
    result
}

unsafe extern "C" fn next<T: Coroutine>(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a slot of this type.
    let (object, coroutine) = unsafe { this::<T>(&object) };
    given_to_iterator(coroutine.step(object))
}

unsafe extern "C" fn am_send<T: Coroutine>(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the receiver of a slot of this type; `result` is where CPython wants the value.
    unsafe {
        let (object, coroutine) = this::<T>(&object);
        let (value, status) = match coroutine.step(object) {
            Ok(Stepped::Waits(future)) => (future.into_ptr(), ffi::PySendResult::PYGEN_NEXT),
            Ok(Stepped::Ends(value)) => (value.into_ptr(), ffi::PySendResult::PYGEN_RETURN),
            Err(Raised) => (std::ptr::null_mut(), ffi::PySendResult::PYGEN_ERROR),
        };
        *result = value;
        status
    }
}

unsafe extern "C" fn send<T: Coroutine>(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a method of this type.
    let (object, coroutine) = unsafe { this::<T>(&object) };
    given_to_caller(coroutine.step(object))
}

unsafe extern "C" fn throw<T: Coroutine>(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a fastcall method of this type, and its arguments.
    let ((object, coroutine), args) =
        unsafe { (this::<T>(&object), Args::new("throw", args, nargs, names)) };
    given_to_caller((|| {
        args.require(&["typ"])?;
        args.at_most(3)?;
        // SAFETY: arguments outlive the call.
        let exception = unsafe { exception_from(args.positional())? };
        coroutine.throw(object, exception)
    })())
}

/// The exception that `throw(typ, val, tb)` names.
///
/// # Safety
/// `given` holds one to three live objects.
unsafe fn exception_from(given: &[*mut ffi::PyObject]) -> Res {
    // SAFETY: live objects, as the caller promises.
    unsafe {
        let kind = Obj::from_ref(&given[0]);
        let value = given
            .get(1)
            .map(|value| Obj::from_ref(value))
            .filter(|value| !value.is_none());
        let exception = if ffi::PyExceptionInstance_Check(kind.as_ptr()) != 0 {
            kind.clone()
        } else if ffi::PyExceptionClass_Check(kind.as_ptr()) != 0 {
            match value {
                Some(value) if ffi::PyExceptionInstance_Check(value.as_ptr()) != 0 => value.clone(),
                Some(value) => kind.call1(value)?,
                None => kind.call0()?,
            }
        } else {
            return Err(crate::ffi::raise_type_error(
                "exceptions must be classes or instances deriving from BaseException",
            ));
        };
        if let Some(&traceback) = given.get(2) {
            crate::ffi::check(ffi::PyException_SetTraceback(exception.as_ptr(), traceback))?;
        }
        Ok(exception)
    }
}

/// What `close()` of a suspended coroutine throws.
pub fn generator_exit() -> Res {
    // SAFETY: calls a static exception type.
    unsafe { Obj::owned(ffi::PyObject_CallNoArgs(ffi::PyExc_GeneratorExit)) }
}

/// What came of throwing [`generator_exit`].
pub fn closed(stepped: Res<Stepped>) -> Res<()> {
    match stepped {
        Ok(Stepped::Ends(_)) => Ok(()),
        Ok(Stepped::Waits(_)) => Err(raise_runtime_error("coroutine ignored GeneratorExit")),
        // SAFETY: static exception types; an exception is set.
        Err(Raised) => match unsafe {
            crate::ffi::raised_matches(ffi::PyExc_GeneratorExit)
                || crate::ffi::raised_matches(ffi::PyExc_StopIteration)
        } {
            true => {
                drop(crate::ffi::take_exception());
                Ok(())
            }
            false => Err(Raised),
        },
    }
}

unsafe extern "C" fn close<T: Coroutine>(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a method of this type.
    let (object, coroutine) = unsafe { this::<T>(&object) };
    give_from(|| coroutine.close(object).map(|()| Obj::none()))
}

unsafe extern "C" fn name_getter<T: Coroutine>(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    let name = unsafe { this::<T>(&object) }.1.name();
    give(string(name.rsplit('.').next().unwrap_or(name)))
}

unsafe extern "C" fn qualname_getter<T: Coroutine>(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    give(string(unsafe { this::<T>(&object) }.1.name()))
}

unsafe extern "C" fn running_getter<T: Coroutine>(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    let stage = unsafe { this::<T>(&object) }.1.stage();
    Obj::bool(stage == Stage::Running).into_ptr()
}

unsafe extern "C" fn suspended_getter<T: Coroutine>(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    let stage = unsafe { this::<T>(&object) }.1.stage();
    Obj::bool(stage == Stage::Suspended).into_ptr()
}

unsafe extern "C" fn awaited_getter<T: Coroutine>(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    let awaited = unsafe { this::<T>(&object) }.1.awaited();
    awaited.unwrap_or_else(Obj::none).into_ptr()
}

unsafe extern "C" fn none_getter(
    _object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    Obj::none().into_ptr()
}

/// Raise the exception that was thrown into a coroutine that does nothing about it.
pub fn rethrow(exception: Obj) -> Res<Stepped> {
    Err(set_exception(exception))
}
