//! What Python sees of `Task`: its type, slots, methods and attributes.

use std::ffi::c_void;

use pyo3::ffi;

use super::{Task, as_str};
use crate::core::args::{Args, init_args};
use crate::core::entry::{field, method, method_of_one, setter, visit_all};
use crate::core::future::{Status, cancel_args, describe, finalize_future};
use crate::core::typespec::{TypeSpec, fastcall, getset, getter, noargs, onearg};
use crate::ffi::{Obj, Res, aside, give, give_from, raise_runtime_error, string, unraisable};
use crate::state::state;

pub fn make_type(base: *mut ffi::PyTypeObject) -> Res<*mut ffi::PyTypeObject> {
    TypeSpec {
        name: c"riata._riata.Task",
        size: size_of::<Task>(),
        flags: u64::from(ffi::Py_TPFLAGS_HAVE_GC as u32 | ffi::Py_TPFLAGS_BASETYPE as u32),
        base,
        slots: vec![
            (ffi::Py_tp_init, init as *mut c_void),
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_finalize, finalize as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
            (ffi::Py_tp_repr, task_repr as *mut c_void),
            (
                ffi::Py_tp_doc,
                c"Task(coro, *, loop=None, name=None, context=None, eager_start=False)\n--\n\nA coroutine that runs on an event loop, as asyncio.Task."
                    .as_ptr() as *mut c_void,
            ),
        ],
        methods: vec![
            fastcall(
                c"cancel",
                cancel_method,
                c"cancel($self, /, msg=None)\n--\n\nRequest that this task cancel itself.",
            ),
            noargs(c"cancelling", cancelling_method, c"Return the count of the task's cancellation requests."),
            noargs(c"uncancel", uncancel_method, c"Take back one cancellation request; return those that remain."),
            fastcall(
                c"get_stack",
                get_stack_method,
                c"get_stack($self, /, *, limit=None)\n--\n\nReturn the list of stack frames for this task's coroutine.",
            ),
            fastcall(
                c"print_stack",
                print_stack_method,
                c"print_stack($self, /, *, limit=None, file=None)\n--\n\nPrint the stack or traceback of this task's coroutine.",
            ),
            noargs(c"get_name", get_name_method, c"Return the name of the task."),
            onearg(c"_deliver", deliver_method, c"Raise CancelledError at the next await; the request was counted when it came."),
            onearg(c"set_name", set_name_method, c"Set the name of the task."),
            noargs(c"get_coro", get_coro_method, c"Return the coroutine that the task drives."),
            noargs(c"get_context", get_context_method, c"Return the context that the task runs in."),
            onearg(c"set_result", set_result_method, c"Not supported by tasks."),
            onearg(c"set_exception", set_exception_method, c"Not supported by tasks."),
        ],
        getsets: vec![
            getter(c"__class__", class_getter),
            getset(c"_log_destroy_pending", log_destroy_pending_getter, log_destroy_pending_setter),
            getter(c"_must_cancel", must_cancel_getter),
            getter(c"_coro", coro_getter),
            getter(c"_fut_waiter", waiter_getter),
            getter(c"_num_cancels_requested", cancelling_getter),
            getter(c"_id", id_getter),
            getset(c"_riata_shield", shield_getter, shield_setter),
            getter(c"_deadline", deadline_getter),
            getter(c"_made_at", site_getter),
        ],
        members: vec![],
    }
    .build()
}

pub(super) unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, &Task) {
    // SAFETY: CPython passes a live object of this type, or of a subtype that starts with it.
    unsafe { (Obj::from_ref(object), &*(*object).cast::<Task>()) }
}

method!(cancelling_method, |_o, task| crate::ffi::int(
    task.cancel_requests.get().into()
));
method!(uncancel_method, |_o, task| crate::ffi::int(
    task.uncancel().into()
));
method!(get_name_method, |_o, task| task.name());
method!(get_coro_method, |_o, task| Ok(task.coro.get_or_none()));
method!(get_context_method, |_o, task| task.own_context());

field!(class_getter, |_object, _task| Ok(state()
    .asyncio_task
    .clone()));
field!(log_destroy_pending_getter, |_object, task| Ok(Obj::bool(
    task.log_destroy_pending.get()
)));
field!(must_cancel_getter, |_object, task| Ok(Obj::bool(
    task.must_cancel.get()
)));
field!(coro_getter, |_object, task| Ok(task.coro.get_or_none()));
field!(waiter_getter, |_object, task| Ok(task.waiter.get_or_none()));
field!(deadline_getter, |object, task| task.deadline(object));
field!(site_getter, |_object, task| Ok(task.site.get_or_none()));
field!(shield_getter, |_object, task| Ok(task.shield.get_or_none()));
setter!(shield_setter, "_riata_shield", |task, shield| {
    task.shield
        .set_opt((!shield.is_none()).then(|| shield.clone()));
    Ok(())
});
method_of_one!(deliver_method, |_object, task, message| {
    task.deliver(message);
    Ok(Obj::none())
});
field!(id_getter, |_object, task| crate::ffi::int(
    task.id.get() as i64
));
field!(cancelling_getter, |_object, task| crate::ffi::int(
    task.cancel_requests.get().into()
));

