//! What Python sees of `Handle` and `TimerHandle`: their types, slots, methods and attributes.

use super::*;
use crate::core::freelist::free;

pub fn make_handle_type() -> Res<*mut ffi::PyTypeObject> {
    make(c"riata._riata.Handle", vec![])
}

pub fn make_timer_handle_type() -> Res<*mut ffi::PyTypeObject> {
    make(
        c"riata._riata.TimerHandle",
        vec![
            (ffi::Py_tp_richcompare, timer_compare as *mut c_void),
            (ffi::Py_tp_hash, timer_hash as *mut c_void),
        ],
    )
}

fn make(
    name: &'static std::ffi::CStr,
    more: Vec<(i32, *mut c_void)>,
) -> Res<*mut ffi::PyTypeObject> {
    let timer = !more.is_empty();
    let mut slots = vec![
        (ffi::Py_tp_dealloc, dealloc as *mut c_void),
        (ffi::Py_tp_traverse, traverse as *mut c_void),
        (ffi::Py_tp_clear, clear as *mut c_void),
        (ffi::Py_tp_repr, handle_repr as *mut c_void),
        (
            ffi::Py_tp_doc,
            c"A scheduled callback of a riata loop.".as_ptr() as *mut c_void,
        ),
    ];
    slots.extend(more);
    let mut methods = vec![
        noargs(
            c"cancel",
            cancel,
            c"Cancel the callback; does nothing when it ran already.",
        ),
        noargs(
            c"cancelled",
            cancelled,
            c"Return True if the callback was cancelled.",
        ),
        noargs(
            c"get_context",
            get_context,
            c"Return the context that the callback runs in.",
        ),
        noargs(
            c"_run",
            run_method,
            c"Run the callback now, reporting exceptions to the loop.",
        ),
    ];
    let mut getsets = vec![
        getter(c"__class__", class_getter),
        getter(c"_callback", callback_getter),
        getter(c"_args", args_getter),
        getter(c"_loop", loop_getter),
        getter(c"_context", context_getter),
        getter(c"_cancelled", cancelled_getter),
        getter(c"_source_traceback", source_traceback_getter),
        getter(c"_repr", repr_getter),
    ];
    if timer {
        methods.push(noargs(
            c"when",
            when,
            c"Return the scheduled time, in seconds of loop.time().",
        ));
        getsets.push(getter(c"_when", when_getter));
        getsets.push(getter(c"_scheduled", scheduled_getter));
    }
    TypeSpec {
        name,
        size: size_of::<Handle>(),
        flags: u64::from(
            ffi::Py_TPFLAGS_HAVE_GC as u32 | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32,
        ),
        base: std::ptr::null_mut(),
        slots,
        methods,
        getsets,
        members: vec![offset_member(
            c"__weaklistoffset__",
            std::mem::offset_of!(Handle, weakrefs),
        )],
    }
    .build()
}

unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, &Handle) {
    // SAFETY: CPython passes a live object of this type as the receiver.
    unsafe { (Obj::from_ref(object), &*(*object).cast::<Handle>()) }
}

method!(cancel, |object, handle| {
    #[cfg(Py_3_14)]
    handle.wait_while_it_runs()?;
    handle.cancel(object).map(|()| Obj::none())
});
method!(cancelled, |_object, handle| {
    #[cfg(Py_3_14)]
    handle.wait_while_it_runs()?;
    Ok(Obj::bool(handle.cancelled.get()))
});
method!(get_context, |_object, handle| handle.context_or_none());
method!(run_method, |object, handle| handle
    .run(object)
    .map(|()| Obj::none()));

field!(class_getter, |object, handle| {
    #[cfg(Py_3_14)]
    if handle.threadsafe.get() {
        return Ok(state().asyncio_threadsafe_handle.clone());
    }
    Ok(if object.type_ptr() == state().timer_handle_type {
        state().asyncio_timer_handle.clone()
    } else {
        state().asyncio_handle.clone()
    })
});
field!(callback_getter, |_object, handle| Ok(handle
    .callback
    .get_or_none()));
field!(args_getter, |_object, handle| if handle.cancelled.get() {
    Ok(Obj::none())
} else {
    handle.args_tuple()
});
field!(loop_getter, |_object, handle| Ok(handle
    .loop_
    .get_or_none()));
