//! `Handle` and `TimerHandle`: a callback that the loop will run once.
//!
//! One struct serves both types; up to three arguments live in the object itself. Mirrors `asyncio.events.Handle`.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

use pyo3::ffi;
use pyo3::prelude::*;

use super::entry::{field, method, visit_all};
use super::typespec::{TypeSpec, getter, noargs, offset_member};
use crate::event_loop::LoopCore;
use crate::event_loop::reports::call_exception_handler;
use crate::ffi::{
    Obj, Raised, Res, RunsIn, Slot, aside, ends_the_loop, float, give, has_type_named, int,
    own_context, repr, run_in_context, string, tuple, utf8,
};
use crate::state::state;

mod methods;
#[cfg(Py_3_14)]
mod threadsafe;

pub use methods::{make_handle_type, make_timer_handle_type};

const INLINE: usize = 3;
/// `nargs` when the arguments are one tuple in the first slot.
const AS_TUPLE: u8 = u8::MAX;

/// What cancelling touches comes first, so that it lies in one cache line.
#[repr(C)]
pub struct Handle {
    ob_base: ffi::PyObject,
    nargs: Cell<u8>,
    cancelled: Cell<bool>,
    /// Whether it waits in the loop's heap of timers.
    in_heap: Cell<bool>,
    /// Whether `context` is a snapshot that others may hold: before anything runs in it, it is copied.
    context_is_shared: Cell<bool>,
    /// Whether `when` was given as an int, and is shown as one.
    when_is_int: Cell<bool>,
    /// Made by `call_soon_threadsafe`.
    #[cfg(Py_3_14)]
    threadsafe: Cell<bool>,
    /// Such a one, while its callback runs.
    #[cfg(Py_3_14)]
    runs: Cell<bool>,
    pub loop_: Slot,
    /// The native side of `loop_`, valid as long as that is held.
    core: Cell<*const LoopCore>,
    callback: Slot,
    args: [Slot; INLINE],
    context: Slot,
    pub source_traceback: Slot,
    /// In debug mode: the text kept for `repr` when cancelled.
    kept_repr: Slot,
    weakrefs: Cell<*mut ffi::PyObject>,
    when: Cell<f64>,
}

/// View an object as a handle of ours, if it is one.
pub fn from_obj(object: &Obj) -> Option<&Handle> {
    let tp = object.type_ptr();
    // SAFETY: an object whose type is exactly one of ours has our layout, and lives as long as the reference.
    (tp == state().handle_type || tp == state().timer_handle_type)
        .then(|| unsafe { &*object.as_ptr().cast::<Handle>() })
}

/// Make a handle. `args` are borrowed; `context` is where it will run. In debug mode it knows who made it.
#[inline]
pub fn new_handle(
    loop_: &Obj,
    core: &LoopCore,
    callback: &Obj,
    args: &[*mut ffi::PyObject],
    context: RunsIn,
) -> Res {
    let object = handle_for_report(loop_, core, callback, args, context)?;
    if core.debug.get() {
        Handle::of(&object).source_traceback.set(extract_stack()?);
    }
    Ok(object)
}

/// A handle that shows, in a report, what ran without one.
#[inline]
pub fn handle_for_report(
    loop_: &Obj,
    core: &LoopCore,
    callback: &Obj,
    args: &[*mut ffi::PyObject],
    context: RunsIn,
) -> Res {
    // SAFETY: `handles` parks objects of this type only.
    let parked = unsafe { core.handles.take() };
    fill(
        parked,
        state().handle_type,
        loop_,
        core,
        callback,
        args,
        context,
    )
}

/// Make a timer handle for loop time `when` (seconds).
#[inline]
pub fn new_timer_handle(
    when: f64,
    loop_: &Obj,
    core: &LoopCore,
    callback: &Obj,
    args: &[*mut ffi::PyObject],
    context: RunsIn,
) -> Res {
    // SAFETY: `timer_handles` parks objects of this type only.
    let parked = unsafe { core.timer_handles.take() };
    let object = fill(
        parked,
        state().timer_handle_type,
        loop_,
        core,
        callback,
        args,
        context,
    )?;
    let this = Handle::of(&object);
    this.when.set(when);
    if core.debug.get() {
        this.source_traceback.set(extract_stack()?);
    }
    Ok(object)
}

