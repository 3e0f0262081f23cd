//! Raw CPython calls behind safe functions, one per need and Python version.
//!
//! Invariant of this file and of `core/`: every function here runs with the GIL held (the thread is attached to the
//! interpreter). [`Obj`] and [`Slot`] are not `Send`, so they cannot leave such a thread by accident; the one place that
//! carries them across threads, `job.rs`, says why that is sound. Nothing here holds a borrow across a call into Python.
#![expect(
    unsafe_code,
    reason = "the raw CPython API is wrapped here and nowhere else"
)]

use std::cell::Cell;
use std::ffi::CStr;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

mod calls;
mod contexts;
mod deep;
mod exceptions;
mod network;
#[cfg(not(Py_3_12))]
mod running_holder;
#[cfg(Py_3_14)]
mod running_task;
mod sockets;
mod tls;
mod values;

pub use calls::*;
pub use contexts::*;
pub use deep::*;
pub use exceptions::*;
pub use network::*;
#[cfg(not(Py_3_12))]
pub use running_holder::*;
#[cfg(Py_3_14)]
pub use running_task::*;
pub use sockets::SocketLayout;
pub use tls::*;
pub use values::*;

/// An owned, strong reference. Dropping it may run user code (`__del__`), so never drop one while a borrow is live.
#[repr(transparent)]
pub struct Obj(NonNull<ffi::PyObject>);

/// The error indicator of this thread is set. Kept empty so that a `Result` is one register.
#[derive(Debug)]
pub struct Raised;

pub type Res<T = Obj> = Result<T, Raised>;

impl Obj {
    /// Take ownership of a new reference; null means that an exception was raised.
    ///
    /// # Safety
    /// `ptr` is null with an exception set, or a reference that the caller owns.
    #[inline]
    pub unsafe fn owned(ptr: *mut ffi::PyObject) -> Res {
        NonNull::new(ptr).map(Obj).ok_or(Raised)
    }

    /// Share a borrowed pointer.
    ///
    /// # Safety
    /// `ptr` points to a live object.
    #[inline]
    pub unsafe fn shared(ptr: *mut ffi::PyObject) -> Obj {
        // SAFETY: the caller promises a live object, hence not null.
        unsafe {
            ffi::Py_INCREF(ptr);
            Obj(NonNull::new_unchecked(ptr))
        }
    }

    /// View a borrowed pointer as a reference to `Obj` for as long as the variable that holds it.
    ///
    /// # Safety
    /// `*ptr` is not null and stays alive while the result is used.
    #[inline]
    pub unsafe fn from_ref(ptr: &*mut ffi::PyObject) -> &Obj {
        // SAFETY: `Obj` is a transparent non-null pointer, and the caller promises that this one is not null.
        unsafe { &*(ptr as *const *mut ffi::PyObject).cast::<Obj>() }
    }

