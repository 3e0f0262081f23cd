//! Methods of PyO3 classes, and functions of the module, that CPython calls without PyO3 in between.
//!
//! The bodies are safe functions; what CPython calls is made from them here.
#![expect(unsafe_code, reason = "raw CPython methods, see core/mod.rs")]

use std::ffi::CStr;

use pyo3::PyClass;
use pyo3::ffi;

use super::args::Args;
use super::typespec::{fastcall, noargs, onearg};
use crate::ffi::{Obj, Res, give};

/// A function that is known by its type alone.
///
/// # Safety
/// `F` has no size, and somebody has made one: then there is one everywhere.
#[inline(always)]
unsafe fn conjure<F: Copy>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "only functions and closures that hold nothing"
        )
    };
    // SAFETY: a value without a size has no bytes that could be wrong.
    unsafe { std::mem::zeroed() }
}

/// A class of ours that is never borrowed mutably.
pub trait Class: PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync {}

impl<T: PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync> Class for T {}

#[inline(always)]
unsafe fn receiver<T: Class>(object: &*mut ffi::PyObject) -> (&Obj, &T) {
    // SAFETY: the descriptor has checked that the receiver is an instance of the class.
    unsafe {
        let object = Obj::from_ref(object);
        (object, object.class_unchecked::<T>())
    }
}

/// A method without arguments.
pub fn noargs_of<T, F>(name: &'static CStr, _body: F, doc: &'static CStr) -> ffi::PyMethodDef
where
    T: Class,
    F: Fn(&Obj, &T) -> Res + Copy,
{
    unsafe extern "C" fn call<T, F>(
        object: *mut ffi::PyObject,
        _: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject
    where
        T: Class,
        F: Fn(&Obj, &T) -> Res + Copy,
    {
        // SAFETY: the function was given to `noargs_of`; a receiver of this class.
        let (body, (object, this)) = unsafe { (conjure::<F>(), receiver::<T>(&object)) };
        give(body(object, this))
    }
    noargs(name, call::<T, F>, doc)
}

/// A method with one argument.
pub fn onearg_of<T, F>(name: &'static CStr, _body: F, doc: &'static CStr) -> ffi::PyMethodDef
where
    T: Class,
    F: Fn(&Obj, &T, &Obj) -> Res + Copy,
{
    unsafe extern "C" fn call<T, F>(
        object: *mut ffi::PyObject,
        argument: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject
    where
        T: Class,
        F: Fn(&Obj, &T, &Obj) -> Res + Copy,
    {
        // SAFETY: the function was given to `onearg_of`; a receiver of this class, and a live argument.
        unsafe {
            let (body, (object, this)) = (conjure::<F>(), receiver::<T>(&object));
            give(body(object, this, Obj::from_ref(&argument)))
        }
    }
    onearg(name, call::<T, F>, doc)
}

/// A method with any arguments; errors name it as `name`.
pub fn fastcall_of<T, F>(name: &'static CStr, _body: F, doc: &'static CStr) -> ffi::PyMethodDef
where
    T: Class,
    F: Fn(&Obj, &T, Args<'_>) -> Res + Copy,
{
    unsafe extern "C" fn call<T, F>(
        object: *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        nargs: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject
    where
        T: Class,
        F: Fn(&Obj, &T, Args<'_>) -> Res + Copy,
    {
        // SAFETY: the function was given to `fastcall_of`; a receiver of this class, and the arguments of a fastcall.
        unsafe {
            let (body, (object, this)) = (conjure::<F>(), receiver::<T>(&object));
            give(body(object, this, Args::new("", args, nargs, names)))
        }
    }
    fastcall(name, call::<T, F>, doc)
}

/// A function of the module, with any arguments.
pub fn function<F>(name: &'static CStr, _body: F, doc: &'static CStr) -> Res
where
    F: Fn(Args<'_>) -> Res + Copy,
{
    unsafe extern "C" fn call<F>(
        _: *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        nargs: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject
    where
        F: Fn(Args<'_>) -> Res + Copy,
    {
        // SAFETY: the function was given to `function`; the arguments of a fastcall.
        unsafe {
            give(conjure::<F>()(
                Args::new("", args, nargs, names).of_function(),
            ))
        }
    }
    let definition = Box::leak(Box::new(fastcall(name, call::<F>, doc)));
    let module = crate::ffi::interned(c"riata")?;
    // SAFETY: the definition is leaked; no receiver; the module's name.
    unsafe {
        Obj::owned(ffi::PyCFunction_NewEx(
            definition,
            std::ptr::null_mut(),
            module.as_ptr(),
        ))
    }
}
