//! What Python sees of `Future`: its type, slots, methods and attributes.

use std::ffi::c_void;

use pyo3::ffi;

use super::{Future, Status, describe};
use crate::core::args::{Args, given, init_args};
use crate::core::entry::{field, method, method_of_one, setter, visit_all};
use crate::core::future_iter;
use crate::core::stop::stop_with;
use crate::core::typespec::{TypeSpec, fastcall, getset, getter, noargs, offset_member, onearg};
use crate::ffi::{
    Obj, Raised, Res, aside, give, give_from, raise, raise_runtime_error, string, unraisable,
};
use crate::state::state;

pub fn make_type() -> Res<*mut ffi::PyTypeObject> {
    let tp = make()?;
    hide_next(tp)?;
    Ok(tp)
}

/// A future is its own iterator where `await` asks for one, and only there: without the name it does not pass for an
/// `Iterator`, as asyncio's does not. The slot stays. Subclasses have none: `await` gives them a full iterator.
fn hide_next(tp: *mut ffi::PyTypeObject) -> Res<()> {
    // SAFETY: the type was made just now and nobody has used it; its dictionary is its own.
    unsafe {
        let names = Obj::shared((*tp).tp_dict);
        crate::ffi::dict_delete(&names, &string("__next__")?)?;
        ffi::PyType_Modified(tp);
    }
    Ok(())
}

fn make() -> Res<*mut ffi::PyTypeObject> {
    TypeSpec {
        name: c"riata._riata.Future",
        size: size_of::<Future>(),
        flags: u64::from(ffi::Py_TPFLAGS_HAVE_GC as u32 | ffi::Py_TPFLAGS_BASETYPE as u32),
        base: std::ptr::null_mut(),
        slots: vec![
            (ffi::Py_tp_init, init as *mut c_void),
            (ffi::Py_tp_new, ffi::PyType_GenericNew as *mut c_void),
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_finalize, finalize as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
            (ffi::Py_tp_repr, future_repr as *mut c_void),
            (ffi::Py_tp_iter, future_iter::iter as *mut c_void),
            (ffi::Py_tp_iternext, next as *mut c_void),
            (ffi::Py_am_await, await_self as *mut c_void),
            (ffi::Py_am_send, send as *mut c_void),
            (
                ffi::Py_tp_doc,
                c"Future(*, loop=None)\n--\n\nA result that will be there later, as asyncio.Future, on any event loop."
                    .as_ptr() as *mut c_void,
            ),
        ],
        methods: vec![
            noargs(c"result", result_method, c"Return the result, or raise the exception, of a future that is done."),
            noargs(c"exception", exception_method, c"Return the exception that was set, or None."),
            onearg(c"set_result", set_result_method, c"Mark the future done and set its result."),
            onearg(c"set_exception", set_exception_method, c"Mark the future done and set its exception."),
            fastcall(
                c"add_done_callback",
                add_done_callback_method,
                c"add_done_callback($self, fn, /, *, context=<unrepresentable>)\n--\n\nCall fn(future) through the loop once the future is done.",
            ),
            onearg(
                c"remove_done_callback",
                remove_done_callback_method,
                c"Remove all instances of a callback; return how many there were.",
            ),
            fastcall(
                c"cancel",
                cancel_method,
                c"cancel($self, /, msg=None)\n--\n\nCancel the future; return False when it is done already.",
            ),
            noargs(c"cancelled", cancelled_method, c"Return True if the future was cancelled."),
            noargs(c"done", done_method, c"Return True if the future is done."),
            noargs(c"get_loop", get_loop_method, c"Return the event loop that the future is bound to."),
            noargs(c"_make_cancelled_error", make_cancelled_error_method, c"Create the CancelledError to raise."),
            ffi::PyMethodDef {
                // The slot behind `await` gives the future itself; who calls the method by hand gets a full iterator.
                ml_flags: ffi::METH_NOARGS | ffi::METH_COEXIST,
                ..noargs(c"__await__", future_iter::await_method, c"Return an iterator to be used in await.")
            },
            ffi::PyMethodDef {
                ml_flags: ffi::METH_O | ffi::METH_CLASS,
                ..onearg(c"__class_getitem__", class_getitem, c"See PEP 585.")
            },
        ],
        getsets: vec![
            getter(c"__class__", class_getter),
            getter(c"_state", state_getter),
            getset(c"_asyncio_future_blocking", blocking_getter, blocking_setter),
            getter(c"_loop", loop_getter),
            getter(c"_callbacks", callbacks_getter),
            #[cfg(Py_3_14)]
            getter(c"_asyncio_awaited_by", awaited_by_getter),
            getter(c"_result", result_getter),
            getter(c"_exception", exception_getter),
            getset(c"_log_traceback", log_traceback_getter, log_traceback_setter),
            getter(c"_source_traceback", source_traceback_getter),
            getset(c"_cancel_message", cancel_message_getter, cancel_message_setter),
        ],
        members: vec![
            offset_member(c"__dictoffset__", std::mem::offset_of!(Future, dict)),
            offset_member(c"__weaklistoffset__", std::mem::offset_of!(Future, weakrefs)),
        ],
    }
    .build()
}

unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, &Future) {
    // SAFETY: CPython passes a live object of this type, or of a subtype that starts with it.
    unsafe { (Obj::from_ref(object), &*(*object).cast::<Future>()) }
}

method!(result_method, |_o, future| future.result());
method!(exception_method, |_o, future| future.exception());
method!(cancelled_method, |_o, future| Ok(Obj::bool(
    future.status.get() == Status::Cancelled
)));
method!(done_method, |_o, future| Ok(Obj::bool(future.is_done())));
method!(get_loop_method, |_o, future| future
    .alive()
    .map(|()| future.loop_.get_or_none()));
method!(make_cancelled_error_method, |_o, future| future
    .cancelled_error());
method_of_one!(set_result_method, |object, future, value| future
    .set_result(object, value.clone())
    .map(|()| Obj::none()));
method_of_one!(set_exception_method, |object, future, value| future
    .set_exception(object, value)
    .map(|()| Obj::none()));
method_of_one!(remove_done_callback_method, |_o, future, callback| future
    .alive()
    .and_then(|()| future.remove_callback(callback))
    .and_then(crate::ffi::int));

field!(class_getter, |_o, _f| Ok(state().asyncio_future.clone()));
field!(state_getter, |_o, future| string(
    match future.status.get() {
        Status::Pending => "PENDING",
        Status::Cancelled => "CANCELLED",
        Status::Finished => "FINISHED",
    }
));
field!(blocking_getter, |_o, future| Ok(Obj::bool(
    future.blocking.get()
)));
field!(loop_getter, |_o, future| Ok(future.loop_.get_or_none()));
field!(callbacks_getter, |_o, future| future.callbacks());
#[cfg(Py_3_14)]
field!(awaited_by_getter, |_o, future| future.awaited_by());
field!(result_getter, |_o, future| Ok(future.result.get_or_none()));
field!(exception_getter, |_o, future| Ok(future
    .exception
    .get_or_none()));
field!(log_traceback_getter, |_o, future| Ok(Obj::bool(
    future.log_traceback.get()
)));
field!(source_traceback_getter, |_o, future| Ok(future
    .source_traceback
    .get_or_none()));
field!(cancel_message_getter, |_o, future| Ok(future
    .cancel_message
    .get_or_none()));

setter!(
    blocking_setter,
    "_asyncio_future_blocking",
    |future, value| {
        future.blocking.set(value.truth()?);
        Ok(())
    }
);
setter!(log_traceback_setter, "_log_traceback", |future, value| {
    if value.truth()? {
        // SAFETY: a static exception type.
        return Err(raise(
            unsafe { ffi::PyExc_ValueError },
            "_log_traceback can only be set to False",
        ));
    }
    future.log_traceback.set(false);
    Ok(())
});
setter!(cancel_message_setter, "_cancel_message", |future, value| {
    future.cancel_message.set(value.clone());
    Ok(())
});

unsafe extern "C" fn add_done_callback_method(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of this type.
    let ((object, future), args) = unsafe {
        (
            this(&object),
            Args::new("add_done_callback", args, nargs, names),
        )
    };
    give_from(|| {
        args.require(&["fn"])?;
        args.at_most(1, 1)?;
        let [context] = args.keywords([&state().names.context])?;
        let context = match given(context) {
            Some(context) => context.clone(),
            None => crate::ffi::copy_context()?,
        };
        // SAFETY: the first argument, which `require` found to be there.
        let callback = unsafe { Obj::shared(args.positional()[0]) };
        future.add_callback(object, callback, context)?;
        Ok(Obj::none())
    })
}

