//! `Future`: a result that will be there later. Mirrors `_asyncio.Future`.
//!
//! A future is its own iterator: `await future` makes no object. It has no `send`, `throw` or `close`, so it does not pass
//! for a coroutine; `iter(future)` gives an iterator that has them (future_iter.rs). The first waiter is stored inline, and
//! when it is a task of ours no callback object exists at all.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

pub mod any;
#[cfg(Py_3_14)]
pub mod call_graph;
mod describe;
mod methods;
mod outcome;
mod waiters;

use std::cell::Cell;

use pyo3::ffi;

use super::handle::extract_stack;
use super::task;
use crate::event_loop::LoopCore;
use crate::ffi::{Obj, Res, Slot, aside, raise, raise_runtime_error};
use crate::state::state;

pub use describe::describe;
pub use methods::{cancel_args, finalize_future, make_type, next};

#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Status {
    Pending,
    Cancelled,
    Finished,
}

/// What the first waiter of a future is. A zeroed future has `Callback`.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
#[repr(u8)]
enum First {
    /// A callback, with its context.
    Callback = 0,
    /// A task of ours on this very loop.
    Task,
    /// A task group, a `gather` or a `wait_for` that this is a child of, on this very loop.
    Member,
}

#[repr(C)]
pub struct Future {
    ob_base: ffi::PyObject,
    dict: Slot,
    weakrefs: Cell<*mut ffi::PyObject>,
    pub loop_: Slot,
    /// The native loop behind `loop_`, or null when it is somebody else's. Valid as long as `loop_` is held.
    native: Cell<*const LoopCore>,
    /// First waiter, as `first_kind` has it.
    first: Slot,
    first_context: Slot,
    /// Further waiters: a list of `(callback, context)`, or empty.
    rest: Slot,
    result: Slot,
    exception: Slot,
    exception_traceback: Slot,
    pub cancel_message: Slot,
    /// The CancelledError that ended a task, raised once to whoever awaits it.
    pub cancelled_exception: Slot,
    pub source_traceback: Slot,
    /// For asyncio's call graph: who awaits this through `gather`, `wait` or a task group; a task, or a set of several.
    #[cfg(Py_3_14)]
    grouped_waiters: Slot,
    pub status: Cell<Status>,
    pub blocking: Cell<bool>,
    log_traceback: Cell<bool>,
    first_kind: Cell<First>,
    /// As CPython knows, too: there is no second time, so it is not used again.
    pub finalized: Cell<bool>,
}

/// How many references a future may hold.
const SLOTS: usize = if cfg!(Py_3_14) { 12 } else { 11 };

/// View as a future of ours when its type is exactly `Future` or `Task`: a subclass may have changed any method.
#[inline]
pub fn exact(object: &Obj) -> Option<&Future> {
    let tp = object.type_ptr();
    let state = state();
    // SAFETY: objects of these types start with `Future` and live as long as the reference.
    (tp == state.future_type || tp == state.task_type)
        .then(|| unsafe { &*object.as_ptr().cast::<Future>() })
}

/// A pending future of `loop_`, whose native side is `core`.
#[inline]
pub fn new_future(loop_: &Obj, core: &LoopCore) -> Res {
    // SAFETY: the list parks objects of this type only; a fresh one is zeroed, tracked and valid.
    let object = unsafe { core.futures.new_object(state().future_type)? };
    // SAFETY: made one line above.
    let this = unsafe { &*object.as_ptr().cast::<Future>() };
    this.bind(loop_, core);
    if core.debug.get() {
        this.capture_stack()?;
    }
    Ok(object)
}

/// Mark a future of ours as being awaited, as its own iterator does before it is yielded; false for any other object.
#[inline]
pub fn set_blocking(object: &Obj) -> bool {
    let Some(future) = exact(object) else {
        return false;
    };
    future.blocking.set(true);
    true
}

