//! Parking for objects of one type, so that the commonest ones are not allocated again and again. Each loop has its own.
//!
//! A parked object is untracked, has no reference to anything and no reference count; `PyObject_Init` brings it back, which
//! debug builds and tracemalloc notice.
#![expect(unsafe_code, reason = "raw CPython objects, see core/mod.rs")]

use std::cell::UnsafeCell;

use pyo3::ffi;

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

    /// A parked object, initialised anew as an instance of `tp`, or null.
    ///
    /// # Safety
    /// `tp` is the type whose objects are parked here, and the GIL is held.
    #[inline]
    pub unsafe fn take(&self, tp: *mut ffi::PyTypeObject) -> *mut ffi::PyObject {
        // SAFETY: no other borrow lives: nothing in this file calls out while it holds one.
        match unsafe { (*self.parked.get()).pop() } {
            // SAFETY: a parked object of this type, with nobody else to see it.
            Some(object) => unsafe { ffi::PyObject_Init(object, tp) },
            None => std::ptr::null_mut(),
        }
    }

    /// Park an object whose reference count fell to zero; false when the list is full.
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
            // SAFETY: parked objects are dead and untracked; their memory belongs to this list.
            unsafe { ffi::PyObject_GC_Del(object.cast()) }
        }
    }
}