/// The new handle is not tracked by the garbage collector: as long as it is queued, its loop answers for it (see
/// [`Handle::leave_queue`]), and most handles are gone right after they ran.
#[inline]
fn fill(
    parked: *mut ffi::PyObject,
    tp: *mut ffi::PyTypeObject,
    loop_: &Obj,
    core: &LoopCore,
    callback: &Obj,
    args: &[*mut ffi::PyObject],
    context: RunsIn,
) -> Res {
    let object = if parked.is_null() { fresh(tp)? } else { parked };
    // SAFETY: a reference that we own, to an object whose fields are all empty.
    let object = unsafe { Obj::owned(object)? };
    let this = Handle::of(&object);
    this.core.set(core);
    this.loop_.set(loop_.clone());
    this.callback.set(callback.clone());
    if args.len() <= INLINE {
        this.nargs.set(args.len() as u8);
        for (slot, &arg) in this.args.iter().zip(args) {
            // SAFETY: the caller's arguments are live.
            slot.set(unsafe { Obj::shared(arg) });
        }
    } else {
        this.args[0].set(tuple(args)?);
        this.nargs.set(AS_TUPLE);
    }
    let (context, is_shared) = context.into_parts();
    this.context.set(context);
    this.context_is_shared.set(is_shared);
    Ok(object)
}

/// A new, untracked object with all fields empty.
fn fresh(tp: *mut ffi::PyTypeObject) -> Res<*mut ffi::PyObject> {
    // SAFETY: a GC type of this size; everything behind the header is zeroed before anybody sees it, and zero is a valid
    // value of every field.
    unsafe {
        let object = ffi::PyObject_GC_New::<Handle>(tp);
        if object.is_null() {
            return Err(Raised);
        }
        let header = size_of::<ffi::PyObject>();
        object
            .cast::<u8>()
            .add(header)
            .write_bytes(0, size_of::<Handle>() - header);
        Ok(object.cast())
    }
}

impl Handle {
    /// The caller knows that `object` was made here.
    #[inline]
    pub fn of(object: &Obj) -> &Handle {
        debug_assert!(from_obj(object).is_some());
        // SAFETY: only handles of ours get here: they come from `fill`, from a job, or from a slot of this type.
        unsafe { &*object.as_ptr().cast::<Handle>() }
    }

    /// The handle is not queued any more, or not in a loop that runs: whoever else holds it may be part of a cycle, so the
    /// collector must know it.
    #[inline]
    pub fn leave_queue(this: &Obj) {
        if this.refcount() > 1 {
            // SAFETY: a valid object of a GC type that is not tracked yet.
            unsafe {
                if ffi::PyObject_GC_IsTracked(this.as_ptr()) == 0 {
                    ffi::PyObject_GC_Track(this.as_ptr().cast());
                }
            }
        }
    }

    /// What a queued handle holds, if the queue alone holds the handle: then the loop shows it to the collector. One that is
    /// tracked shows it itself.
    pub fn queued_references(this: &Obj) -> impl Iterator<Item = &Py<PyAny>> {
        // SAFETY: a live object of a GC type.
        let tracked = unsafe { ffi::PyObject_GC_IsTracked(this.as_ptr()) != 0 };
        let handle = (this.refcount() == 1 && !tracked).then(|| Handle::of(this));
        handle
            .into_iter()
            .flat_map(Handle::slots)
            .filter_map(Slot::as_py)
    }

    fn slots(&self) -> [&Slot; 7] {
        let [a, b, c] = &self.args;
        [
            &self.loop_,
            &self.callback,
            a,
            b,
            c,
            &self.context,
            &self.source_traceback,
        ]
    }

    fn is_threadsafe(&self) -> bool {
        #[cfg(Py_3_14)]
        return self.threadsafe.get();
        #[cfg(not(Py_3_14))]
        false
    }

    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Whether it is a step of one of asyncio's own tasks: its first one, or the one after a bare `yield`.
    pub fn steps_a_task(&self) -> bool {
        let callback = self.callback.get();
        callback.is_some_and(|callback| has_type_named(&callback, c"TaskStepMethWrapper"))
    }

    fn core(&self) -> Option<&LoopCore> {
        // SAFETY: set together with `loop_`, which keeps the loop alive and is emptied with it.
        self.loop_
            .is_set()
            .then(|| unsafe { self.core.get().as_ref() })
            .flatten()
    }

    #[inline]
    pub fn enter_heap(&self) {
        self.in_heap.set(true);
    }

    /// The timer has become a job, or was discarded.
    #[inline]
    pub fn leave_heap(&self) {
        self.in_heap.set(false);
    }

    /// It may be cancelled by other threads.
    #[cfg(Py_3_14)]
    pub fn set_threadsafe(&self) {
        self.threadsafe.set(true);
    }

    /// An int that a float holds exactly was given to `call_at`.
    pub fn show_int(&self) {
        self.when_is_int.set(true);
    }

    fn when_as_given(&self) -> Res {
        let when = self.when.get();
        if self.when_is_int.get() {
            return int(when as i64);
        }
        float(when)
    }