/// Whether the object is a future of ours that is done and has not failed.
#[inline]
pub fn has_result(object: &Obj) -> bool {
    exact(object).is_some_and(|future| future.is_done() && !future.failed())
}

/// The parts of a future, or of a subclass, that its iterator needs.
fn view(object: &Obj) -> &Future {
    debug_assert!(object.is_instance_of(state().future_type));
    // SAFETY: the iterator is made by `tp_iter` of futures, for futures.
    unsafe { &*object.as_ptr().cast::<Future>() }
}

pub fn alive(object: &Obj) -> Res<()> {
    view(object).alive()
}

pub fn is_done(object: &Obj) -> bool {
    view(object).is_done()
}

pub fn result_of(object: &Obj) -> Res {
    view(object).result()
}

impl Future {
    #[inline]
    pub fn bind(&self, loop_: &Obj, core: &LoopCore) {
        self.loop_.set(loop_.clone());
        // A subclass of the loop that overrides `call_soon` wants to be asked.
        if core.plain.get() {
            self.native.set(core);
        }
    }

    /// For a dealloc: the loop, to be dropped last, and its native side, valid until then.
    pub fn unbind(&self) -> (Option<Obj>, *const LoopCore) {
        (self.loop_.take(), self.native.replace(std::ptr::null()))
    }

    /// The native loop of this future, if it is one of ours.
    #[inline]
    pub fn core(&self) -> Option<&LoopCore> {
        // SAFETY: set together with `loop_`, which keeps the loop alive.
        unsafe { self.native.get().as_ref() }
    }

    /// The native loop, if jobs may be queued there without asking its `call_soon`.
    #[inline]
    pub fn scheduler(&self) -> Option<&LoopCore> {
        self.core().filter(|core| core.plain.get())
    }

    #[cold]
    pub fn capture_stack(&self) -> Res<()> {
        self.source_traceback.set(extract_stack()?);
        Ok(())
    }

    /// Set the loop and its native side together, with nothing in between; the loop before comes back. A task leaves the
    /// list of that loop.
    fn rebind(&self, this: &Obj, loop_: Obj, native: *const LoopCore) -> Option<Obj> {
        task::unlist(this);
        let before = self.loop_.take();
        self.native.set(native);
        self.loop_.set(loop_);
        before
    }

    /// `__init__`: everything that an earlier one left is dropped, which may call another one.
    pub fn init(&self, this: &Obj, loop_: Option<Obj>) -> Res<()> {
        #[cfg(Py_3_15)]
        self.refuse_second_init(this)?;
        task::unlist(this);
        self.reset();
        self.status.set(Status::Pending);
        self.log_traceback.set(false);
        self.blocking.set(false);
        let loop_ = match loop_ {
            Some(loop_) if !loop_.is_none() => loop_,
            _ => state().get_event_loop.call0()?,
        };
        let core = LoopCore::of(&loop_).filter(|core| core.plain.get());
        let native = core.map_or(std::ptr::null(), |core| &raw const *core);
        // As in asyncio, the future has its loop before the loop is asked.
        let before = self.rebind(this, loop_.clone(), native);
        drop(before);
        let debug = match core {
            Some(core) => core.debug.get(),
            // Which may initialise this very future again: that holds, as in asyncio.
            None => loop_.method0(&state().names.get_debug)?.truth()?,
        };
        if debug && !finalizing() {
            self.capture_stack()?;
        }
        Ok(())
    }

    /// Refuse `__init__` of what has its loop, as asyncio does since 3.15.
    #[cfg(Py_3_15)]
    pub fn refuse_second_init(&self, this: &Obj) -> Res<()> {
        if !self.loop_.is_set() {
            return Ok(());
        }
        // SAFETY: a live type.
        let tp = unsafe { Obj::shared(this.type_ptr().cast()) };
        let module = crate::ffi::utf8(&tp.get(c"__module__")?)?;
        let name = crate::ffi::utf8(&tp.get(c"__qualname__")?)?;
        Err(raise_runtime_error(&format!(
            "{module}.{name} object is already initialized"
        )))
    }

