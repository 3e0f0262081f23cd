//! A StopIteration that is recycled the moment the interpreter lets go of it.
//!
//! Returning a value from an iterator costs an exception object on CPython 3.12 and newer (the interpreter calls
//! `tp_iternext` and unpacks StopIteration). This subclass comes from a park and goes back to it in its own
//! `tp_dealloc`, at once, so that the value does not live longer than with the real thing.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::ffi::c_void;

use pyo3::ffi;

use super::freelist::FreeList;
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

unsafe extern "C" fn dealloc(this: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero, so nobody else sees the fields; every reference is dropped once. `args` is kept
    // valid, since BaseException's methods expect a tuple there.
    unsafe {
        ffi::PyObject_GC_UnTrack(this.cast());
        let tp = ffi::Py_TYPE(this);
        let stop = this.cast::<ffi::PyStopIterationObject>();
        let take = |field: *mut *mut ffi::PyObject| {
            let old = *field;
            *field = std::ptr::null_mut();
            ffi::Py_XDECREF(old);
        };
        take(&raw mut (*stop).value);
        take(&raw mut (*stop).dict);
        #[cfg(Py_3_11)]
        take(&raw mut (*stop).notes);
        take(&raw mut (*stop).traceback);
        take(&raw mut (*stop).context);
        take(&raw mut (*stop).cause);
        // A recycled one has the empty tuple still.
        let args = (*stop).args;
        if args.is_null() || ffi::PyTuple_CheckExact(args) == 0 || ffi::PyTuple_GET_SIZE(args) != 0
        {
            (*stop).args = ffi::PyTuple_New(0);
            ffi::Py_XDECREF(args);
        }
        let usable = !(*stop).args.is_null() && ffi::PyObject_GC_IsFinalized(this) == 0;
        if !(usable && PARKED.park(this)) {
            take(&raw mut (*stop).args);
            ffi::PyObject_GC_Del(this.cast());
            ffi::Py_DECREF(tp.cast());
        }
    }
}