    fn context_or_none(&self) -> Res {
        own_context(&self.context, &self.context_is_shared)?;
        Ok(self.context.get_or_none())
    }

    /// Let go of the callback and its arguments. A timer stays in the heap, and its loop gets rid of it in its own time.
    #[inline(always)]
    pub fn cancel(&self, this: &Obj) -> Res<()> {
        if self.cancelled.replace(true) {
            return Ok(());
        }
        if let Some(core) = self.core() {
            if self.in_heap.get() {
                core.timer_cancelled(this);
            }
            if core.debug.get() {
                self.keep_repr(this)?;
            }
        }
        let callback = self.callback.take();
        if self.nargs.get() != 0 {
            self.drop_args();
        }
        drop(callback);
        Ok(())
    }

    /// For debug mode, before it is forgotten what would have been called.
    #[cold]
    fn keep_repr(&self, this: &Obj) -> Res<()> {
        let text = string(&self.describe(this)?)?;
        self.kept_repr.set(text);
        Ok(())
    }

    fn drop_args(&self) {
        self.nargs.set(0);
        drop(self.args.each_ref().map(Slot::take));
    }

    /// Call the callback in its context. Only errors that end the loop come out.
    #[inline]
    pub fn run(&self, this: &Obj) -> Res<()> {
        #[cfg(Py_3_14)]
        return self.running(|| self.run_callback(this));
        #[cfg(not(Py_3_14))]
        self.run_callback(this)
    }

    #[inline]
    fn run_callback(&self, this: &Obj) -> Res<()> {
        // The callback may cancel this handle, if anybody can get at it: then its callback and arguments must be held.
        let alone = this.refcount() == 1
            && self.weakrefs.get().is_null()
            // SAFETY: a live object of a GC type; what is tracked can be had from the collector.
            && unsafe { ffi::PyObject_GC_IsTracked(this.as_ptr()) == 0 };
        let held = (!alone).then(|| (self.callback.get(), self.args.each_ref().map(Slot::get)));
        own_context(&self.context, &self.context_is_shared)?;
        let context = self.context.ptr();
        let (callback, args) = (self.callback.ptr(), self.args.each_ref().map(Slot::ptr));
        if callback.is_null() || context.is_null() {
            return Ok(());
        }
        // SAFETY: what is not held here stays in this handle, since nobody else can reach it; a context is never taken out
        // of a handle that lives, and the caller holds it.
        let (callback, context) = unsafe { (Obj::from_ref(&callback), Obj::from_ref(&context)) };
        let outcome = run_in_context(context, || match self.nargs.get() {
            // SAFETY: a callable and the tuple made in `fill`.
            AS_TUPLE => unsafe { Obj::owned(ffi::PyObject_CallObject(callback.as_ptr(), args[0])) },
            count => callback.call(&args[..count as usize]),
        });
        match outcome {
            Ok(_) => Ok(()),
            Err(Raised) => {
                let _held = held;
                self.report(this, callback)
            }
        }
    }

    /// Tell the loop's exception handler, as `asyncio.Handle._run` does.
    #[cold]
    pub fn report(&self, this: &Obj, callback: &Obj) -> Res<()> {
        let Some(exception) = crate::ffi::take_exception() else {
            return Ok(());
        };
        if ends_the_loop(&exception) {
            return Err(crate::ffi::set_exception(exception));
        }
        crate::ffi::while_handling(&exception, || {
            self.report_handled(this, callback, &exception)
        })
    }

    fn report_handled(&self, this: &Obj, callback: &Obj, exception: &Obj) -> Res<()> {
        let loop_ = self.loop_.get_or_none();
        let args = self.args_tuple()?;
        let source = callback_source(&loop_, callback, &args)?;
        let names = &state().names;
        let message = string(&format!("Exception in callback {source}"))?;
        call_exception_handler(
            &loop_,
            &[
                (&names.message, Some(&message)),
                (&names.exception, Some(exception)),
                (&names.handle, Some(this)),
                (
                    &names.source_traceback,
                    self.source_traceback.get().as_ref(),
                ),
            ],
        )
    }

    fn args_tuple(&self) -> Res {
        if self.nargs.get() == AS_TUPLE {
            return Ok(self.args[0].get_or_none());
        }
        let pointers: Vec<_> = self.args[..self.nargs.get() as usize]
            .iter()
            .map(Slot::ptr)
            .collect();
        tuple(&pointers)
    }

