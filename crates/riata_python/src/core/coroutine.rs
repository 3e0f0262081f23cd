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
    Obj, Raised, Res, exception_is_set, give, give_from, raise_runtime_error, raise_type_error,
    set_exception, string, tuple_items, type_name,
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

/// Another awaits it.
pub fn already_awaited() -> Raised {
    raise_runtime_error("coroutine is being awaited already")
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
        Stage::Suspended | Stage::Running => give(Err(already_awaited())),
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
    value: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a method of this type, and a live argument.
    let ((object, coroutine), value) = unsafe { (this::<T>(&object), Obj::from_ref(&value)) };
    given_to_caller(match coroutine.stage() == Stage::New && !value.is_none() {
        true => Err(raise_type_error(
            "can't send non-None value to a just-started coroutine",
        )),
        false => coroutine.step(object),
    })
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
        let given = args.positional().len();
        if !(1..=3).contains(&given) || args.has_keywords() {
            let bound = if given < 1 {
                "at least 1 argument"
            } else {
                "at most 3 arguments"
            };
            return Err(raise_type_error(&format!(
                "throw expected {bound}, got {given}"
            )));
        }
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
        let traceback = given
            .get(2)
            .map(|traceback| Obj::from_ref(traceback))
            .filter(|traceback| !traceback.is_none());
        if traceback.is_some_and(|traceback| ffi::PyTraceBack_Check(traceback.as_ptr()) == 0) {
            return Err(raise_type_error(
                "throw() third argument must be a traceback object",
            ));
        }
        let exception = if ffi::PyExceptionInstance_Check(kind.as_ptr()) != 0 {
            if value.is_some() {
                return Err(raise_type_error(
                    "instance exception may not have a separate value",
                ));
            }
            kind.clone()
        } else if ffi::PyExceptionClass_Check(kind.as_ptr()) != 0 {
            match value {
                Some(value) if value.is_instance(kind)? => value.clone(),
                // A tuple is all arguments.
                Some(value) => match tuple_items(value) {
                    Some(values) => {
                        kind.call(&values.iter().map(Obj::as_ptr).collect::<Vec<_>>())?
                    }
                    None => kind.call1(value)?,
                },
                None => kind.call0()?,
            }
        } else {
            return Err(raise_type_error(&format!(
                "exceptions must be classes or instances deriving from BaseException, not {}",
                type_name(kind)?
            )));
        };
        if let Some(traceback) = traceback {
            crate::ffi::check(ffi::PyException_SetTraceback(
                exception.as_ptr(),
                traceback.as_ptr(),
            ))?;
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
