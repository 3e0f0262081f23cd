//! Who waits for a primitive: futures, in the order in which they came, and the loop that they belong to.

use std::cell::RefCell;
use std::collections::VecDeque;

use pyo3::{PyTraverseError, PyVisit};

use crate::core::class_methods;
use crate::core::future::any::{is_cancelled, is_done, result_of, set_unless_done};
use crate::core::future::{self, new_future};
use crate::event_loop::LoopCore;
use crate::event_loop::current_task::require_running_loop;
use crate::ffi::{
    Obj, Res, Slot, exception_matches, int, length, list, raise_runtime_error, repr, take_raised,
    tuple_items, unraisable, utf8,
};
use crate::state::state;

/// A primitive belongs to the loop that it first waited on. Mirrors `asyncio.mixins._LoopBoundMixin`.
#[derive(Default)]
pub struct LoopBound(Slot);

impl LoopBound {
    #[inline(always)]
    pub fn get_loop(&self, owner: &Obj) -> Res {
        let running = require_running_loop()?;
        if !running.is(self.0.ptr()) {
            self.bind(owner, &running)?;
        }
        Ok(running)
    }

    #[inline(never)]
    fn bind(&self, owner: &Obj, running: &Obj) -> Res<()> {
        if self.0.is_set() {
            return Err(raise_runtime_error(&format!(
                "{} is bound to a different event loop",
                repr(owner)?
            )));
        }
        self.0.set(running.clone());
        Ok(())
    }

    #[inline]
    pub fn new_waiter(&self, owner: &Obj) -> Res {
        new_waiter(&self.get_loop(owner)?)
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit_slot(&self.0, visit)
    }

    pub fn slot(&self) -> &Slot {
        &self.0
    }
}

pub fn visit_slot(slot: &Slot, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    match slot.as_py() {
        Some(object) => visit.call(object),
        None => Ok(()),
    }
}

/// `loop.create_future()`, without a call where the loop is ours.
#[inline]
pub fn new_waiter(loop_: &Obj) -> Res {
    match LoopCore::of(loop_).filter(|core| core.plain.get()) {
        Some(core) => new_future(loop_, core),
        None => loop_.get(c"create_future")?.call0(),
    }
}

/// Tell an operation of the end of a future.
pub fn watch(future: &Obj, operation: &Obj) -> Res<()> {
    if let Some(ours) = future::exact(future).filter(|future| future.scheduler().is_some()) {
        return ours.add_member(future, operation);
    }
    let callback = operation.get(c"_on_task_done")?;
    future.get(c"add_done_callback")?.call1(&callback).map(drop)
}

/// Take back `watch`.
pub fn unwatch(future: &Obj, operation: &Obj) -> Res<()> {
    if let Some(ours) = future::exact(future) {
        return ours.remove_member(operation);
    }
    let callback = operation.get(c"_on_task_done")?;
    let remove = future.get(c"remove_done_callback")?;
    remove.call1(&callback).map(drop)
}

/// How a wait ended: with what was thrown, or as the future did.
#[inline]
pub fn outcome(waiter: &Obj, thrown: Option<Obj>) -> Result<(), Obj> {
    match thrown {
        Some(exception) => Err(exception),
        None if future::has_result(waiter) => Ok(()),
        None => result_of(waiter).map(drop).map_err(take_raised),
    }
}

/// Whether an exception is asyncio's CancelledError.
#[inline]
pub fn is_cancellation(exception: &Obj) -> bool {
    exception_matches(exception, state().cancelled_error.as_ptr())
}

/// The message of a cancellation, for those that are cancelled because of it: they would not know why. Not that of a cancel scope
/// of anyio's, which knows its own cancellations by it: a scope of theirs might take this one for its own.
pub fn message_of(cancellation: &Obj) -> Option<Obj> {
    // A class of the program's may hide its arguments, and a message need not be text; the tasks are to end all the same.
    let args = quietly(cancellation.get(c"args"))?;
    let message = tuple_items(&args)?.first()?;
    let of_anyio =
        quietly(utf8(message)).is_some_and(|text| text.starts_with("Cancelled via cancel scope "));
    (!message.is_none() && !of_anyio).then(|| message.clone())
}

/// `message_of` for the patterns in Python.
pub fn message_function() -> Res {
    class_methods::function(
        c"message_of",
        |args| {
            let cancellation = args.of("message_of").only("cancellation")?;
            Ok(message_of(cancellation).unwrap_or_else(Obj::none))
        },
        c"message_of(cancellation)\n--\n\n",
    )
}

/// What an error is no reason to stop for.
pub fn quietly<T>(result: Res<T>) -> Option<T> {
    result.map_err(take_raised).ok()
}

/// The futures that wait, the first one first.
#[derive(Default)]
pub struct Waiters {
    futures: RefCell<VecDeque<Obj>>,
    /// The `collections.deque` that somebody has looked at, and may have changed since: then it has them.
    shown: Slot,
}

