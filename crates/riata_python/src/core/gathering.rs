//! The future that `gather` gives, as a raw type. What it does is in `primitives/gather.rs`. Mirrors
//! `asyncio.tasks._GatheringFuture`.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::Cell;
use std::ffi::c_void;

use pyo3::ffi;

use super::entry::{method_of_one, visit_all};
use super::future::{Future, cancel_args, finalize_future};
use super::typespec::{TypeSpec, fastcall, getter, onearg};
use crate::event_loop::LoopCore;
use crate::ffi::{Obj, Res, Slot, aside, give};
use crate::state::state;

#[repr(C)]
pub struct Gathering {
    pub future: Future,
    /// A list of futures of ours, in the order of the arguments.
    pub children: Slot,
    /// The task that called `gather`, for asyncio's call graph (3.14).
    pub waiting: Slot,
    /// How many different children are not done.
    pub unfinished: Cell<usize>,
    pub return_exceptions: Cell<bool>,
    pub cancel_requested: Cell<bool>,
}

pub fn make_type(base: *mut ffi::PyTypeObject) -> Res<*mut ffi::PyTypeObject> {
    TypeSpec {
        name: c"riata._riata._GatheringFuture",
        size: size_of::<Gathering>(),
        flags: u64::from(
            ffi::Py_TPFLAGS_HAVE_GC as u32 | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32,
        ),
        base,
        slots: vec![
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_finalize, finalize as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
        ],
        methods: vec![
            fastcall(
                c"cancel",
                cancel_method,
                c"cancel($self, /, msg=None)\n--\n\nCancel all children that are not done.",
            ),
            onearg(c"_on_task_done", child_done_method, c""),
        ],
        getsets: vec![getter(c"_children", children_getter)],
        members: vec![],
    }
    .build()
}

/// A pending one, for a loop of ours.
pub fn new_gathering(loop_: &Obj, core: &LoopCore) -> Res {
    // SAFETY: a fresh object is zeroed, tracked and valid.
    let object = unsafe { Obj::owned(ffi::PyType_GenericAlloc(state().gathering_type, 0))? };
    let this = Gathering::of(&object);
    this.future.bind(loop_, core);
    if core.debug.get() {
        this.future.capture_stack()?;
    }
    Ok(object)
}

impl Gathering {
    pub fn is(object: &Obj) -> bool {
        object.type_ptr() == state().gathering_type
    }

    /// The caller knows what `object` is.
    #[inline]
    pub fn of(object: &Obj) -> &Gathering {
        debug_assert!(Gathering::is(object));
        // SAFETY: the type cannot be derived from; objects of it have this layout, and live as long as the reference.
        unsafe { &*object.as_ptr().cast::<Gathering>() }
    }
}

unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, &Gathering) {
    // SAFETY: CPython passes a live object of this type as the receiver.
    unsafe { (Obj::from_ref(object), &*(*object).cast::<Gathering>()) }
}

unsafe extern "C" fn cancel_method(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of this type.
    let ((_, gathering), message) = unsafe { (this(&object), cancel_args(args, nargs, names)) };
    give(
        message
            .and_then(|message| gathering.cancel(message))
            .map(Obj::bool),
    )
}

method_of_one!(child_done_method, |object, gathering, child| gathering
    .child_done(object, child)
    .map(|()| Obj::none()));

unsafe extern "C" fn children_getter(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    unsafe { this(&object) }.1.children.get_or_none().into_ptr()
}

unsafe extern "C" fn finalize(object: *mut ffi::PyObject) {
    // SAFETY: a slot of this type, called once before the object dies.
    let (object, gathering) = unsafe { this(&object) };
    finalize_future(object, &gathering.future);
}

unsafe extern "C" fn traverse(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: CPython traverses a live object of this type.
    unsafe {
        let gathering = this(&object).1;
        let slots = gathering.future.slots();
        visit_all(
            object,
            slots
                .into_iter()
                .chain([&gathering.children, &gathering.waiting]),
            visit,
            arg,
        )
    }
}

unsafe extern "C" fn clear(object: *mut ffi::PyObject) -> i32 {
    // SAFETY: CPython clears a live object of this type.
    let gathering = unsafe { this(&object) }.1;
    gathering.children.clear();
    gathering.waiting.clear();
    gathering.future.clear_all();
    0
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero. The finalizer may revive the object, which CPython tells; after that nobody else
    // holds it.
    unsafe {
        if ffi::PyObject_CallFinalizerFromDealloc(object) < 0 {
            return;
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        let tp = ffi::Py_TYPE(object);
        let gathering = &*object.cast::<Gathering>();
        gathering.future.clear_weakrefs();
        let (held, _) = gathering.future.unbind();
        aside(|| {
            gathering.children.clear();
            gathering.waiting.clear();
            gathering.future.clear_all();
        });
        ffi::PyObject_GC_Del(object.cast());
        drop(held);
        ffi::Py_DECREF(tp.cast());
    }
}
