//! `Future`: a result that will be there later. Mirrors `_asyncio.Future`.
//!
//! A future is its own iterator: `await future` makes no object. It has no `send`, `throw` or `close`, so it does not pass
//! for a coroutine; `iter(future)` gives an iterator that has them (future_iter.rs). The first waiter is stored inline, and when it is a task of ours no callback object exists at all.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::cell::Cell;
use std::collections::HashSet;
use std::ffi::c_void;

use pyo3::ffi;

use super::args::{Args, given, init_args};
use super::entry::{field, method, method_of_one, setter, visit_all};
use super::future_iter;
use super::stop::stop_with;
use super::task;
use super::typespec::{TypeSpec, fastcall, getset, getter, noargs, offset_member, onearg};
use crate::event_loop::LoopCore;
use crate::ffi::{
    Obj, Raised, Res, Slot, aside, check, dict, dict_set, exception_matches, give, give_from,
    raise, raise_runtime_error, raise_type_error, set_exception, string, tuple, unraisable,
};
use crate::job::Job;
use crate::state::state;

mod methods;

pub use methods::{cancel_args, finalize_future, make_type, next};

#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Status {
    Pending,
    Cancelled,
    Finished,
}

#[repr(C)]
pub struct Future {
    ob_base: ffi::PyObject,
    dict: Slot,
    weakrefs: Cell<*mut ffi::PyObject>,
    pub loop_: Slot,
    /// The native loop behind `loop_`, or null when it is somebody else's. Valid as long as `loop_` is held.
    native: Cell<*const LoopCore>,
    /// First waiter: a callback with its context or, when `first_is_task`, a task of ours on this very loop.
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
    pub status: Cell<Status>,
    pub blocking: Cell<bool>,
    log_traceback: Cell<bool>,
    first_is_task: Cell<bool>,
}

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
    let tp = state().future_type;
    // SAFETY: the list parks objects of this type only; a fresh one is zeroed, tracked and valid.
    let object = unsafe {
        let parked = core.futures.take(tp);
        if parked.is_null() {
            Obj::owned(ffi::PyType_GenericAlloc(tp, 0))?
        } else {
            ffi::PyObject_GC_Track(parked.cast());
            Obj::owned(parked)?
        }
    };
    // SAFETY: made one line above.
    let this = unsafe { &*object.as_ptr().cast::<Future>() };
    this.bind(loop_, core);
    if core.debug.get() {
        this.capture_stack()?;
    }
    Ok(object)
}

