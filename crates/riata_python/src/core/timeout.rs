//! `Timeout` as a raw type: one is made for each `async with timeout(...)`. What it does is in `primitives/timeout.rs`.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::Cell;
use std::ffi::c_void;

use pyo3::ffi;

use super::args::{Args, init_args};
use super::context_methods::{self, Owner, Place};
use super::entry::{method, visit_all};
use super::freelist::{FreeList, free};
use super::ready::ready;
use super::typespec::{TypeSpec, fastcall, noargs, offset_member};
use crate::ffi::{
    GilBound, Obj, Res, Slot, aside, drop_deep, float, give, give_from, plain_number, string,
};
use crate::primitives::timeout::entering;
use crate::state::state;

/// Mirrors `asyncio.timeouts._State`.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Stage {
    Created,
    Entered,
    Expiring,
    Expired,
    Exited,
}

#[repr(C)]
pub struct Timeout {
    ob_base: ffi::PyObject,
    weakrefs: Cell<*mut ffi::PyObject>,
    /// The deadline, as it was given: loop time in seconds, or `None`.
    when: Slot,
    /// The same where it was made from a delay. Few ask for it, so `when` is empty until somebody does.
    deadline: Cell<f64>,
    has_deadline: Cell<bool>,
    /// The loop and the task that it was entered in.
    pub loop_: Slot,
    pub task: Slot,
    /// The handle of a loop that is not ours.
    pub handle: Slot,
    /// The timeout that the task ran within before, and how many there are at most, that one's included.
    pub outer: Slot,
    pub depth: Cell<u32>,
    /// What the task was awaiting when the time was over and where its `wait_for` is, for the note on the TimeoutError.
    pub awaited: Slot,
    /// The `shielded` block that the task was in when this was entered.
    pub shield: Slot,
    /// The delay in seconds that it was made with; negative when it was made with a deadline.
    pub delay: Cell<f64>,
    pub stage: Cell<Stage>,
    /// An entry of our loop's timers with this number is ours.
    pub in_heap: Cell<bool>,
    /// Counts the times that it was armed: what was armed before is void.
    pub armed: Cell<u32>,
    /// How many requests to cancel the task there were before.
    pub cancelling: Cell<u32>,
    place: Place,
}

// Of all threads, which have the GIL when they take and park; a list per thread costs a tenth of what it saves.
static PARKED: GilBound<FreeList> = GilBound(FreeList::new(256));

pub fn make_type() -> Res<*mut ffi::PyTypeObject> {
    TypeSpec {
        name: c"riata.Timeout",
        size: size_of::<Timeout>(),
        flags: u64::from(ffi::Py_TPFLAGS_HAVE_GC as u32),
        base: std::ptr::null_mut(),
        slots: vec![
            (ffi::Py_tp_new, ffi::PyType_GenericNew as *mut c_void),
            (ffi::Py_tp_init, init as *mut c_void),
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
            (ffi::Py_tp_repr, timeout_repr as *mut c_void),
            (
                ffi::Py_tp_doc,
                c"Timeout(when)\n--\n\nAn asynchronous context manager that cancels its body at loop time when (seconds), and raises TimeoutError then. None: never. Mirrors asyncio.Timeout."
                    .as_ptr() as *mut c_void,
            ),
        ],
        methods: vec![
            noargs(c"when", when_method, c"when($self)\n--\n\nReturn the deadline: loop time in seconds, or None."),
            fastcall(c"reschedule", reschedule_method, c"reschedule($self, when)\n--\n\nMove the deadline to loop time when (seconds); None: there is none. RuntimeError: it has not been entered, or is over."),
            noargs(c"expired", expired_method, c"expired($self)\n--\n\nReturn True if the deadline has passed and the body was cancelled for it."),
            noargs(c"_on_timeout", on_timeout_method, c""),
        ],
        getsets: vec![],
        members: vec![offset_member(
            c"__weaklistoffset__",
            std::mem::offset_of!(Timeout, weakrefs),
        )],
    }
    .build()
}

/// Put the two methods on the type, when the state is there.
pub fn add_methods() -> Res<()> {
    // SAFETY: a live type.
    context_methods::add::<Timeout>(&unsafe { Obj::shared(state().timeout_type.cast()) })
}

/// One that has not been entered, with a deadline or `None`.
#[inline]
pub fn new_timeout(when: Obj) -> Res {
    let object = allocate()?;
    Timeout::of(&object).reset(when);
    Ok(object)
}

/// One that has not been entered, whose deadline was made from a delay.
#[inline]
pub fn new_timeout_after(delay: f64, deadline: f64) -> Res {
    let object = allocate()?;
    let timeout = Timeout::of(&object);
    timeout.restart();
    timeout.delay.set(delay);
    timeout.deadline.set(deadline);
    timeout.has_deadline.set(true);
    Ok(object)
}

#[inline]
fn allocate() -> Res {
    // SAFETY: the list parks objects of this type only; a fresh one is zeroed and tracked, and its fields are valid.
    unsafe { PARKED.new_object(state().timeout_type) }
}

