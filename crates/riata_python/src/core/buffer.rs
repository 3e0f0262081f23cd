//! Bytes of Python objects, as slices for the length of a system call.
//!
//! A slice from here is never kept across a call into Python: the object may be a `bytearray` that changes.
#![expect(unsafe_code, reason = "the buffer protocol, see core/mod.rs")]

use pyo3::ffi;

use crate::ffi::{Obj, Raised, Res, check, raise_type_error, repr, take_exception, utf8};

/// A buffer that an object exports, held until this is dropped. Boxed, since an exporter may point into it.
pub struct View(Box<ffi::Py_buffer>);

impl View {
    /// For reading.
    pub fn of(object: &Obj) -> Res<View> {
        View::with_flags(object, ffi::PyBUF_SIMPLE)
    }

    /// For receiving into, with the error of `socket.recv_into` when the object cannot be written.
    pub fn for_recv(object: &Obj) -> Res<View> {
        View::with_flags(object, ffi::PyBUF_WRITABLE).map_err(|Raised| {
            drop(take_exception());
            let class = Obj::of_type(object.type_ptr().cast());
            let name = match object.is_none() {
                true => repr(object),
                false => class.get(c"__name__").and_then(|name| utf8(&name)),
            };
            match name {
                Ok(name) => raise_type_error(&format!(
                    "recv_into() argument 1 must be read-write bytes-like object, not {name}"
                )),
                Err(raised) => raised,
            }
        })
    }

    fn with_flags(object: &Obj, flags: i32) -> Res<View> {
        let mut buffer = Box::new(ffi::Py_buffer::new());
        // SAFETY: a live object; the buffer is filled in, or an exception is set and it stays empty.
        if unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &mut *buffer, flags) } < 0 {
            return Err(Raised);
        }
        Ok(View(buffer))
    }

    pub fn len(&self) -> usize {
        self.0.len as usize
    }

    pub fn bytes(&self) -> &[u8] {
        if self.0.len == 0 {
            return &[];
        }
        // SAFETY: the exporter keeps `len` bytes at `buf` as long as the buffer is not released. The GIL is held.
        unsafe { std::slice::from_raw_parts(self.0.buf.cast::<u8>(), self.0.len as usize) }
    }

    /// For the kernel to write to.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        if self.0.len == 0 || self.0.readonly != 0 {
            return &mut [];
        }
        // SAFETY: as in `bytes`, and the exporter said that it may be written.
        unsafe { std::slice::from_raw_parts_mut(self.0.buf.cast::<u8>(), self.0.len as usize) }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: filled in by PyObject_GetBuffer, released once; the GIL is held (see ffi.rs).
        unsafe { ffi::PyBuffer_Release(&mut *self.0) }
    }
}

/// What `transport.write` accepts.
#[derive(Copy, Clone, Eq, PartialEq)]
pub enum Kind {
    Bytes,
    ByteArray,
    MemoryView,
}

/// `None` for everything else, exporters of other types included, as asyncio does.
#[inline]
pub fn kind_of(object: &Obj) -> Option<Kind> {
    // SAFETY: a live object.
    unsafe {
        if ffi::PyBytes_Check(object.as_ptr()) != 0 {
            Some(Kind::Bytes)
        } else if ffi::PyByteArray_Check(object.as_ptr()) != 0 {
            Some(Kind::ByteArray)
        } else if ffi::PyObject_TypeCheck(object.as_ptr(), &raw mut ffi::PyMemoryView_Type) != 0 {
            Some(Kind::MemoryView)
        } else {
            None
        }
    }
}

/// The content of a `bytes` object.
#[inline]
pub fn bytes_of(object: &Obj) -> Option<&[u8]> {
    // SAFETY: checked to be bytes, which never change and live as long as the reference.
    unsafe {
        if ffi::PyBytes_Check(object.as_ptr()) == 0 {
            return None;
        }
        Some(std::slice::from_raw_parts(
            ffi::PyBytes_AsString(object.as_ptr()).cast::<u8>(),
            ffi::PyBytes_Size(object.as_ptr()) as usize,
        ))
    }
}

/// As [`bytes_of`], for `bytes` itself only: an object that runs no code when it is dropped.
pub fn exact_bytes_of(object: &Obj) -> Option<&[u8]> {
    // SAFETY: a live object.
    (unsafe { ffi::PyBytes_CheckExact(object.as_ptr()) } != 0)
        .then(|| bytes_of(object))
        .flatten()
}

/// `array.extend(data)` for an exact `bytearray`; `None` when it is something else.
pub fn extend_bytearray(array: &Obj, data: &[u8]) -> Option<Res<usize>> {
    // SAFETY: checked to be a bytearray; after the resize there is room for `data` behind the old end, and no view of the
    // array exists, or the resize would have failed.
    unsafe {
        if ffi::PyByteArray_CheckExact(array.as_ptr()) == 0 {
            return None;
        }
        let old = ffi::PyByteArray_Size(array.as_ptr()) as usize;
        let new = old + data.len();
        Some(
            check(ffi::PyByteArray_Resize(array.as_ptr(), new as isize)).map(|()| {
                let start = ffi::PyByteArray_AsString(array.as_ptr()).cast::<u8>();
                std::ptr::copy_nonoverlapping(data.as_ptr(), start.add(old), data.len());
                new
            }),
        )
    }
}
