//! `iter(future)`: the iterator that generators and hand-written `__await__` methods see. Mirrors `_asyncio.FutureIter`.
//!
//! `await` does not come here: a future is its own iterator there.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::ffi::c_void;

use pyo3::ffi;

use super::args::Args;
use super::entry::visit_all;
use super::freelist::free;
use super::future;
use super::typespec::{TypeSpec, fastcall, noargs, onearg};
use crate::ffi::{
    Obj, Raised, Res, Slot, check, give, give_from, raise_type_error, repr, set_exception,
};
use crate::state::state;

#[repr(C)]
struct FutureIter {
    ob_base: ffi::PyObject,
    /// Empty once the iterator is exhausted.
    future: Slot,
}

pub fn make_type() -> Res<*mut ffi::PyTypeObject> {
    TypeSpec {
        name: c"riata._riata.FutureIter",
        size: size_of::<FutureIter>(),
        flags: u64::from(
            ffi::Py_TPFLAGS_HAVE_GC as u32 | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32,
        ),
        base: std::ptr::null_mut(),
        slots: vec![
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
            (ffi::Py_tp_iter, ffi::PyObject_SelfIter as *mut c_void),
            (ffi::Py_tp_iternext, next as *mut c_void),
        ],
        methods: vec![
            onearg(c"send", send, c"Go on; the value is ignored."),
            fastcall(c"throw", throw, c"Raise an exception at the await."),
            noargs(c"close", close, c"Give up waiting."),
        ],
        getsets: vec![],
        members: vec![],
    }
    .build()
}

/// `tp_iter` of futures.
pub unsafe extern "C" fn iter(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a live future; a fresh object is zeroed, so its slot is empty and may be set.
    unsafe {
        let future = Obj::from_ref(&object);
        if let Err(raised) = future::alive(future) {
            return give(Err(raised));
        }
        give(
            Obj::owned(ffi::PyType_GenericAlloc(state().future_iter_type, 0)).inspect(|made| {
                (*made.as_ptr().cast::<FutureIter>())
                    .future
                    .set(future.clone());
            }),
        )
    }
}

/// `future.__await__()`.
pub unsafe extern "C" fn await_method(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a method of futures.
    unsafe { iter(object) }
}

unsafe fn this(object: &*mut ffi::PyObject) -> &FutureIter {
    // SAFETY: CPython passes a live object of this type as the receiver.
    unsafe { &*(*object).cast::<FutureIter>() }
}

unsafe extern "C" fn next(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a slot of this type; `future::next` gets a live future.
    unsafe {
        let iterator = this(&object);
        let Some(future) = iterator.future.get() else {
            return std::ptr::null_mut();
        };
        if future::is_done(&future) {
            iterator.future.clear();
            return match future::result_of(&future) {
                // A real StopIteration: who drives an iterator by hand may look at its arguments.
                Ok(value) => give(Err(stop(&value))),
                Err(Raised) => std::ptr::null_mut(),
            };
        }
        future::next(future.as_ptr())
    }
}

fn stop(value: &Obj) -> Raised {
    // SAFETY: calls a static exception type.
    match unsafe {
        Obj::owned(ffi::PyObject_CallOneArg(
            ffi::PyExc_StopIteration,
            value.as_ptr(),
        ))
    } {
        Ok(exception) => set_exception(exception),
        Err(raised) => raised,
    }
}

unsafe extern "C" fn send(object: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a method of this type. Unlike a slot, a method may not return null without an exception.
    unsafe {
        let value = next(object);
        if value.is_null() && !crate::ffi::exception_is_set() {
            stop(&Obj::none());
        }
        value
    }
}

unsafe extern "C" fn throw(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of this type.
    let (iterator, args) = unsafe { (this(&object), Args::new("throw", args, nargs, names)) };
    give_from(|| {
        args.require(&["type"])?;
        // SAFETY: arguments are live.
        let mut given = args
            .positional()
            .iter()
            .map(|arg| unsafe { Obj::shared(*arg) });
        let kind = given.next().unwrap_or_else(Obj::none);
        let value = given.next().filter(|v| !v.is_none());
        let traceback = given.next().filter(|t| !t.is_none());
        if cfg!(Py_3_12) && args.positional().len() > 1 {
            let text = c"the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.";
            // SAFETY: a static category and a nul-terminated text.
            check(unsafe { ffi::PyErr_WarnEx(ffi::PyExc_DeprecationWarning, text.as_ptr(), 1) })?;
        }
        let exception = instance(&kind, value, traceback)?;
        iterator.future.clear();
        Err(set_exception(exception))
    })
}

/// The exception that `throw(type, value, traceback)` means.
fn instance(kind: &Obj, value: Option<Obj>, traceback: Option<Obj>) -> Res {
    // SAFETY: live objects against static types; setting a traceback takes its own reference.
    unsafe {
        if let Some(traceback) = &traceback {
            if ffi::PyTraceBack_Check(traceback.as_ptr()) == 0 {
                return Err(raise_type_error(
                    "throw() third argument must be a traceback",
                ));
            }
        }
        let made = if ffi::PyExceptionClass_Check(kind.as_ptr()) != 0 {
            match value {
                Some(value) if value.is_instance_of(kind.as_ptr().cast()) => value,
                Some(value) => kind.call1(&value)?,
                None => kind.call0()?,
            }
        } else if ffi::PyExceptionInstance_Check(kind.as_ptr()) != 0 {
            if value.is_some() {
                return Err(raise_type_error(
                    "instance exception may not have a separate value",
                ));
            }
            kind.clone()
        } else {
            return Err(raise_type_error(&format!(
                "exceptions must be classes deriving BaseException or instances of such a class, not {}",
                repr(&Obj::shared(kind.type_ptr().cast()))?
            )));
        };
        if let Some(traceback) = traceback {
            check(ffi::PyException_SetTraceback(
                made.as_ptr(),
                traceback.as_ptr(),
            ))?;
        }
        Ok(made)
    }
}

unsafe extern "C" fn close(
    object: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a method of this type.
    unsafe { this(&object) }.future.clear();
    Obj::none().into_ptr()
}

unsafe extern "C" fn traverse(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: CPython traverses a live object of this type.
    unsafe { visit_all(object, [&this(&object).future], visit, arg) }
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> i32 {
    // SAFETY: CPython clears a live object of this type.
    unsafe { this(&object) }.future.clear();
    0
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero: nobody else holds the object.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        this(&object).future.clear();
        free(object);
    }
}
