//! What only the TLS engine asks of CPython.

use super::*;

/// Show bytes to `body` as a read-only memoryview, for the length of the call: a view that somebody kept is released, and
/// raises when it is used.
pub fn with_memoryview<T>(data: &[u8], body: impl FnOnce(&Obj) -> Res<T>) -> Res<T> {
    // SAFETY: the bytes stay where they are while `body` runs, and the view, which is not written to, is of no use after it.
    let view = unsafe {
        Obj::owned(ffi::PyMemoryView_FromMemory(
            data.as_ptr().cast_mut().cast(),
            data.len() as isize,
            ffi::PyBUF_READ,
        ))?
    };
    let outcome = body(&view);
    if view.refcount() > 1 {
        aside(|| view.get(c"release").and_then(|release| release.call0()))?;
    }
    outcome
}

impl Obj {
    /// View the object as a class of ours, if it is exactly that.
    #[inline]
    pub fn as_class<T>(&self) -> Option<&T>
    where
        T: pyo3::PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync,
    {
        // SAFETY: everything here runs with the GIL held; the result borrows from the reference that keeps the object.
        let py = unsafe { Python::assume_attached() };
        let bound = self.as_py().bind(py).cast_exact::<T>().ok()?;
        Some(bound.get())
    }
}

impl Obj {
    /// Whether the object is of a class of ours, and of no class that derives from it.
    #[inline]
    pub fn is_class<T: pyo3::PyClass>(&self) -> bool {
        // SAFETY: the GIL is held.
        let py = unsafe { Python::assume_attached() };
        self.type_ptr() == T::type_object_raw(py)
    }

    /// Whether the object is of a class of ours, or of one that derives from it.
    #[inline]
    pub fn is_a<T: pyo3::PyClass>(&self) -> bool {
        // SAFETY: the GIL is held.
        let py = unsafe { Python::assume_attached() };
        self.is_instance_of(T::type_object_raw(py))
    }

    /// View the object as a class of ours.
    ///
    /// # Panics
    /// In debug builds, when it is none: the caller knows that it is, from a slot that holds nothing else.
    #[inline]
    pub fn class<T>(&self) -> &T
    where
        T: pyo3::PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync,
    {
        debug_assert!(self.is_a::<T>());
        // SAFETY: the caller's promise; the owner of an operation is set once, by a method of its class.
        unsafe { self.class_unchecked() }
    }

    /// # Safety
    /// The object is an instance of the class.
    #[inline]
    pub unsafe fn class_unchecked<T>(&self) -> &T
    where
        T: pyo3::PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync,
    {
        // SAFETY: the GIL is held; the caller knows the class; a frozen class is never borrowed mutably, and the reference
        // keeps the object.
        unsafe {
            let py = Python::assume_attached();
            let value: *const T = self.as_py().bind(py).cast_unchecked::<T>().get();
            &*value
        }
    }
}

/// A subclass of `Exception`: what is not ends the loop, or cancels a task.
pub fn is_plain_exception(exception: &Obj) -> bool {
    // SAFETY: a static exception type.
    exception_matches(exception, unsafe { ffi::PyExc_Exception })
}

/// `ConnectionResetError()`.
pub fn connection_reset() -> Res {
    // SAFETY: a static exception type.
    Obj::of_type(unsafe { ffi::PyExc_ConnectionResetError }).call0()
}

/// `ConnectionAbortedError(message)`.
pub fn connection_aborted(message: &str) -> Res {
    // SAFETY: a static exception type.
    Obj::of_type(unsafe { ffi::PyExc_ConnectionAbortedError }).call1(&string(message)?)
}

/// `ResourceWarning`, from a destructor: what the warning raises is reported, since nobody can catch it.
pub fn warn_unclosed(message: &CStr) {
    aside(|| {
        // SAFETY: a static exception type and a nul-terminated text.
        if unsafe { ffi::PyErr_WarnEx(ffi::PyExc_ResourceWarning, message.as_ptr(), 1) } < 0 {
            unraisable(None);
        }
    });
}