    #[inline]
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    #[inline]
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        ManuallyDrop::new(self).0.as_ptr()
    }

    #[inline]
    pub fn none() -> Obj {
        // SAFETY: `None` lives as long as the interpreter.
        unsafe { Obj::shared(ffi::Py_None()) }
    }

    #[inline]
    pub fn bool(value: bool) -> Obj {
        // SAFETY: `True` and `False` live as long as the interpreter.
        unsafe {
            Obj::shared(if value {
                ffi::Py_True()
            } else {
                ffi::Py_False()
            })
        }
    }

    #[inline]
    pub fn is_none(&self) -> bool {
        // SAFETY: comparing pointers only.
        self.as_ptr() == unsafe { ffi::Py_None() }
    }

    #[inline]
    pub fn is(&self, other: *mut ffi::PyObject) -> bool {
        self.as_ptr() == other
    }

    #[inline]
    pub fn type_ptr(&self) -> *mut ffi::PyTypeObject {
        // SAFETY: a live object has a type.
        unsafe { ffi::Py_TYPE(self.as_ptr()) }
    }

    #[inline]
    pub fn is_instance_of(&self, tp: *mut ffi::PyTypeObject) -> bool {
        // SAFETY: both are live.
        unsafe { ffi::PyObject_TypeCheck(self.as_ptr(), tp) != 0 }
    }

    pub fn bound<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        // SAFETY: a live object.
        unsafe { Bound::from_borrowed_ptr(py, self.as_ptr()) }
    }

    /// The same reference as PyO3 sees it.
    pub fn as_py(&self) -> &Py<PyAny> {
        // SAFETY: both are transparent, non-null pointers to an object.
        unsafe { &*(&raw const *self).cast::<Py<PyAny>>() }
    }

    pub fn attr(&self, name: &Obj) -> Res {
        // SAFETY: live objects; null means raised.
        unsafe { Obj::owned(ffi::PyObject_GetAttr(self.as_ptr(), name.as_ptr())) }
    }

    /// An attribute by a name known at compile time; for paths that are not hot.
    pub fn get(&self, name: &CStr) -> Res {
        // SAFETY: a live object and a nul-terminated name.
        unsafe { Obj::owned(ffi::PyObject_GetAttrString(self.as_ptr(), name.as_ptr())) }
    }

    pub fn set_attr(&self, name: &Obj, value: &Obj) -> Res<()> {
        // SAFETY: live objects.
        check(unsafe { ffi::PyObject_SetAttr(self.as_ptr(), name.as_ptr(), value.as_ptr()) })
    }

    pub fn call0(&self) -> Res {
        // SAFETY: a live object; null means raised.
        unsafe { Obj::owned(ffi::PyObject_CallNoArgs(self.as_ptr())) }
    }

    #[inline]
    pub fn call1(&self, arg: &Obj) -> Res {
        self.call(&[arg.as_ptr()])
    }

    /// Call with borrowed positional arguments.
    #[inline]
    pub fn call(&self, args: &[*mut ffi::PyObject]) -> Res {
        // SAFETY: `args` holds live objects for the length of the call.
        unsafe {
            Obj::owned(ffi::PyObject_Vectorcall(
                self.as_ptr(),
                args.as_ptr(),
                args.len(),
                ptr::null_mut(),
            ))
        }
    }

    /// Call with positional arguments followed by the values of `kwnames`.
    pub fn call_kw(&self, args: &[*mut ffi::PyObject], kwnames: &Obj) -> Res {
        // SAFETY: `kwnames` is a tuple of names whose values close `args`.
        unsafe {
            let keywords = ffi::PyTuple_GET_SIZE(kwnames.as_ptr()) as usize;
            Obj::owned(ffi::PyObject_Vectorcall(
                self.as_ptr(),
                args.as_ptr(),
                args.len() - keywords,
                kwnames.as_ptr(),
            ))
        }
    }

    pub fn method(&self, name: &Obj, args: &[*mut ffi::PyObject]) -> Res {
        self.attr(name)?.call(args)
    }

    pub fn method0(&self, name: &Obj) -> Res {
        let args = [self.as_ptr()];
        // SAFETY: the first argument is the receiver; null means raised.
        unsafe {
            Obj::owned(ffi::PyObject_VectorcallMethod(
                name.as_ptr(),
                args.as_ptr(),
                1,
                ptr::null_mut(),
            ))
        }
    }

    pub fn truth(&self) -> Res<bool> {
        // SAFETY: a live object.
        match unsafe { ffi::PyObject_IsTrue(self.as_ptr()) } {
            -1 => Err(Raised),
            value => Ok(value == 1),
        }
    }

    pub fn equals(&self, other: &Obj) -> Res<bool> {
        self.compare(other, ffi::Py_EQ)
    }

    pub fn less_than(&self, other: &Obj) -> Res<bool> {
        self.compare(other, ffi::Py_LT)
    }

    /// `self + other`.
    pub fn add(&self, other: &Obj) -> Res {
        // SAFETY: live objects; null means raised.
        unsafe { Obj::owned(ffi::PyNumber_Add(self.as_ptr(), other.as_ptr())) }
    }

    pub fn at_most(&self, other: &Obj) -> Res<bool> {
        self.compare(other, ffi::Py_LE)
    }

    fn compare(&self, other: &Obj, operator: i32) -> Res<bool> {
        // SAFETY: live objects.
        match unsafe { ffi::PyObject_RichCompareBool(self.as_ptr(), other.as_ptr(), operator) } {
            -1 => Err(Raised),
            value => Ok(value == 1),
        }
    }

    pub fn refcount(&self) -> isize {
        // SAFETY: a live object.
        unsafe { ffi::Py_REFCNT(self.as_ptr()) }
    }
}