impl Waiters {
    /// The deque that somebody has looked at. What goes wrong with it is told, and changes nothing.
    #[cold]
    fn with_shown<T: Default>(&self, body: impl FnOnce(&Obj) -> Res<T>) -> T {
        let shown = self.shown.get_or_none();
        body(&shown).unwrap_or_else(|_| {
            unraisable(Some(&shown));
            T::default()
        })
    }

    #[inline]
    pub fn push(&self, future: Obj) {
        match self.shown.is_set() {
            false => self.futures.borrow_mut().push_back(future),
            true => self.with_shown(|shown| shown.get(c"append")?.call1(&future).map(drop)),
        }
    }

    #[inline]
    pub fn pop(&self) -> Option<Obj> {
        match self.shown.is_set() {
            false => self.futures.borrow_mut().pop_front(),
            true => self.with_shown(|shown| match length(shown)? {
                0 => Ok(None),
                _ => shown.get(c"popleft")?.call0().map(Some),
            }),
        }
    }

    /// Take this future out; what is not there stays away.
    #[inline]
    pub fn remove(&self, future: &Obj) {
        if self.shown.is_set() {
            return self.with_shown(|shown| {
                if shown.get(c"__contains__")?.call1(future)?.truth()? {
                    shown.get(c"remove")?.call1(future)?;
                }
                Ok(())
            });
        }
        let mut futures = self.futures.borrow_mut();
        let index = futures.iter().position(|other| other.is(future.as_ptr()));
        let removed = index.and_then(|index| futures.remove(index));
        drop(futures);
        drop(removed);
    }

    #[inline]
    pub fn first(&self) -> Option<Obj> {
        self.get(0)
    }

    #[inline]
    pub fn get(&self, index: usize) -> Option<Obj> {
        match self.shown.is_set() {
            false => self.futures.borrow().get(index).cloned(),
            true => self.with_shown(|shown| match index < length(shown)? {
                false => Ok(None),
                true => shown
                    .get(c"__getitem__")?
                    .call1(&int(index as i64)?)
                    .map(Some),
            }),
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn len(&self) -> usize {
        match self.shown.is_set() {
            false => self.futures.borrow().len(),
            true => self.with_shown(length),
        }
    }

    /// What `repr` says of a primitive: its state, and how many wait.
    pub fn describe(&self, state: &str) -> String {
        match self.len() {
            0 => String::from(state),
            waiting => format!("{state}, waiters:{waiting}"),
        }
    }

    /// Whether every waiter was cancelled; so it is when there is none.
    #[inline]
    pub fn all_cancelled(&self) -> Res<bool> {
        if !self.shown.is_set() && self.futures.borrow().is_empty() {
            return Ok(true);
        }
        let mut index = 0;
        while let Some(future) = self.get(index) {
            if !is_cancelled(&future)? {
                return Ok(false);
            }
            index += 1;
        }
        Ok(true)
    }

    /// The first waiter that is not done. It stays where it is.
    #[inline]
    pub fn first_pending(&self) -> Res<Option<Obj>> {
        let mut index = 0;
        while let Some(future) = self.get(index) {
            if !is_done(&future)? {
                return Ok(Some(future));
            }
            index += 1;
        }
        Ok(None)
    }

    /// Set `value` on the first `count` waiters that are not done.
    pub fn wake(&self, count: usize, value: &Obj) -> Res<()> {
        let mut index = 0;
        let mut woken = 0;
        while woken < count {
            let Some(future) = self.get(index) else { break };
            index += 1;
            if set_unless_done(&future, || value.clone())? {
                woken += 1;
            }
        }
        Ok(())
    }

    /// Take waiters out up to the first that is not done, and wake that one.
    #[inline(always)]
    pub fn wake_next(&self) -> Res<()> {
        if !self.shown.is_set() && self.futures.borrow().is_empty() {
            return Ok(());
        }
        self.wake_next_now()
    }

    #[inline(never)]
    fn wake_next_now(&self) -> Res<()> {
        while let Some(future) = self.pop() {
            if set_unless_done(&future, Obj::none)? {
                break;
            }
        }
        Ok(())
    }

    /// A `collections.deque` of them, for who looks.
    pub fn show(&self) -> Res {
        if !self.shown.is_set() {
            let futures: Vec<Obj> = self.futures.borrow().iter().cloned().collect();
            self.shown.set(state().deque.call1(&list(&futures)?)?);
            drop(self.futures.take());
        }
        Ok(self.shown.get_or_none())
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit_slot(&self.shown, visit)?;
        // Nothing that allocates runs while the list is borrowed, so a traversal finds it free.
        if let Ok(futures) = self.futures.try_borrow() {
            for future in futures.iter() {
                visit.call(future.as_py())?;
            }
        }
        Ok(())
    }

    pub fn clear(&self) {
        self.shown.clear();
        drop(self.futures.take());
    }
}