impl Timeout {
    /// The caller knows that `object` is a timeout.
    #[inline]
    pub fn of(object: &Obj) -> &Timeout {
        debug_assert!(object.type_ptr() == state().timeout_type);
        // SAFETY: the type cannot be derived from; objects of it have this layout, and live as long as the reference.
        unsafe { &*object.as_ptr().cast::<Timeout>() }
    }

    #[inline]
    fn reset(&self, when: Obj) {
        self.restart();
        self.set_when(when);
    }

    #[inline]
    fn restart(&self) {
        self.stage.set(Stage::Created);
        self.in_heap.set(false);
        self.armed.set(self.armed.get().wrapping_add(1));
    }

    /// Another deadline, or `None`.
    pub fn set_when(&self, when: Obj) {
        self.has_deadline.set(false);
        self.delay.set(-1.0);
        self.when.set(when);
    }

    /// The deadline as an object: loop time in seconds, or `None`.
    pub fn when(&self) -> Res {
        if let Some(when) = self.when.get() {
            return Ok(when);
        }
        if !self.has_deadline.get() {
            return Ok(Obj::none());
        }
        let when = float(self.deadline.get())?;
        self.when.set(when.clone());
        Ok(when)
    }

    /// The deadline, if it is a plain number.
    #[inline]
    pub fn plain_deadline(&self) -> Option<f64> {
        match self.has_deadline.get() {
            true => Some(self.deadline.get()),
            false => self.when.get().as_ref().and_then(plain_number),
        }
    }

    /// Whether there is a deadline.
    #[inline]
    pub fn is_limited(&self) -> bool {
        self.has_deadline.get() || self.when.get().is_some_and(|when| !when.is_none())
    }

    /// Whether this task has entered it, and not left.
    pub fn limits(&self, task: &Obj) -> bool {
        self.stage.get() == Stage::Entered && self.task.ptr() == task.as_ptr()
    }

    #[inline]
    fn slots(&self) -> [&Slot; 7] {
        [
            &self.when,
            &self.loop_,
            &self.task,
            &self.handle,
            &self.outer,
            &self.awaited,
            &self.shield,
        ]
    }
}

unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, &Timeout) {
    // SAFETY: CPython passes a live object of this type as the receiver.
    unsafe { (Obj::from_ref(object), &*(*object).cast::<Timeout>()) }
}

unsafe extern "C" fn init(
    object: *mut ffi::PyObject,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> i32 {
    // SAFETY: tp_init of this type, with its own arguments.
    let ((_, timeout), parsed) = unsafe {
        (
            this(&object),
            init_args("Timeout", args, kwargs, 1, 1, [&state().names.when]),
        )
    };
    match parsed {
        Ok([when]) => {
            if timeout.stage.get() == Stage::Created {
                timeout.reset(when.unwrap_or_else(Obj::none));
            }
            0
        }
        Err(raised) => raised.into(),
    }
}

method!(when_method, |_o, timeout| timeout.when());
method!(expired_method, |_o, timeout| Ok(Obj::bool(matches!(
    timeout.stage.get(),
    Stage::Expiring | Stage::Expired
))));
method!(on_timeout_method, |object, timeout| timeout
    .expire(object)
    .map(|()| Obj::none()));

unsafe extern "C" fn reschedule_method(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    nargs: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: a fastcall method of this type.
    let ((object, timeout), args) =
        unsafe { (this(&object), Args::new("reschedule", args, nargs, names)) };
    give_from(|| {
        timeout.reschedule(object, args.only("when")?)?;
        Ok(Obj::none())
    })
}

impl Owner for Timeout {
    fn is(object: &Obj) -> bool {
        object.type_ptr() == state().timeout_type
    }

    fn of(object: &Obj) -> &Timeout {
        Timeout::of(object)
    }

    fn place(&self) -> &Place {
        &self.place
    }

    #[inline]
    fn enter(this: &Obj, _timeout: &Timeout) -> Res {
        entering(this)
    }

    #[inline]
    fn exit(this: &Obj, timeout: &Timeout, args: Args<'_>) -> Res {
        args.require(&["exc_type", "exc_val", "exc_tb"])?;
        let exception = &args.all()[1];
        timeout.exit(this, (!exception.is_none()).then_some(exception))?;
        Ok(ready())
    }
}

unsafe extern "C" fn timeout_repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a slot of this type.
    let (_, timeout) = unsafe { this(&object) };
    give(timeout.describe().and_then(|text| string(&text)))
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
    for slot in unsafe { this(&object) }.1.slots() {
        slot.clear();
    }
    0
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero: nobody else holds the object (a timer in the heap would), and once cleared it may
    // be parked or freed.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        let timeout = &*object.cast::<Timeout>();
        aside(|| {
            if let Some(outer) = timeout.outer.take() {
                drop_deep(outer);
            }
            if !timeout.weakrefs.get().is_null() {
                ffi::PyObject_ClearWeakRefs(object);
            }
            for slot in timeout.slots() {
                slot.clear();
            }
        });
        if !PARKED.park(object) {
            free(object);
        }
    }
}
