//! Parking for objects of one type, so that the commonest ones are not allocated again and again. Each loop has
//! its own lists; operations, timeouts and the ends of iterators, which know no loop, have one for all threads.
//!
//! A parked object is untracked, has no reference count and no reference to anything but its type; `_Py_NewReference` brings it
//! back, which debug builds and tracemalloc notice.
#![expect(unsafe_code, reason = "raw CPython objects, see core/mod.rs")]

use std::cell::UnsafeCell;

use pyo3::ffi;

use crate::ffi::{Obj, Res};

unsafe extern "C" {
    /// What `PyObject_Init` does besides writing the type.
    fn _Py_NewReference(object: *mut ffi::PyObject);
}

/// Memory that keeps its type is an object again, with one reference.
///
/// # Safety
/// An object without references, whose type is set and which nobody sees. The GIL is held.
#[inline]
pub unsafe fn revive(object: *mut ffi::PyObject) {
    // SAFETY: as the caller promises.
    unsafe { _Py_NewReference(object) }
}

/// Free an object whose reference count fell to zero, and give up its reference to its type.
///
/// # Safety
/// The object is dead, cleared and untracked, and of a type whose objects are not allocated otherwise. The GIL is held.
pub unsafe fn free(object: *mut ffi::PyObject) {
    // SAFETY: as the caller promises; the type is dropped after what it describes.
    unsafe {
        let tp = ffi::Py_TYPE(object);
        ffi::PyObject_GC_Del(object.cast());
        ffi::Py_DECREF(tp.cast());
    }
}

/// A bounded stack of parked objects of one type.
pub struct FreeList {
    parked: UnsafeCell<Vec<*mut ffi::PyObject>>,
    bound: usize,
}

impl FreeList {
    pub const fn new(bound: usize) -> Self {
        FreeList {
            parked: UnsafeCell::new(Vec::new()),
            bound,
        }
    }

    /// A parked object, which has one reference again and is not tracked, or null.
    ///
    /// # Safety
    /// The GIL is held.
    #[inline]
    pub unsafe fn take(&self) -> *mut ffi::PyObject {
        // SAFETY: as the caller promises; a parked object, with nobody else to see it, which has kept its type.
        unsafe {
            let Some(object) = self.pop() else {
                return std::ptr::null_mut();
            };
            revive(object);
            object
        }
    }

    /// A parked object, or a fresh one, whose fields are zero. It is tracked.
    ///
    /// # Safety
    /// `tp` is the type whose objects are parked here, and the GIL is held.
    #[inline]
    pub unsafe fn new_object(&self, tp: *mut ffi::PyTypeObject) -> Res {
        // SAFETY: as the caller promises; a parked object holds nothing, which is valid for the collector.
        unsafe {
            let parked = self.take();
            if parked.is_null() {
                return Obj::owned(ffi::PyType_GenericAlloc(tp, 0));
            }
            ffi::PyObject_GC_Track(parked.cast());
            Obj::owned(parked)
        }
    }

    /// A parked object, to be filled and then brought back with [`revive`].
    ///
    /// # Safety
    /// The GIL is held.
    #[inline]
    pub unsafe fn pop(&self) -> Option<*mut ffi::PyObject> {
        // SAFETY: no other borrow lives: nothing in this file calls out while it holds one.
        unsafe { (*self.parked.get()).pop() }
    }

    /// Park an object whose reference count fell to zero, with its reference to its type; false when the list is full.
    ///
    /// # Safety
    /// The object is dead, cleared, untracked and not finalised, and the GIL is held.
    #[inline]
    pub unsafe fn park(&self, object: *mut ffi::PyObject) -> bool {
        // SAFETY: as in `take`.
        let parked = unsafe { &mut *self.parked.get() };
        if parked.len() >= self.bound {
            return false;
        }
        parked.push(object);
        true
    }
}

impl Drop for FreeList {
    fn drop(&mut self) {
        for object in self.parked.get_mut().drain(..) {
            // SAFETY: parked objects are dead and untracked; their memory, and a reference to their type, belong to this list.
            unsafe { free(object) }
        }
    }
}