impl Clone for Obj {
    #[inline]
    fn clone(&self) -> Obj {
        // SAFETY: we own a reference, so the object is live.
        unsafe { Obj::shared(self.as_ptr()) }
    }
}

impl Drop for Obj {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: we own exactly this reference, and the GIL is held (see the top of this file).
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) }
    }
}

impl From<Py<PyAny>> for Obj {
    fn from(value: Py<PyAny>) -> Obj {
        // SAFETY: `into_ptr` hands over a reference to a live object.
        unsafe { Obj(NonNull::new_unchecked(value.into_ptr())) }
    }
}

impl<T> From<Bound<'_, T>> for Obj {
    fn from(value: Bound<'_, T>) -> Obj {
        // SAFETY: `into_ptr` hands over a reference to a live object.
        unsafe { Obj(NonNull::new_unchecked(value.into_ptr())) }
    }
}

impl From<Obj> for Py<PyAny> {
    fn from(value: Obj) -> Py<PyAny> {
        // SAFETY: the thread is attached, and we hand over a reference that we own.
        unsafe { Bound::from_owned_ptr(Python::assume_attached(), value.into_ptr()).unbind() }
    }
}

impl From<Raised> for PyErr {
    fn from(_: Raised) -> PyErr {
        // SAFETY: `Raised` exists only on an attached thread.
        PyErr::fetch(unsafe { Python::assume_attached() })
    }
}

impl From<PyErr> for Raised {
    fn from(error: PyErr) -> Raised {
        // SAFETY: `PyErr` came from a call on this attached thread.
        error.restore(unsafe { Python::assume_attached() });
        Raised
    }
}

/// A field of an object that other code may change at any call into Python: read by copy, written by swap.
#[repr(transparent)]
pub struct Slot(Cell<*mut ffi::PyObject>);

impl Slot {
    pub const fn empty() -> Slot {
        Slot(Cell::new(ptr::null_mut()))
    }

    pub fn new(value: Obj) -> Slot {
        Slot(Cell::new(value.into_ptr()))
    }

    /// The pointer, null when empty; good until the next call into Python.
    #[inline]
    pub fn ptr(&self) -> *mut ffi::PyObject {
        self.0.get()
    }

    #[inline]
    pub fn is_set(&self) -> bool {
        !self.0.get().is_null()
    }

    #[inline]
    pub fn get(&self) -> Option<Obj> {
        let ptr = self.0.get();
        // SAFETY: the slot owns a reference to what it points to.
        (!ptr.is_null()).then(|| unsafe { Obj::shared(ptr) })
    }

    /// The slot as PyO3 sees it; only for a traversal, in which nothing can change it.
    pub fn as_py(&self) -> Option<&Py<PyAny>> {
        // SAFETY: a pointer that is null or to an object, which is what `Option<Py>` is.
        unsafe { (*self.0.as_ptr().cast::<Option<Py<PyAny>>>()).as_ref() }
    }

    /// # Safety
    /// The slot is not empty, and stays as it is while the result is used.
    #[inline]
    pub unsafe fn as_obj(&self) -> &Obj {
        // SAFETY: a pointer to a live object that the slot owns; `Obj` and `Cell` are transparent.
        unsafe { &*self.0.as_ptr().cast::<Obj>() }
    }

