//! The awaitable that is done: what `async with` gets where nothing has to be waited for. There is one, which ends with `None`.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::ffi::c_void;

use pyo3::ffi;

use super::coroutine::iter;
use super::typespec::{TypeSpec, noargs, onearg};
use crate::ffi::{Obj, Res};
use crate::state::state;

pub fn make() -> Res {
    let tp = TypeSpec {
        name: c"riata._riata.Ready",
        size: size_of::<ffi::PyObject>(),
        flags: u64::from(ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32),
        base: std::ptr::null_mut(),
        slots: vec![
            (ffi::Py_tp_iter, iter as *mut c_void),
            (ffi::Py_tp_iternext, next as *mut c_void),
            (ffi::Py_am_await, iter as *mut c_void),
        ],
        methods: vec![
            onearg(c"send", send, c"End."),
            noargs(c"close", close, c"Nothing is left to do."),
        ],
        getsets: vec![],
        members: vec![],
    }
    .build()?;
    // SAFETY: a type whose objects have no fields.
    unsafe { Obj::owned(ffi::PyType_GenericAlloc(tp, 0)) }
}

#[inline]
pub fn ready() -> Obj {
    state().ready.clone()
}

unsafe extern "C" fn next(_: *mut ffi::PyObject) -> *mut ffi::PyObject {
    std::ptr::null_mut()
}

unsafe extern "C" fn send(_: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a static exception type.
    unsafe { ffi::PyErr_SetNone(ffi::PyExc_StopIteration) };
    std::ptr::null_mut()
}

unsafe extern "C" fn close(_: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    Obj::none().into_ptr()
}