field!(context_getter, |_object, handle| handle.context_or_none());
field!(cancelled_getter, |_object, handle| Ok(Obj::bool(
    handle.cancelled.get()
)));
field!(source_traceback_getter, |_object, handle| Ok(handle
    .source_traceback
    .get_or_none()));
field!(
    repr_getter,
    |_object, handle| match handle.kept_repr.get() {
        Some(kept) => string(&format!("<{}>", utf8(&kept)?)),
        None => Ok(Obj::none()),
    }
);
field!(when_getter, |_object, handle| handle.when_as_given());
field!(scheduled_getter, |_object, handle| Ok(Obj::bool(
    handle.in_heap.get()
)));

method!(when, |_object, handle| handle.when_as_given());

unsafe extern "C" fn handle_repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a slot of this type.
    let (object, handle) = unsafe { this(&object) };
    give(
        handle
            .describe(object)
            .and_then(|text| string(&format!("<{text}>"))),
    )
}

unsafe extern "C" fn timer_hash(object: *mut ffi::PyObject) -> ffi::Py_hash_t {
    // SAFETY: the receiver of a slot of this type.
    let handle = unsafe { this(&object) }.1;
    let Ok(when) = crate::ffi::float(handle.when.get()) else {
        return -1;
    };
    // SAFETY: a live float.
    unsafe { ffi::PyObject_Hash(when.as_ptr()) }
}

/// Ordered by time; equal when time, callback, arguments and state are.
unsafe extern "C" fn timer_compare(
    left: *mut ffi::PyObject,
    right: *mut ffi::PyObject,
    op: std::ffi::c_int,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls the slot with a receiver of this type on the left.
    let ((left_object, a), right_object) = unsafe { (this(&left), Obj::from_ref(&right)) };
    if right_object.type_ptr() != left_object.type_ptr() {
        // SAFETY: NotImplemented is a static object.
        return unsafe { Obj::shared(ffi::Py_NotImplemented()) }.into_ptr();
    }
    let b = Handle::of(right_object);
    let equal = || -> Res<bool> {
        Ok(a.when.get() == b.when.get()
            && a.callback.get_or_none().equals(&b.callback.get_or_none())?
            && a.args_tuple()?.equals(&b.args_tuple()?)?
            && a.cancelled.get() == b.cancelled.get())
    };
    let (x, y) = (a.when.get(), b.when.get());
    give(
        match op {
            ffi::Py_LT => Ok(x < y),
            ffi::Py_GT => Ok(x > y),
            ffi::Py_LE => equal().map(|same| x < y || same),
            ffi::Py_GE => equal().map(|same| x > y || same),
            ffi::Py_EQ => equal(),
            _ => equal().map(|same| !same),
        }
        .map(Obj::bool),
    )
}

unsafe extern "C" fn traverse(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: CPython traverses a live object of this type.
    unsafe { visit_all(object, this(&object).1.slots(), visit, arg) }
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> i32 {
    // SAFETY: CPython clears a live object of this type.
    let handle = unsafe { &*object.cast::<Handle>() };
    drop_fields(handle);
    handle.loop_.clear();
    0
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero: nobody else holds the object. After `drop_fields` it holds nothing, so it may be
    // parked (see freelist.rs) or freed; `held` keeps the loop, and with it the list, alive meanwhile.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        let tp = ffi::Py_TYPE(object);
        let handle = &*object.cast::<Handle>();
        if !handle.weakrefs.get().is_null() {
            aside(|| ffi::PyObject_ClearWeakRefs(object));
        }
        let held = handle.loop_.take();
        let core = handle.core.replace(std::ptr::null());
        match core.as_ref().filter(|_| held.is_some()) {
            Some(core) => core.doomed.drop_fields(handle),
            None => drop_fields(handle),
        }
        handle.cancelled.set(false);
        handle.in_heap.set(false);
        handle.context_is_shared.set(false);
        handle.when_is_int.set(false);
        #[cfg(Py_3_14)]
        handle.threadsafe.set(false);
        let parked = held.is_some()
            && !core.is_null()
            && ffi::PyObject_GC_IsFinalized(object) == 0
            && if tp == state().handle_type {
                (*core).handles.park(object)
            } else {
                (*core).timer_handles.park(object)
            };
        if !parked {
            free(object);
        }
        drop(held);
    }
}
