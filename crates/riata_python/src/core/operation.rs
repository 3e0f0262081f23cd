//! The awaitable of every native primitive: `lock.acquire()`, `queue.get()`, `sleep(1)` and their kin.
//!
//! An operation is a coroutine without a frame: nothing happens before the first `send`. What it does is said by its
//! [`Kind`], a name and a function in `primitives/`, which is called again for each `send` and `throw`.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::Cell;
use std::ffi::{CString, c_void};

use pyo3::ffi;

use super::coroutine::{
    self, Coroutine, Stage, Stepped, already_awaited, closed, generator_exit, reused,
};
use super::entry::visit_all;
use super::freelist::{FreeList, free, revive};
use super::future;
use super::future::any::{exception_of, set_unless_done};
use super::typespec::{TypeSpec, getter, offset_member, onearg};
use crate::ffi::{
    GilBound, Obj, Raised, Res, Sent, Slot, aside, drop_deep, exception_matches, float, give, int,
    is_awaiting, is_coroutine_exact, raise, send_none, set_exception, string, throw_into,
    unraisable, value_error, within_recursion_limit,
};
use crate::job::TimerJob;
use crate::state::state;

/// What an operation does. `resume` gets what was thrown, if anything was; it is called until it ends.
pub struct Kind {
    pub name: &'static str,
    pub resume: fn(&Operation, &Obj, Option<Obj>) -> Res<Stepped>,
}

/// A timer of our loop that is to wake an operation. A zeroed operation has none.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
#[repr(u8)]
pub enum Timer {
    None = 0,
    /// It stands among the timers of the loop.
    Armed,
    /// Its time has come, and the job is queued.
    Elapsed,
}

#[repr(C)]
pub struct Operation {
    ob_base: ffi::PyObject,
    weakrefs: Cell<*mut ffi::PyObject>,
    /// The primitive that it works on.
    pub owner: Slot,
    /// What it was called with.
    pub argument: Slot,
    /// The future that it waits for; empty before.
    pub waiter: Slot,
    /// What it drives until that ends: an iterator, or what else has to be cancelled.
    pub inner: Slot,
    /// What else it keeps between two steps.
    pub kept: Slot,
    kind: Cell<Option<&'static Kind>>,
    /// How far the function of its kind is.
    pub phase: Cell<u8>,
    pub timer: Cell<Timer>,
    /// Whether one failure among those that it waits for wakes it.
    pub wakes_on_failure: Cell<bool>,
    stage: Cell<Stage>,
    /// Whether the collector knows it: it does once it has waited, and most end before.
    tracked: Cell<bool>,
    /// As CPython knows, too: there is no second time, so it is not used again.
    finalized: Cell<bool>,
    /// How many more ends of those that it waits for wake it.
    pub left: Cell<usize>,
    /// The task that made one of this alone; see `Task::acts_for`.
    pub acts_for: Cell<u64>,
    /// The loop time at which a timer of our loop ends it; not a number without.
    deadline: Cell<f64>,
}

// Of all threads, which have the GIL when they take and park; a list per thread costs a tenth of what it saves.
static PARKED: GilBound<FreeList> = GilBound(FreeList::new(1024));