    #[inline]
    fn alive(&self) -> Res<()> {
        if self.loop_.is_set() {
            Ok(())
        } else {
            Err(raise_runtime_error("Future object is not initialized."))
        }
    }

    /// As `alive`, for what asks about the state.
    #[inline]
    fn initialised(&self) -> Res<()> {
        if self.loop_.is_set() {
            Ok(())
        } else {
            Err(raise(
                state().invalid_state_error.as_ptr(),
                "Future object is not initialized.",
            ))
        }
    }

    #[inline]
    fn pending(&self) -> Res<()> {
        if self.status.get() == Status::Pending {
            Ok(())
        } else {
            Err(raise(state().invalid_state_error.as_ptr(), "invalid state"))
        }
    }

    #[inline]
    pub fn is_done(&self) -> bool {
        self.status.get() != Status::Pending
    }

    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.status.get() == Status::Cancelled
    }

    /// Drop every reference but `dict`.
    #[inline]
    fn reset(&self) {
        self.native.set(std::ptr::null());
        self.first_kind.set(First::Callback);
        self.loop_.clear();
        self.result.clear();
        if self.holds_more() {
            self.clear_others();
        }
    }

    /// Whether it holds more than its loop and its result, as few do that are dropped.
    #[inline]
    fn holds_more(&self) -> bool {
        let slots = self.others();
        slots
            .iter()
            .fold(0, |bits, slot| bits | slot.ptr() as usize)
            != 0
    }

    #[inline(never)]
    fn clear_others(&self) {
        for slot in self.others() {
            slot.clear();
        }
    }

    #[inline]
    fn others(&self) -> [&Slot; SLOTS - 3] {
        let Future {
            first,
            first_context,
            rest,
            exception,
            exception_traceback,
            cancel_message,
            cancelled_exception,
            source_traceback,
            #[cfg(Py_3_14)]
            grouped_waiters,
            ..
        } = self;
        [
            first,
            first_context,
            rest,
            exception,
            exception_traceback,
            cancel_message,
            cancelled_exception,
            source_traceback,
            #[cfg(Py_3_14)]
            grouped_waiters,
        ]
    }

    /// Everything that it holds, for the garbage collector.
    pub fn slots(&self) -> [&Slot; SLOTS] {
        [
            &self.dict,
            &self.loop_,
            &self.first,
            &self.first_context,
            &self.rest,
            &self.result,
            &self.exception,
            &self.exception_traceback,
            &self.cancel_message,
            &self.cancelled_exception,
            &self.source_traceback,
            #[cfg(Py_3_14)]
            &self.grouped_waiters,
        ]
    }

    #[inline]
    pub fn clear_all(&self) {
        self.reset();
        self.dict.clear();
    }

    /// Ready for reuse: all slots are empty already.
    #[inline]
    pub fn reset_flags(&self) {
        self.status.set(Status::Pending);
        self.blocking.set(false);
        self.log_traceback.set(false);
    }

    /// # Safety
    /// Only from a dealloc of this object.
    #[inline]
    pub unsafe fn clear_weakrefs(&self) {
        if !self.weakrefs.get().is_null() {
            // SAFETY: the object is dying and has weak references.
            aside(|| unsafe {
                ffi::PyObject_ClearWeakRefs((&raw const *self) as *mut ffi::PyObject)
            });
        }
    }
}

fn finalizing() -> bool {
    #[cfg(Py_3_13)]
    use ffi::Py_IsFinalizing;
    #[cfg(not(Py_3_13))]
    unsafe extern "C" {
        /// Has no underscore since 3.13.
        #[link_name = "_Py_IsFinalizing"]
        fn Py_IsFinalizing() -> std::ffi::c_int;
    }
    // SAFETY: always callable.
    unsafe { Py_IsFinalizing() != 0 }
}