    /// The text between `<` and `>` of the repr, as asyncio writes it, under our own type name.
    fn describe(&self, this: &Obj) -> Res<String> {
        if let Some(kept) = self.kept_repr.get() {
            return utf8(&kept);
        }
        let timer = this.type_ptr() == state().timer_handle_type;
        let mut info = String::from(if timer {
            "TimerHandle"
        } else if self.is_threadsafe() {
            "_ThreadSafeHandle"
        } else {
            "Handle"
        });
        if self.cancelled.get() {
            info.push_str(" cancelled");
        }
        if timer {
            info.push_str(&format!(" when={}", repr(&self.when_as_given()?)?));
        }
        if let Some(callback) = self.callback.get().filter(|callback| !callback.is_none()) {
            info.push(' ');
            info.push_str(&callback_source(
                &self.loop_.get_or_none(),
                &callback,
                &self.args_tuple()?,
            )?);
        }
        if let Some(traceback) = self.source_traceback.get() {
            if let Some(place) = created_at(&traceback)? {
                info.push_str(&format!(" created at {place}"));
            }
        }
        Ok(info)
    }
}

/// Where the program is, as asyncio keeps it in debug mode.
#[cold]
pub fn extract_stack() -> Res {
    state().format_helpers.get(c"extract_stack")?.call0()
}

/// `file:line` of the last frame of a captured stack.
pub fn created_at(traceback: &Obj) -> Res<Option<String>> {
    if !traceback.truth()? {
        return Ok(None);
    }
    // SAFETY: a sequence of (file, line, …); null means raised.
    let frame = unsafe { Obj::owned(ffi::PySequence_GetItem(traceback.as_ptr(), -1))? };
    // SAFETY: as above.
    let (file, line) = unsafe {
        (
            Obj::owned(ffi::PySequence_GetItem(frame.as_ptr(), 0))?,
            Obj::owned(ffi::PySequence_GetItem(frame.as_ptr(), 1))?,
        )
    };
    Ok(Some(format!("{}:{}", utf8(&file)?, repr(&line)?)))
}

/// `asyncio.format_helpers._format_callback_source`, whose third argument came with debug-aware reprs.
pub fn callback_source(loop_: &Obj, callback: &Obj, args: &Obj) -> Res<String> {
    let format = state().format_helpers.get(c"_format_callback_source")?;
    let debug = LoopCore::of(loop_).is_some_and(|core| core.debug.get());
    let text = if format_takes_debug() {
        let debug = Obj::bool(debug);
        let names = tuple(&[crate::ffi::string("debug")?.as_ptr()])?;
        format.call_kw(&[callback.as_ptr(), args.as_ptr(), debug.as_ptr()], &names)?
    } else {
        format.call(&[callback.as_ptr(), args.as_ptr()])?
    };
    utf8(&text)
}

/// `debug=` came in 3.13 (and in late 3.12 releases, where leaving it out means the same as here).
const fn format_takes_debug() -> bool {
    cfg!(Py_3_13)
}

/// What a handle holds goes, but for its loop.
#[inline]
fn drop_fields(handle: &Handle) {
    handle.callback.clear();
    if handle.nargs.replace(0) != 0 {
        handle.args.iter().for_each(Slot::clear);
    }
    handle.context.clear();
    handle.source_traceback.clear();
    handle.kept_repr.clear();
}

/// What a handle holds, but for its loop.
type Fields = [Option<Obj>; INLINE + 4];

#[cold]
fn take_fields(handle: &Handle) -> Fields {
    handle.nargs.set(0);
    let [a, b, c] = &handle.args;
    [
        &handle.callback,
        a,
        b,
        c,
        &handle.context,
        &handle.source_traceback,
        &handle.kept_repr,
    ]
    .map(Slot::take)
}

/// Handles whose last holder is another handle's argument form chains, and dropping a long one must not use up the stack:
/// beyond a depth their fields wait here until the outermost drop gets to them. (What CPython calls a trashcan.)
#[derive(Default)]
pub struct Doomed {
    depth: Cell<u32>,
    waiting: RefCell<Vec<Fields>>,
}

impl Doomed {
    const DEPTH_MAX: u32 = 100;

    /// Drop what a dead handle holds, but for its loop.
    #[inline]
    fn drop_fields(&self, handle: &Handle) {
        let depth = self.depth.get();
        if depth >= Self::DEPTH_MAX {
            self.waiting.borrow_mut().push(take_fields(handle));
            return;
        }
        self.depth.set(depth + 1);
        drop_fields(handle);
        self.depth.set(depth);
        if depth == 0 && !self.waiting.borrow().is_empty() {
            self.drop_waiting();
        }
    }

    #[cold]
    fn drop_waiting(&self) {
        loop {
            let next = self.waiting.borrow_mut().pop();
            let Some(fields) = next else { return };
            self.depth.set(1);
            drop(fields);
            self.depth.set(0);
        }
    }
}