unsafe extern "C" fn log_destroy_pending_setter(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _: *mut c_void,
) -> std::ffi::c_int {
    // SAFETY: the receiver of a setter of this type; the value is null when deleting.
    let ((_, task), value) = unsafe {
        (
            this(&object),
            (!value.is_null()).then(|| Obj::shared(value)),
        )
    };
    let Some(value) = value else {
        return crate::core::args::not_deletable(std::ptr::null_mut(), "_log_destroy_pending")
            .map_or(-1, |()| 0);
    };
    match value.truth() {
        Ok(value) => {
            task.log_destroy_pending.set(value);
            0
        }
        Err(raised) => raised.into(),
    }
}

unsafe extern "C" fn set_name_method(
    object: *mut ffi::PyObject,
    name: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a METH_O method of this type.
    let ((_, task), name) = unsafe { (this(&object), Obj::from_ref(&name)) };
    give(as_str(name).map(|name| {
        task.name.set(name);
        Obj::none()
    }))
}

unsafe extern "C" fn set_result_method(
    _: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    give(Err(raise_runtime_error(
        "Task does not support set_result operation",
    )))
}

unsafe extern "C" fn set_exception_method(
    _: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    give(Err(raise_runtime_error(
        "Task does not support set_exception operation",
    )))
}

unsafe extern "C" fn cancel_method(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of this type.
    let ((_, task), message) = unsafe { (this(&object), cancel_args(args, nargs, names)) };
    give(message.and_then(|m| task.cancel(m)).map(Obj::bool))
}

unsafe extern "C" fn get_stack_method(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of this type.
    let args = unsafe { Args::new("get_stack", args, nargs, names) };
    give_from(|| {
        args.at_most(0, 0)?;
        let [limit] = args.keywords([&string("limit")?])?;
        let limit = limit.cloned().unwrap_or_else(Obj::none);
        state().task_get_stack.call(&[object, limit.as_ptr()])
    })
}

unsafe extern "C" fn print_stack_method(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of this type.
    let args = unsafe { Args::new("print_stack", args, nargs, names) };
    give_from(|| {
        args.at_most(0, 0)?;
        let [limit, file] = args.keywords([&string("limit")?, &string("file")?])?;
        let limit = limit.cloned().unwrap_or_else(Obj::none);
        let file = file.cloned().unwrap_or_else(Obj::none);
        state()
            .task_print_stack
            .call(&[object, limit.as_ptr(), file.as_ptr()])
    })
}

unsafe extern "C" fn init(
    object: *mut ffi::PyObject,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> i32 {
    let names = &state().names;
    let coro_name = match string("coro") {
        Ok(name) => name,
        Err(raised) => return raised.into(),
    };
    // SAFETY: tp_init of this type, with its own arguments.
    let ((object, task), parsed) = unsafe {
        (
            this(&object),
            init_args(
                "Task",
                args,
                kwargs,
                1,
                1,
                [
                    &coro_name,
                    &names.loop_,
                    &names.name,
                    &names.context,
                    &names.eager_start,
                ],
            ),
        )
    };
    let made = parsed.and_then(|[coro, loop_, name, context, eager]| {
        let coro = coro.unwrap_or_else(Obj::none);
        let eager = eager.map_or(Ok(false), |eager| eager.truth())?;
        task.init(object, &coro, loop_, name.as_ref(), context.as_ref(), eager)
    });
    match made {
        Ok(()) => 0,
        Err(raised) => raised.into(),
    }
}

unsafe extern "C" fn task_repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: a slot of this type.
    let (object, _) = unsafe { this(&object) };
    give(describe(object, &state().task_repr_info))
}

unsafe extern "C" fn finalize(object: *mut ffi::PyObject) {
    // SAFETY: a slot of this type, called once before the object dies.
    let (object, task) = unsafe { this(&object) };
    let pending = task.future.status.get() == Status::Pending && task.future.loop_.is_set();
    if pending && task.log_destroy_pending.get() {
        aside(|| {
            if task.report_destroyed(object).is_err() {
                unraisable(Some(object));
            }
        });
    }
    finalize_future(object, &task.future);
}

unsafe extern "C" fn traverse(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: CPython traverses a live object of this type.
    unsafe {
        let task = this(&object).1;
        let slots = task.own_slots().into_iter().chain(task.future.slots());
        visit_all(object, slots, visit, arg)
    }
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> i32 {
    // SAFETY: CPython clears a live object of this type.
    let task = unsafe { &*object.cast::<Task>() };
    task.clear_own();
    // Last: what was dropped may have called `__init__`.
    task.unlist();
    task.future.clear_all();
    0
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero. The finalizer may revive the object, which CPython tells; after that nobody else
    // holds it, and once cleared it may be parked or freed.
    unsafe {
        let task = &*object.cast::<Task>();
        let tp = ffi::Py_TYPE(object);
        let is_exact = tp == state().task_type;
        let wants_finalizer =
            task.future.wants_report() || task.future.status.get() == Status::Pending || !is_exact;
        if wants_finalizer && ffi::PyObject_CallFinalizerFromDealloc(object) < 0 {
            return;
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        task.future.clear_weakrefs();
        task.unlist();
        let (held, core) = task.future.unbind();
        task.clear_own();
        task.future.clear_all();
        task.future.reset_flags();
        let parked = is_exact
            && !task.future.finalized.get()
            && core
                .as_ref()
                .is_some_and(|core| core.parked_tasks.park(object));
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