pub fn make_type() -> Res<*mut ffi::PyTypeObject> {
    let mut getsets = coroutine::getsets::<Operation>();
    getsets.push(getter(c"_owner", owner_getter));
    getsets.push(getter(c"_argument", argument_getter));
    getsets.push(getter(c"_kept", kept_getter));
    getsets.push(getter(c"_left", left_getter));
    getsets.push(getter(c"_deadline", deadline_getter));
    let mut methods = coroutine::methods::<Operation>();
    methods.push(onearg(c"_on_task_done", child_done, c""));
    methods.push(onearg(c"_on_timeout", timed_out, c""));
    TypeSpec {
        name: c"riata._riata.Operation",
        size: size_of::<Operation>(),
        flags: u64::from(
            ffi::Py_TPFLAGS_HAVE_GC as u32 | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32,
        ),
        base: std::ptr::null_mut(),
        slots: [
            (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            (ffi::Py_tp_finalize, finalize as *mut c_void),
            (ffi::Py_tp_traverse, traverse as *mut c_void),
            (ffi::Py_tp_clear, clear as *mut c_void),
            (ffi::Py_tp_repr, operation_repr as *mut c_void),
            (
                ffi::Py_tp_doc,
                c"An operation of a riata primitive, to be awaited once.".as_ptr() as *mut c_void,
            ),
        ]
        .into_iter()
        .chain(coroutine::slots::<Operation>())
        .collect(),
        methods,
        getsets,
        members: vec![offset_member(
            c"__weaklistoffset__",
            std::mem::offset_of!(Operation, weakrefs),
        )],
    }
    .build()
}

/// An operation that has not begun.
#[inline]
pub fn new_operation(kind: &'static Kind, owner: Obj, argument: Option<Obj>) -> Res {
    // SAFETY: the list parks objects of this type only, whose fields are valid; nobody sees it before it is filled.
    unsafe {
        match PARKED.pop() {
            Some(parked) => {
                (*parked.cast::<Operation>()).fill(kind, owner, argument);
                revive(parked);
                Obj::owned(parked)
            }
            None => allocate(kind, owner, argument),
        }
    }
}

#[cold]
fn allocate(kind: &'static Kind, owner: Obj, argument: Option<Obj>) -> Res {
    // SAFETY: a live type, whose objects are zeroed, which is valid, and tracked at first.
    let fresh = unsafe {
        let fresh = Obj::owned(ffi::PyType_GenericAlloc(state().operation_type, 0))?;
        ffi::PyObject_GC_UnTrack(fresh.as_ptr().cast());
        fresh
    };
    Operation::of(&fresh).fill(kind, owner, argument);
    Ok(fresh)
}

/// Whether an object is a coroutine of Python's, or an operation: what a task can drive, and nothing else may be.
#[inline]
pub fn is_coroutine(object: &Obj) -> bool {
    is_coroutine_exact(object) || Operation::is(object)
}

/// The iterator that `await value` drives. What is not a coroutine is awaited by one, so that the errors are Python's.
pub fn iterator_of(value: &Obj) -> Res {
    let is_awaited = if Operation::is(value) {
        matches!(
            Operation::of(value).stage.get(),
            Stage::Running | Stage::Suspended
        )
    } else if is_coroutine_exact(value) {
        is_awaiting(value)?
    } else {
        let state = state();
        if value.type_ptr() == state.future_type || value.type_ptr() == state.task_type {
            // Its own iterator has no `throw`.
            // SAFETY: a live object; null means raised.
            return unsafe { Obj::owned(ffi::PyObject_GetIter(value.as_ptr())) };
        }
        return state.await_by_coroutine.call1(value);
    };
    match is_awaited {
        true => Err(already_awaited()),
        false => Ok(value.clone()),
    }
}

/// Go on with what an operation drives. As a coroutine does, it closes that before it leaves by GeneratorExit: the collector may
/// have closed it already.
pub fn drive(operation: &Operation, thrown: Option<Obj>) -> Sent {
    let inner = operation.inner.get_or_none();
    let driven = within_recursion_limit(|| match thrown {
        None => send_none(&inner),
        Some(exception) if is_generator_exit(&exception) => {
            let closed = match inner.get_opt(c"close") {
                Some(close) => close.call0().map(drop),
                None => Ok(()),
            };
            if closed.is_ok() {
                set_exception(exception);
            }
            Sent::Raised
        }
        Some(exception) => throw_into(&inner, &exception),
    });
    driven.unwrap_or(Sent::Raised)
}

fn is_generator_exit(exception: &Obj) -> bool {
    // SAFETY: a static exception type.
    exception_matches(exception, unsafe { ffi::PyExc_GeneratorExit })
}

impl Operation {
    /// Begin anew. What is fresh or parked holds nothing.
    #[inline]
    fn fill(&self, kind: &'static Kind, owner: Obj, argument: Option<Obj>) {
        self.kind.set(Some(kind));
        self.phase.set(0);
        self.timer.set(Timer::None);
        self.stage.set(Stage::New);
        self.acts_for.set(0);
        self.deadline.set(f64::NAN);
        self.owner.fill(Some(owner));
        self.argument.fill(argument);
    }

    pub fn is(object: &Obj) -> bool {
        object.type_ptr() == state().operation_type
    }

    /// The caller knows that `object` is an operation.
    #[inline]
    pub fn of(object: &Obj) -> &Operation {
        debug_assert!(Operation::is(object));
        // SAFETY: objects of this type have this layout, and live as long as the reference.
        unsafe { &*object.as_ptr().cast::<Operation>() }
    }

    /// The primitive that it works on, for the function of its kind.
    #[inline]
    pub fn owner(&self) -> &Obj {
        debug_assert!(self.stage.get() == Stage::Running && self.owner.is_set());
        // SAFETY: set when the operation was made; it stays until the operation has ended, which it does not while it runs.
        unsafe { self.owner.as_obj() }
    }

    /// Suspend until `future` is done.
    #[inline(always)]
    pub fn wait(&self, future: Obj) -> Res<Stepped> {
        set_blocking(&future)?;
        self.waiter.set(future.clone());
        Ok(Stepped::Waits(future))
    }

    /// Let the loop set `waiter`, which this waits for, to what is kept in so many seconds. A loop whose timers are not ours
    /// gives a handle, which is then what is `inner`.
    #[inline]
    pub fn wake_after(
        &self,
        this: &Obj,
        loop_: &Obj,
        waiter: &Obj,
        delay: &Obj,
        seconds: f64,
    ) -> Res<()> {
        let core = future::exact(waiter).and_then(|future| future.scheduler());
        if let Some(core) = core.filter(|core| core.plain_timers.get()) {
            self.timer.set(Timer::Armed);
            self.waiter.set(waiter.clone());
            let deadline = core.time() + seconds;
            self.deadline.set(deadline);
            core.add_timer(deadline, TimerJob::Operation(this.clone()));
            return Ok(());
        }
        let callback = this.get(c"_on_timeout")?;
        let args = [delay.as_ptr(), callback.as_ptr(), waiter.as_ptr()];
        let handle = loop_.get(c"call_later")?.call(&args)?;
        self.inner.set(handle);
        Ok(())
    }

    /// Nothing is to wake it any more. A timer of ours stays in the heap, and counts as dead.
    #[inline]
    pub fn stop_timer(&self, this: &Obj, waiter: &Obj) -> Res<()> {
        if self.timer.replace(Timer::None) == Timer::Armed {
            if let Some(core) = future::exact(waiter).and_then(|future| future.core()) {
                core.timer_cancelled(this);
            }
        }
        match self.inner.take() {
            Some(handle) => aside(|| handle.method0(&state().names.cancel)).map(drop),
            None => Ok(()),
        }
    }

    /// The job of its timer.
    #[inline]
    pub fn elapsed(&self) -> Res<()> {
        if self.timer.replace(Timer::None) != Timer::Elapsed {
            return Ok(());
        }
        self.wake(self.kept.get_or_none())
    }

    /// One of those that it waits for is done.
    pub fn child_done(&self, child: &Obj) -> Res<()> {
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        if left == 0 || (self.wakes_on_failure.get() && exception_of(child)?.is_some()) {
            self.wake(Obj::none())?;
        }
        #[cfg(Py_3_14)]
        if let Some(task) = self.kept.get() {
            future::call_graph::discard_from_awaited_by(child, &task)?;
        }
        Ok(())
    }

    /// Set the future that it waits for, unless that is done.
    pub fn wake(&self, value: Obj) -> Res<()> {
        match self.waiter.get() {
            Some(waiter) => set_unless_done(&waiter, || value).map(drop),
            None => Ok(()),
        }
    }

    #[inline(always)]
    fn resume(&self, this: &Obj, thrown: Option<Obj>) -> Res<Stepped> {
        let (stage, Some(kind)) = (self.stage.get(), self.kind.get()) else {
            return Err(reused());
        };
        if !matches!(stage, Stage::New | Stage::Suspended) {
            return Err(self.refuse());
        }
        if stage == Stage::New {
            if let Some(exception) = thrown {
                self.end();
                return Err(set_exception(exception));
            }
        }
        self.stage.set(Stage::Running);
        let stepped = (kind.resume)(self, this, thrown);
        match stepped {
            Ok(Stepped::Waits(_)) => {
                self.stage.set(Stage::Suspended);
                self.track(this);
            }
            Ok(Stepped::Ends(_)) => self.end(),
            Err(Raised) => aside(|| self.end()),
        }
        stepped
    }

    /// The error for one that cannot go on.
    #[cold]
    fn refuse(&self) -> Raised {
        match self.stage.get() {
            Stage::Running => raise(value_error(), "coroutine already executing"),
            _ => reused(),
        }
    }

    /// Let the collector find it.
    #[inline]
    pub fn track(&self, this: &Obj) {
        if !self.tracked.replace(true) {
            // SAFETY: an object of a type with a GC header, whose fields are valid; it is not tracked yet.
            unsafe { ffi::PyObject_GC_Track(this.as_ptr().cast()) };
        }
    }

    #[inline]
    fn end(&self) {
        self.stage.set(Stage::Over);
        self.owner.clear();
        self.argument.clear();
        if self.waiter.is_set() || self.inner.is_set() || self.kept.is_set() {
            self.clear_rest();
        }
    }

    #[inline(never)]
    fn clear_rest(&self) {
        for slot in [&self.waiter, &self.inner, &self.kept] {
            slot.clear();
        }
    }

    #[inline]
    fn slots(&self) -> [&Slot; 5] {
        [
            &self.owner,
            &self.argument,
            &self.waiter,
            &self.inner,
            &self.kept,
        ]
    }

    #[cold]
    fn warn_unused(&self) {
        let message = format!("coroutine '{}' was never awaited", Coroutine::name(self));
        if let Ok(message) = CString::new(message) {
            crate::ffi::warn_runtime(&message);
        }
    }
}

/// What awaiting a future does first: it is told that it is awaited.
#[inline]
pub fn set_blocking(future: &Obj) -> Res<()> {
    if future::set_blocking(future) {
        return Ok(());
    }
    future.set_attr(&state().names.future_blocking, &Obj::bool(true))
}

impl Coroutine for Operation {
    #[inline]
    fn step(&self, this: &Obj) -> Res<Stepped> {
        self.resume(this, None)
    }

    fn throw(&self, this: &Obj, exception: Obj) -> Res<Stepped> {
        self.resume(this, Some(exception))
    }

    fn close(&self, this: &Obj) -> Res<()> {
        match self.stage.get() {
            Stage::New => self.end(),
            Stage::Over => {}
            Stage::Running | Stage::Suspended => {
                closed(self.resume(this, Some(generator_exit()?)))?;
            }
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        self.kind.get().map_or("", |kind| kind.name)
    }

    fn stage(&self) -> Stage {
        self.stage.get()
    }

    fn awaited(&self) -> Option<Obj> {
        self.inner
            .get()
            .filter(is_coroutine)
            .or_else(|| self.waiter.get())
    }
}

unsafe fn this(object: &*mut ffi::PyObject) -> (&Obj, &Operation) {
    // SAFETY: CPython passes a live object of this type as the receiver.
    unsafe { (Obj::from_ref(object), &*(*object).cast::<Operation>()) }
}

/// What it waits for is done; for a future that is not ours.
unsafe extern "C" fn child_done(
    object: *mut ffi::PyObject,
    child: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a method of this type, and a live argument.
    let ((_, operation), child) = unsafe { (this(&object), Obj::from_ref(&child)) };
    give(operation.child_done(child).map(|()| Obj::none()))
}

/// The time is over, on a loop whose timers are not ours.
unsafe extern "C" fn timed_out(
    object: *mut ffi::PyObject,
    _waiter: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a method of this type.
    let (_, operation) = unsafe { this(&object) };
    let woken = operation.wake(operation.kept.get_or_none());
    give(woken.map(|()| Obj::none()))
}

unsafe extern "C" fn owner_getter(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    unsafe { this(&object) }.1.owner.get_or_none().into_ptr()
}

unsafe extern "C" fn argument_getter(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    unsafe { this(&object) }.1.argument.get_or_none().into_ptr()
}

/// How many more ends of those that it waits for wake it.
unsafe extern "C" fn left_getter(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    let (_, operation) = unsafe { this(&object) };
    give(int(operation.left.get() as i64))
}

/// The loop time at which its own timer ends it; None without one. That of another loop is what is `inner`.
unsafe extern "C" fn deadline_getter(
    object: *mut ffi::PyObject,
    _: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    let (_, operation) = unsafe { this(&object) };
    let handle = operation.inner.get();
    let when = handle.and_then(|handle| handle.get_opt(c"when"));
    give(match (when, operation.deadline.get()) {
        (Some(when), _) => when.call0(),
        (None, deadline) if deadline.is_nan() => Ok(Obj::none()),
        (None, deadline) => float(deadline),
    })
}

unsafe extern "C" fn kept_getter(object: *mut ffi::PyObject, _: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a getter of this type.
    unsafe { this(&object) }.1.kept.get_or_none().into_ptr()
}

unsafe extern "C" fn operation_repr(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the receiver of a slot of this type.
    let name = unsafe { this(&object) }.1.name();
    give(string(&format!("<coroutine object {name} at {object:p}>")))
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
    unsafe { this(&object) }.1.end();
    0
}

/// As a coroutine: one that has not begun is warned of, one that waits is closed.
unsafe extern "C" fn finalize(object: *mut ffi::PyObject) {
    // SAFETY: the receiver of a slot of this type.
    let (object, operation) = unsafe { this(&object) };
    operation.finalized.set(true);
    aside(|| match operation.stage.get() {
        Stage::New => operation.warn_unused(),
        Stage::Suspended => {
            if operation.close(object).is_err() {
                unraisable(Some(object));
            }
        }
        Stage::Running | Stage::Over => {}
    });
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the reference count is zero. The finalizer may revive the object, which CPython tells; after that nobody else
    // holds it, and once it has ended it holds nothing and may be parked or freed.
    unsafe {
        let operation = &*object.cast::<Operation>();
        let is_bare = operation.stage.get() == Stage::Over
            && !operation.tracked.get()
            && operation.weakrefs.get().is_null();
        if !(is_bare && PARKED.park(object)) {
            dealloc_slowly(object);
        }
    }
}

/// Of one that has not ended, has waited or is weakly referred to; or there is no place to park it.
#[inline(never)]
unsafe fn dealloc_slowly(object: *mut ffi::PyObject) {
    // SAFETY: as in `dealloc`.
    unsafe {
        let operation = &*object.cast::<Operation>();
        if operation.stage.get() != Stage::Over {
            // The finalizer may revive it.
            operation.track(Obj::from_ref(&object));
            if ffi::PyObject_CallFinalizerFromDealloc(object) < 0 {
                return;
            }
        }
        if operation.tracked.replace(false) {
            ffi::PyObject_GC_UnTrack(object.cast());
        }
        if !operation.weakrefs.get().is_null() {
            aside(|| ffi::PyObject_ClearWeakRefs(object));
        }
        if operation.stage.replace(Stage::Over) != Stage::Over {
            aside(|| {
                operation
                    .slots()
                    .map(Slot::take)
                    .into_iter()
                    .flatten()
                    .for_each(drop_deep)
            });
        }
        if operation.finalized.get() || !PARKED.park(object) {
            free(object);
        }
    }
}
