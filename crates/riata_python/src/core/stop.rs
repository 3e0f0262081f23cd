//! A StopIteration that is recycled the moment the interpreter lets go of it.
//!
//! Returning a value from an iterator costs an exception object on CPython 3.12 and newer (the interpreter calls
//! `tp_iternext` and unpacks StopIteration). This subclass comes from a park and goes back to it in its own
//! `tp_dealloc`, at once, so that the value does not live longer than with the real thing.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::ffi::c_void;

use pyo3::ffi;

use super::freelist::{FreeList, free};
use super::typespec::TypeSpec;
use crate::ffi::{GilBound, Obj, Res, set_exception};
use crate::state::state;

// Of all threads, which have the GIL when they take and park; a list per thread costs a tenth of what it saves.
static PARKED: GilBound<FreeList> = GilBound(FreeList::new(8));

pub fn make_type() -> Res<*mut ffi::PyTypeObject> {
    TypeSpec {
        name: c"riata._riata.StopIteration",
        size: size_of::<ffi::PyStopIterationObject>(),
        flags: u64::from(ffi::Py_TPFLAGS_HAVE_GC as u32),
        // SAFETY: a static type.
        base: unsafe { ffi::PyExc_StopIteration.cast() },
        slots: vec![
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
        ],
        methods: vec![],
        getsets: vec![],
        members: vec![],
    }
    .build()
}

/// End an iterator with `value`: null for the caller to return, with StopIteration set unless the value is `None`.
#[inline]
pub fn stop_with(value: Obj) -> *mut ffi::PyObject {
    if value.is_none() {
        return std::ptr::null_mut();
    }
    let tp = state().stop_type;
    // SAFETY: only objects of this type are parked.
    let parked = unsafe { PARKED.take() };
    // SAFETY: a parked object keeps an empty `args` and nothing else; it becomes a tracked, owned exception here.
    unsafe {
        if parked.is_null() {
            if let Ok(exception) = Obj::owned(ffi::PyObject_CallOneArg(tp.cast(), value.as_ptr())) {
                set_exception(exception);
            }
        } else {
            (*parked.cast::<ffi::PyStopIterationObject>()).value = value.into_ptr();
            ffi::PyObject_GC_Track(parked.cast());
            set_exception(Obj::owned(parked).unwrap_or_else(|_| Obj::none()));
        }
    }
    std::ptr::null_mut()
}

unsafe extern "C" fn traverse(
    this: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: CPython traverses a live object; the base knows all fields. A heap type is visited by its instances.
    unsafe {
        let status = visit(ffi::Py_TYPE(this).cast(), arg);
        if status != 0 {
            return status;
        }
        match (*ffi::PyExc_StopIteration.cast::<ffi::PyTypeObject>()).tp_traverse {
            Some(base) => base(this, visit, arg),
            None => 0,
        }
    }
}

/// Drop what a field of a dying exception refers to.
///
/// # Safety
/// A field that is null or owns its reference.
#[inline]
unsafe fn take(field: *mut *mut ffi::PyObject) {
    // SAFETY: as the caller promises; the field is empty before anything can run.
    unsafe {
        let old = *field;
        *field = std::ptr::null_mut();
        ffi::Py_XDECREF(old);
    }
}

/// Whether anybody but the interpreter, who takes the value and lets go, has done something to it.
///
/// # Safety
/// A live exception of this type.
#[inline]
unsafe fn has_more_than_value(stop: *mut ffi::PyStopIterationObject) -> bool {
    // SAFETY: reads fields of a live object; `args` is a tuple or null.
    unsafe {
        #[cfg(Py_3_11)]
        let notes = (*stop).notes;
        #[cfg(not(Py_3_11))]
        let notes = std::ptr::null_mut::<ffi::PyObject>();
        let others = [
            (*stop).dict,
            notes,
            (*stop).traceback,
            (*stop).context,
            (*stop).cause,
        ];
        others.iter().fold(0, |bits, other| bits | *other as usize) != 0
            || (*stop).args.is_null()
            || ffi::PyTuple_GET_SIZE((*stop).args) != 0
    }
}

/// Leave an empty `args`, since BaseException's methods expect a tuple there, and nothing else.
///
/// # Safety
/// A dying exception of this type, which is not tracked.
#[inline(never)]
unsafe fn clear_rest(stop: *mut ffi::PyStopIterationObject) {
    // SAFETY: nobody else sees the fields, and every reference is dropped once.
    unsafe {
        take(&raw mut (*stop).dict);
        #[cfg(Py_3_11)]
        take(&raw mut (*stop).notes);
        take(&raw mut (*stop).traceback);
        take(&raw mut (*stop).context);
        take(&raw mut (*stop).cause);
        take(&raw mut (*stop).args);
        (*stop).args = ffi::PyTuple_New(0);
    }
}

unsafe extern "C" fn dealloc(this: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero, so nobody else sees the fields; every reference is dropped once. Exceptions have no
    // finalizer, so this one comes but once.
    unsafe {
        ffi::PyObject_GC_UnTrack(this.cast());
        let stop = this.cast::<ffi::PyStopIterationObject>();
        take(&raw mut (*stop).value);
        if has_more_than_value(stop) {
            clear_rest(stop);
        }
        if (*stop).args.is_null() || !PARKED.park(this) {
            take(&raw mut (*stop).args);
            free(this);
        }
    }
}