    #[inline]
    pub fn get_or_none(&self) -> Obj {
        self.get().unwrap_or_else(Obj::none)
    }

    #[inline]
    pub fn take(&self) -> Option<Obj> {
        NonNull::new(self.0.replace(ptr::null_mut())).map(Obj)
    }

    /// Store; what was there comes back.
    #[inline]
    pub fn replace(&self, value: Obj) -> Option<Obj> {
        NonNull::new(self.0.replace(value.into_ptr())).map(Obj)
    }

    /// Store, then drop what was there: the drop may run code that looks at this very slot.
    #[inline]
    pub fn set(&self, value: Obj) {
        let old = NonNull::new(self.0.replace(value.into_ptr())).map(Obj);
        drop(old);
    }

    /// Store where nothing is.
    #[inline]
    pub fn fill(&self, value: Option<Obj>) {
        debug_assert!(!self.is_set());
        self.0.set(value.map_or(ptr::null_mut(), Obj::into_ptr));
    }

    #[inline]
    pub fn set_opt(&self, value: Option<Obj>) {
        match value {
            Some(value) => self.set(value),
            None => drop(self.take()),
        }
    }

    #[inline]
    pub fn clear(&self) {
        drop(self.take());
    }

    /// # Safety
    /// Only from a `tp_traverse` with its own arguments.
    #[inline]
    pub unsafe fn visit(&self, visit: ffi::visitproc, arg: *mut std::ffi::c_void) -> i32 {
        let ptr = self.0.get();
        if ptr.is_null() {
            return 0;
        }
        // SAFETY: the slot's object is live, and the caller is in a traversal.
        unsafe { visit(ptr, arg) }
    }
}

impl Default for Slot {
    fn default() -> Slot {
        Slot::empty()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What `object.__setattr__` does, or `object.__delattr__` without a value.
pub fn set_attribute(
    object: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
    value: Option<&Bound<'_, PyAny>>,
) -> Res<()> {
    let value = value.map_or(ptr::null_mut(), Bound::as_ptr);
    // SAFETY: live objects, and null to delete.
    check(unsafe { ffi::PyObject_GenericSetAttr(object.as_ptr(), name.as_ptr(), value) })
}

/// CPython 3.11 and 3.12 make the `__dict__` of an instance with the instance, others when somebody looks. Without one the
/// interpreter finds the methods of its type without a search, so one that is empty is taken away again.
#[inline]
pub fn drop_empty_dict(object: &Bound<'_, PyAny>) {
    #[cfg(all(Py_3_11, not(Py_3_13)))]
    // SAFETY: where the type says so, a live object has a pointer to its dict, or null. Nobody else holds this dict, and an
    // empty one is made anew when it is asked for.
    unsafe {
        let object = object.as_ptr();
        let offset = (*ffi::Py_TYPE(object)).tp_dictoffset;
        if offset <= 0 {
            return;
        }
        let place = object.byte_offset(offset).cast::<*mut ffi::PyObject>();
        let dict = *place;
        if !dict.is_null() && ffi::Py_REFCNT(dict) == 1 && ffi::PyDict_Size(dict) == 0 {
            *place = ptr::null_mut();
            ffi::Py_DECREF(dict);
        }
    }
    #[cfg(not(all(Py_3_11, not(Py_3_13))))]
    let _ = object;
}

#[inline]
pub fn check(status: i32) -> Res<()> {
    if status < 0 { Err(Raised) } else { Ok(()) }
}

/// Give a result to C: a new reference, or null with the exception set.
#[inline]
pub fn give(result: Res) -> *mut ffi::PyObject {
    match result {
        Ok(value) => value.into_ptr(),
        Err(Raised) => ptr::null_mut(),
    }
}

/// As [`give`], from a body that uses `?`.
#[inline(always)]
pub fn give_from(body: impl FnOnce() -> Res) -> *mut ffi::PyObject {
    give(body())
}
