//! Per-thread parking for objects of one type, so that the commonest ones are not allocated again and again.
//!
//! A parked object is untracked, has no reference to anything and no reference count; `PyObject_Init` brings it back, which
//! debug builds and tracemalloc notice.
#![expect(unsafe_code, reason = "raw CPython objects, see core/mod.rs")]

use std::cell::{Cell, UnsafeCell};

use pyo3::ffi;

/// A bounded stack of parked objects of one size.
pub struct FreeList<const N: usize> {
    len: Cell<usize>,
    items: UnsafeCell<[*mut ffi::PyObject; N]>,
}

impl<const N: usize> FreeList<N> {
    pub const fn new() -> Self {
        FreeList {
            len: Cell::new(0),
            items: UnsafeCell::new([std::ptr::null_mut(); N]),
        }
    }

    /// A parked object, initialised anew as an instance of `tp`, or null.
    ///
    /// # Safety
    /// `tp` is the type whose objects were parked here.
    #[inline]
    pub unsafe fn take(&self, tp: *mut ffi::PyTypeObject) -> *mut ffi::PyObject {
        let len = self.len.get();
        if len == 0 {
            return std::ptr::null_mut();
        }
        self.len.set(len - 1);
        // SAFETY: entries below `len` are parked objects; the list belongs to this thread.
        unsafe { ffi::PyObject_Init((*self.items.get())[len - 1], tp) }
    }

    /// Park an object whose reference count fell to zero; false when the list is full.
    ///
    /// # Safety
    /// The object is dead, cleared, untracked and not finalised, and the caller gave back its reference to the type.
    #[inline]
    pub unsafe fn park(&self, object: *mut ffi::PyObject) -> bool {
        let len = self.len.get();
        if len == N {
            return false;
        }
        // SAFETY: `len < N`; the list belongs to this thread.
        unsafe { (*self.items.get())[len] = object };
        self.len.set(len + 1);
        true
    }
}