/// Mark a future of ours as being awaited, as its own iterator does before it is yielded.
pub fn set_blocking(object: &Obj) {
    if let Some(future) = exact(object) {
        future.blocking.set(true);
    }
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
        let stack = state().format_helpers.get(c"extract_stack")?.call0()?;
        self.source_traceback.set(stack);
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

    #[inline]
    pub fn set_result(&self, this: &Obj, value: Obj) -> Res<()> {
        self.alive()?;
        self.pending()?;
        self.result.set(value);
        self.status.set(Status::Finished);
        self.schedule(this)
    }

    pub fn set_exception(&self, this: &Obj, exception: &Obj) -> Res<()> {
        self.alive()?;
        self.pending()?;
        // SAFETY: live objects; exception types are callable.
        let value = unsafe {
            if ffi::PyExceptionClass_Check(exception.as_ptr()) != 0 {
                let value = exception.call0()?;
                self.pending()?;
                value
            } else {
                exception.clone()
            }
        };
        // SAFETY: a live object.
        if unsafe { ffi::PyExceptionInstance_Check(value.as_ptr()) } == 0 {
            return Err(raise_type_error("invalid exception object"));
        }
        let value = without_stop_iteration(value)?;
        // SAFETY: an exception instance; a new reference or null.
        let traceback = unsafe { Obj::owned(ffi::PyException_GetTraceback(value.as_ptr())).ok() };
        self.exception.set(value);
        self.exception_traceback.set_opt(traceback);
        self.status.set(Status::Finished);
        let scheduled = self.schedule(this);
        self.log_traceback.set(true);
        scheduled
    }

    /// Who cancels has no use for an exception that nobody retrieved.
    pub fn forgive(&self) {
        self.log_traceback.set(false);
    }

    /// True when this call cancelled it.
    pub fn cancel(&self, this: &Obj, message: Option<Obj>) -> Res<bool> {
        self.alive()?;
        self.log_traceback.set(false);
        if self.is_done() {
            return Ok(false);
        }
        self.status.set(Status::Cancelled);
        self.cancel_message.set_opt(message);
        self.schedule(this)?;
        Ok(true)
    }

    /// The exception to raise for a cancelled future.
    pub fn cancelled_error(&self) -> Res {
        let kept = self.cancelled_exception.take();
        #[cfg(Py_3_11)]
        if let Some(exception) = kept {
            return Ok(exception);
        }
        let kind = &state().cancelled_error;
        let made = match self.cancel_message.get().filter(|m| !m.is_none()) {
            None => kind.call0(),
            Some(message) => kind.call1(&message),
        }?;
        // 3.10 chains the one that ended the task.
        #[cfg(not(Py_3_11))]
        if let Some(exception) = kept {
            // SAFETY: an exception instance; the reference is handed over.
            unsafe { ffi::PyException_SetContext(made.as_ptr(), exception.into_ptr()) };
        }
        Ok(made)
    }

    /// The outcome of a done future: its result, or the exception to raise.
    #[inline]
    pub fn outcome(&self) -> Res<Result<Obj, Obj>> {
        match self.status.get() {
            Status::Cancelled => Ok(Err(self.cancelled_error()?)),
            Status::Pending => Err(raise(
                state().invalid_state_error.as_ptr(),
                "Result is not set.",
            )),
            Status::Finished => {
                self.log_traceback.set(false);
                let Some(exception) = self.exception.get() else {
                    return Ok(Ok(self.result.get_or_none()));
                };
                let traceback = self.exception_traceback.take().unwrap_or_else(Obj::none);
                // SAFETY: an exception and a traceback or None.
                check(unsafe {
                    ffi::PyException_SetTraceback(exception.as_ptr(), traceback.as_ptr())
                })?;
                Ok(Err(exception))
            }
        }
    }

    pub fn result(&self) -> Res {
        self.initialised()?;
        self.outcome()?.map_err(set_exception)
    }

    fn exception(&self) -> Res {
        self.initialised()?;
        match self.status.get() {
            Status::Cancelled => Err(set_exception(self.cancelled_error()?)),
            Status::Pending => Err(raise(
                state().invalid_state_error.as_ptr(),
                "Exception is not set.",
            )),
            Status::Finished => {
                self.log_traceback.set(false);
                Ok(self.exception.get_or_none())
            }
        }
    }

    /// True when waking the waiter must throw into it.
    #[inline]
    pub fn failed(&self) -> bool {
        self.status.get() == Status::Cancelled || self.exception.is_set()
    }

    /// Let a task of ours wait. It must live on the same native loop.
    #[inline]
    pub fn add_task(&self, this: &Obj, waiter: &Obj) -> Res<()> {
        if self.status.get() == Status::Pending && !self.first.is_set() && !self.rest.is_set() {
            self.first_is_task.set(true);
            self.first.set(waiter.clone());
            return Ok(());
        }
        let context = task::context_of(waiter);
        self.add_callback(this, task::wakeup_callback(waiter)?, context)
    }

    pub fn add_callback(&self, this: &Obj, callback: Obj, context: Obj) -> Res<()> {
        self.alive()?;
        if self.is_done() {
            return self.call_soon(this, callback, context);
        }
        if !self.rest.is_set() && !self.first.is_set() {
            self.first_is_task.set(false);
            self.first_context.set(context);
            self.first.set(callback);
            return Ok(());
        }
        let pair = tuple(&[callback.as_ptr(), context.as_ptr()])?;
        let list = match self.rest.get() {
            Some(list) => list,
            None => {
                // SAFETY: null means raised.
                let list = unsafe { Obj::owned(ffi::PyList_New(0))? };
                self.rest.set(list.clone());
                list
            }
        };
        // SAFETY: a list and a live object.
        check(unsafe { ffi::PyList_Append(list.as_ptr(), pair.as_ptr()) })
    }

    /// Hand all waiters to the loop, in the order in which they came.
    #[inline]
    fn schedule(&self, this: &Obj) -> Res<()> {
        if let Some(first) = self.first.take() {
            if self.first_is_task.replace(false) {
                match self.scheduler() {
                    Some(core) => {
                        core.check_may_schedule()?;
                        core.wake(first);
                    }
                    None => {
                        let context = task::context_of(&first);
                        self.call_soon(this, task::wakeup_callback(&first)?, context)?;
                    }
                }
            } else {
                let context = self.first_context.take().unwrap_or_else(Obj::none);
                if let Err(raised) = self.call_soon(this, first, context) {
                    aside(|| self.rest.clear());
                    return Err(raised);
                }
            }
        }
        match self.rest.take() {
            None => Ok(()),
            Some(list) => self.schedule_rest(this, &list),
        }
    }

    fn schedule_rest(&self, this: &Obj, list: &Obj) -> Res<()> {
        for (callback, context) in pairs(list) {
            self.call_soon(this, callback, context)?;
        }
        Ok(())
    }

    fn call_soon(&self, this: &Obj, callback: Obj, context: Obj) -> Res<()> {
        if let Some(core) = self.scheduler() {
            core.check_may_schedule()?;
            core.check_callable(&callback)?;
            match task::waiting_task(&callback) {
                Some(task) if task::is_waiting_for(&task, this) => core.wake(task),
                _ => core.push(Job::Done {
                    callback,
                    context,
                    future: this.clone(),
                }),
            }
            return Ok(());
        }
        let method = self.loop_.get_or_none().attr(&state().names.call_soon)?;
        method.call_kw(
            &[callback.as_ptr(), this.as_ptr(), context.as_ptr()],
            &state().kw_context,
        )?;
        Ok(())
    }

    /// Comparing calls user code, which may do anything to this future. The comparisons and the count are asyncio's; what is
    /// removed is what was found equal and is still there, where asyncio puts back a list that it made before.
    fn remove_callback(&self, callback: &Obj) -> Res<i64> {
        let mut removed = 0;
        let waiter = self.first.get();
        if let Some((first, _)) = self.first_callback()? {
            if first.equals(callback)? {
                if waiter.is_some_and(|waiter| waiter.is(self.first.ptr())) {
                    self.first_is_task.set(false);
                    drop((self.first.take(), self.first_context.take()));
                }
                removed += 1;
            }
        }
        let Some(list) = self.rest.get() else {
            return Ok(removed);
        };
        let count = list_len(&list);
        drop(list);
        let mut equal = Vec::new();
        let mut compared = 0;
        while let Some(list) = self.rest.get() {
            // A single callback is compared alone; otherwise those too that are added meanwhile.
            if compared >= list_len(&list) || (count == 1 && compared == 1) {
                break;
            }
            // SAFETY: the list is longer than that, and its items are tuples of two.
            let (pair, candidate) = unsafe {
                let pair = Obj::shared(ffi::PyList_GET_ITEM(list.as_ptr(), compared));
                let candidate = Obj::shared(ffi::PyTuple_GET_ITEM(pair.as_ptr(), 0));
                (pair, candidate)
            };
            compared += 1;
            if candidate.equals(callback)? {
                equal.push(pair);
            }
        }
        let Some(list) = self.rest.get() else {
            // The future is done: of several, asyncio counts all that were there.
            let counted = if count == 1 {
                equal.len()
            } else {
                count as usize
            };
            return Ok(removed + counted as i64);
        };
        delete_items(&list, &equal)?;
        if list_len(&list) > 0 {
            return Ok(removed + equal.len() as i64);
        }
        self.rest.clear();
        Ok(removed + count as i64)
    }

    /// The inline waiter as the pair that asyncio would show.
    fn first_callback(&self) -> Res<Option<(Obj, Obj)>> {
        let Some(first) = self.first.get() else {
            return Ok(None);
        };
        Ok(Some(if self.first_is_task.get() {
            (task::wakeup_callback(&first)?, task::context_of(&first))
        } else {
            (first, self.first_context.get_or_none())
        }))
    }

    fn callbacks(&self) -> Res {
        let first = self.first_callback()?;
        let rest = self.rest.get();
        if first.is_none() && rest.is_none() {
            return Ok(Obj::none());
        }
        // SAFETY: a new list of live tuples.
        unsafe {
            let list = Obj::owned(ffi::PyList_New(0))?;
            if let Some((callback, context)) = first {
                let pair = tuple(&[callback.as_ptr(), context.as_ptr()])?;
                check(ffi::PyList_Append(list.as_ptr(), pair.as_ptr()))?;
            }
            for pair in rest.iter().flat_map(list_items) {
                check(ffi::PyList_Append(list.as_ptr(), pair.as_ptr()))?;
            }
            Ok(list)
        }
    }

    /// `__del__`: an exception that nobody asked for is reported.
    fn report_unretrieved(&self, this: &Obj) -> Res<()> {
        self.log_traceback.set(false);
        let Some(exception) = self.exception.get() else {
            return Ok(());
        };
        let names = &state().names;
        let context = dict()?;
        let message = format!("{} exception was never retrieved", type_name(this)?);
        dict_set(&context, &names.message, &string(&message)?)?;
        dict_set(&context, &names.exception, &exception)?;
        dict_set(&context, &names.future, this)?;
        if let Some(traceback) = self.source_traceback.get() {
            dict_set(&context, &names.source_traceback, &traceback)?;
        }
        self.call_exception_handler(&context)
    }

    pub fn call_exception_handler(&self, context: &Obj) -> Res<()> {
        let loop_ = self.loop_.get_or_none();
        loop_.method(&state().names.call_exception_handler, &[context.as_ptr()])?;
        Ok(())
    }

    /// Drop every reference but `dict`.
    #[inline]
    fn reset(&self) {
        self.native.set(std::ptr::null());
        self.first_is_task.set(false);
        let Future {
            loop_,
            first,
            first_context,
            rest,
            result,
            exception,
            exception_traceback,
            cancel_message,
            cancelled_exception,
            source_traceback,
            ..
        } = self;
        for slot in [
            loop_,
            first,
            first_context,
            rest,
            result,
            exception,
            exception_traceback,
            cancel_message,
            cancelled_exception,
            source_traceback,
        ] {
            slot.clear();
        }
    }

    /// Everything that it holds, for the garbage collector.
    pub fn slots(&self) -> [&Slot; 11] {
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
        ]
    }

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

    #[inline]
    pub fn wants_report(&self) -> bool {
        self.log_traceback.get()
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

/// StopIteration cannot travel through a coroutine: refused by older Pythons, wrapped by newer ones.
fn without_stop_iteration(value: Obj) -> Res {
    const MESSAGE: &str =
        "StopIteration interacts badly with generators and cannot be raised into a Future";
    if !state().wraps_stop_iteration {
        // SAFETY: a static type; older Pythons look at the exact type only.
        if value.type_ptr().cast() == unsafe { ffi::PyExc_StopIteration } {
            return Err(raise_type_error(MESSAGE));
        }
        return Ok(value);
    }
    // SAFETY: a live exception against a static type.
    if !exception_matches(&value, unsafe { ffi::PyExc_StopIteration }) {
        return Ok(value);
    }
    let text = string(MESSAGE)?;
    // SAFETY: calls a static exception type; cause and context take over one reference each.
    unsafe {
        let wrapped = Obj::owned(ffi::PyObject_CallOneArg(
            ffi::PyExc_RuntimeError,
            text.as_ptr(),
        ))?;
        ffi::PyException_SetCause(wrapped.as_ptr(), value.clone().into_ptr());
        ffi::PyException_SetContext(wrapped.as_ptr(), value.into_ptr());
        Ok(wrapped)
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

pub fn type_name(object: &Obj) -> Res<String> {
    // SAFETY: a live type.
    let tp = unsafe { Obj::shared(object.type_ptr().cast()) };
    crate::ffi::utf8(&tp.get(c"__name__")?)
}

fn list_len(list: &Obj) -> isize {
    // SAFETY: a list of ours.
    unsafe { ffi::PyList_GET_SIZE(list.as_ptr()) }
}

/// Take these very items out of a list. Nothing else runs meanwhile, since `items` keeps them.
fn delete_items(list: &Obj, items: &[Obj]) -> Res<()> {
    let gone: HashSet<_> = items.iter().map(Obj::as_ptr).collect();
    for index in (0..list_len(list)).rev() {
        // SAFETY: a list of ours that is longer than that; no list in the place of a slice deletes it.
        unsafe {
            if gone.contains(&ffi::PyList_GET_ITEM(list.as_ptr(), index)) {
                check(ffi::PyList_SetSlice(
                    list.as_ptr(),
                    index,
                    index + 1,
                    std::ptr::null_mut(),
                ))?;
            }
        }
    }
    Ok(())
}

fn list_items(list: &Obj) -> Vec<Obj> {
    // SAFETY: a list of ours; each item is shared before anything can change it.
    unsafe {
        (0..list_len(list))
            .map(|i| Obj::shared(ffi::PyList_GET_ITEM(list.as_ptr(), i)))
            .collect()
    }
}

fn pairs(list: &Obj) -> Vec<(Obj, Obj)> {
    list_items(list)
        .iter()
        // SAFETY: our lists hold tuples of two.
        .map(|pair| unsafe {
            (
                Obj::shared(ffi::PyTuple_GET_ITEM(pair.as_ptr(), 0)),
                Obj::shared(ffi::PyTuple_GET_ITEM(pair.as_ptr(), 1)),
            )
        })
        .collect()
}

/// `<Future …>` with asyncio's own description; a subclass shows its own name.
pub fn describe(this: &Obj, info: &Obj) -> Res {
    // Up to 3.10 asyncio's description guards itself against a result that contains the future.
    if cfg!(not(Py_3_11)) {
        return describe_once(this, info);
    }
    // SAFETY: a live object; every successful enter is followed by a leave.
    match unsafe { ffi::Py_ReprEnter(this.as_ptr()) } {
        0 => {}
        1.. => return string("..."),
        _ => return Err(Raised),
    }
    let described = describe_once(this, info);
    // SAFETY: entered above.
    aside(|| unsafe { ffi::Py_ReprLeave(this.as_ptr()) });
    described
}

fn describe_once(this: &Obj, info: &Obj) -> Res {
    let info = info.call1(this)?;
    let separator = string(" ")?;
    // SAFETY: a string and a list of strings.
    let joined = unsafe { Obj::owned(ffi::PyUnicode_Join(separator.as_ptr(), info.as_ptr()))? };
    string(&format!(
        "<{} {}>",
        type_name(this)?,
        crate::ffi::utf8(&joined)?
    ))
}