/// The message of `cancel(msg=None)`, for futures and tasks.
///
/// # Safety
/// The arguments are those of a fastcall method.
pub unsafe fn cancel_args(
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> Res<Option<Obj>> {
    // SAFETY: passed on.
    let args = unsafe { Args::new("cancel", args, nargs, names) };
    args.at_most(1, 1)?;
    let [message] = args.keywords([&state().names.msg])?;
    // SAFETY: positional arguments are live.
    let positional = args
        .positional()
        .first()
        .map(|p| unsafe { Obj::shared(*p) });
    Ok(positional
        .or_else(|| message.cloned())
        .filter(|m| given(Some(m)).is_some()))
}

unsafe extern "C" fn cancel_method(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of this type.
    let ((object, future), message) = unsafe { (this(&object), cancel_args(args, nargs, names)) };
    give(
        message
            .and_then(|m| future.cancel(object, m))
            .map(Obj::bool),
    )
}

unsafe extern "C" fn class_getitem(
    class: *mut ffi::PyObject,
    item: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    give(state().generic_alias.call(&[class, item]))
}

unsafe extern "C" fn init(
    object: *mut ffi::PyObject,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> i32 {
    // SAFETY: tp_init of this type, with its own arguments.
    let ((object, future), parsed) = unsafe {
        (
            this(&object),
            init_args("Future", args, kwargs, 0, 0, [&state().names.loop_]),
        )
    };
    match parsed.and_then(|[loop_]| future.init(object, loop_)) {
        Ok(()) => 0,
        Err(raised) => raised.into(),
    }
}

unsafe extern "C" fn future_repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a slot of this type.
    let (object, future) = unsafe { this(&object) };
    give(
        future
            .alive()
            .and_then(|()| describe(object, &state().future_repr_info)),
    )
}

unsafe extern "C" fn await_self(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a slot of this type.
    give(
        unsafe { this(&object) }
            .1
            .alive()
            .map(|()| unsafe { Obj::shared(object) }),
    )
}

#[inline]
fn not_awaited() -> Raised {
    raise_runtime_error("await wasn't used with future")
}

/// One step of the iterator: the future itself while it is pending, then its result or exception.
pub unsafe extern "C" fn next(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a slot of this type.
    let (object, future) = unsafe { this(&object) };
    if future.status.get() == Status::Pending {
        if future.blocking.replace(true) {
            return give(Err(not_awaited()));
        }
        return object.clone().into_ptr();
    }
    match future.result() {
        Ok(value) => stop_with(value),
        Err(Raised) => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn send(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    out: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: a slot of this type; `out` is where the caller wants the value.
    unsafe {
        let (object, future) = this(&object);
        *out = std::ptr::null_mut();
        if future.status.get() == Status::Pending {
            if future.blocking.replace(true) {
                not_awaited();
                return ffi::PySendResult::PYGEN_ERROR;
            }
            *out = object.clone().into_ptr();
            return ffi::PySendResult::PYGEN_NEXT;
        }
        match future.result() {
            Ok(value) => {
                *out = value.into_ptr();
                ffi::PySendResult::PYGEN_RETURN
            }
            Err(Raised) => ffi::PySendResult::PYGEN_ERROR,
        }
    }
}

unsafe extern "C" fn finalize(object: *mut ffi::PyObject) {
    // SAFETY: a slot of this type, called once before the object dies.
    let (object, future) = unsafe { this(&object) };
    finalize_future(object, future);
}

pub fn finalize_future(object: &Obj, future: &Future) {
    future.finalized.set(true);
    if future.log_traceback.get() {
        aside(|| {
            if future.report_unretrieved(object).is_err() {
                unraisable(Some(object));
            }
        });
    }
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
    unsafe { (*object.cast::<Future>()).clear_all() };
    0
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero. The finalizer may revive the object, which CPython tells; after that nobody else
    // holds it, and once cleared it may be parked or freed.
    unsafe {
        let future = &*object.cast::<Future>();
        let tp = ffi::Py_TYPE(object);
        let is_exact = tp == state().future_type;
        if (future.wants_report() || !is_exact)
            && ffi::PyObject_CallFinalizerFromDealloc(object) < 0
        {
            return;
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        future.clear_weakrefs();
        let (held, core) = future.unbind();
        future.clear_all();
        future.reset_flags();
        let parked = is_exact
            && !future.finalized.get()
            && core.as_ref().is_some_and(|core| core.futures.park(object));
        if !parked {
            match (*tp).tp_free {
                Some(free) => free(object.cast()),
                None => ffi::PyObject_GC_Del(object.cast()),
            }
            ffi::Py_DECREF(tp.cast());
        }
        drop(held);
    }
}
