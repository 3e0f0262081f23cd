//! What CPython calls: methods, getters and setters of a raw type, one line each, and the frame of a traversal.
//!
//! The macros call `this(&object)` of the file that uses them, which views the receiver as the type of that file.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::ffi::c_void;

use pyo3::ffi;

use crate::ffi::Slot;

/// `method!(name, |object, fields| body)`: a method without arguments.
macro_rules! method {
    ($name:ident, |$object:ident, $fields:ident| $body:expr) => {
        unsafe extern "C" fn $name(
            object: *mut pyo3::ffi::PyObject,
            _: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: the receiver of a method of this type.
            let ($object, $fields) = unsafe { this(&object) };
            let _ = ($object, $fields);
            $crate::ffi::give_from(|| $body)
        }
    };
}

/// `method_of_one!(name, |object, fields, argument| body)`: a method with one argument.
macro_rules! method_of_one {
    ($name:ident, |$object:ident, $fields:ident, $argument:ident| $body:expr) => {
        unsafe extern "C" fn $name(
            object: *mut pyo3::ffi::PyObject,
            argument: *mut pyo3::ffi::PyObject,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: the receiver and the argument of a METH_O method of this type.
            let ($object, $fields) = unsafe { this(&object) };
            // SAFETY: as above.
            let $argument = unsafe { $crate::ffi::Obj::from_ref(&argument) };
            let _ = $object;
            $crate::ffi::give_from(|| $body)
        }
    };
}

/// `field!(name, |object, fields| body)`: a getter.
macro_rules! field {
    ($name:ident, |$object:ident, $fields:ident| $body:expr) => {
        unsafe extern "C" fn $name(
            object: *mut pyo3::ffi::PyObject,
            _: *mut std::ffi::c_void,
        ) -> *mut pyo3::ffi::PyObject {
            // SAFETY: the receiver of a getter of this type.
            let ($object, $fields) = unsafe { this(&object) };
            let _ = ($object, $fields);
            $crate::ffi::give_from(|| $body)
        }
    };
}

/// `setter!(name, "what it sets", |fields, value| body)`; what it sets cannot be deleted.
macro_rules! setter {
    ($name:ident, $what:literal, |$fields:ident, $value:ident| $body:expr) => {
        unsafe extern "C" fn $name(
            object: *mut pyo3::ffi::PyObject,
            value: *mut pyo3::ffi::PyObject,
            _: *mut std::ffi::c_void,
        ) -> std::ffi::c_int {
            if let Err(raised) = $crate::core::args::not_deletable(value, $what) {
                return raised.into();
            }
            // SAFETY: the receiver of a setter of this type, and a value that is not null.
            let (_, $fields) = unsafe { this(&object) };
            // SAFETY: as above.
            let $value = unsafe { $crate::ffi::Obj::from_ref(&value) };
            let body = || -> $crate::ffi::Res<()> { $body };
            match body() {
                Ok(()) => 0,
                Err(raised) => raised.into(),
            }
        }
    };
}

pub(super) use {field, method, method_of_one, setter};

/// Visit the type of an object, as instances of heap types must, and what its slots hold.
///
/// # Safety
/// Only from a `tp_traverse`, with its arguments and slots of its object.
#[inline]
pub unsafe fn visit_all<'a>(
    object: *mut ffi::PyObject,
    slots: impl IntoIterator<Item = &'a Slot>,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: the caller is in a traversal of this live object.
    unsafe {
        let mut status = visit(ffi::Py_TYPE(object).cast(), arg);
        for slot in slots {
            if status != 0 {
                break;
            }
            status = slot.visit(visit, arg);
        }
        status
    }
}
