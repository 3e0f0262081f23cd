//! `Queue`, `LifoQueue` and `PriorityQueue`. Mirrors `asyncio.queues` of 3.13, with `shutdown`.
//!
//! The exact classes keep their items here. A subclass may replace `_init`, `_get`, `_put` and every other method, so there all
//! goes through methods, as in asyncio; and so it does for a queue whose `_queue` somebody has looked at.

mod items;
mod methods;

use std::cell::Cell;
use std::ffi::CStr;

use pyo3::prelude::*;

use self::items::{Items, Order};
pub use self::methods::add_methods;
use super::waiters::{LoopBound, Waiters, outcome};
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future::any::is_cancelled;
use crate::core::operation::{Kind, Operation};
use crate::core::task::cancel_any;
use crate::ffi::{
    GilBound, Obj, Res, Slot, int, plain_number, raise, raise_empty, repr, value_error,
};
use crate::state::state;

/// A queue for tasks: first in, first out.
#[pyclass(frozen, subclass, weakref, dict, module = "riata", name = "Queue")]
pub struct Queue(GilBound<State>);

/// A queue that gives what was put last.
#[pyclass(frozen, subclass, extends = Queue, module = "riata", name = "LifoQueue")]
pub struct LifoQueue;

/// A queue that gives the least item first.
#[pyclass(frozen, subclass, extends = Queue, module = "riata", name = "PriorityQueue")]
pub struct PriorityQueue;

struct State {
    bound: LoopBound,
    items: Items,
    maxsize: Slot,
    getters: Waiters,
    putters: Waiters,
    joiners: Waiters,
    unfinished: Cell<i64>,
    is_shut_down: Cell<bool>,
}

static PUT: Kind = Kind {
    name: "Queue.put",
    resume: |operation, _, thrown| put(operation, thrown),
};

static GET: Kind = Kind {
    name: "Queue.get",
    resume: |operation, _, thrown| get(operation, thrown),
};

static JOIN: Kind = Kind {
    name: "Queue.join",
    resume: |operation, _, thrown| join(operation, thrown),
};

fn put(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    match operation.waiter.is_set() {
        true => put_woken(operation, thrown),
        false => put_now(operation),
    }
}

/// Ends at once where there is room.
#[inline(always)]
fn put_now(operation: &Operation) -> Res<Stepped> {
    let queue = operation.owner().class::<Queue>();
    if !queue.0.items.are_native() || queue.0.items.is_full() {
        return put_later(operation);
    }
    let item = operation.argument.take().unwrap_or_else(Obj::none);
    queue.put_native(item)?;
    Ok(Stepped::Ends(Obj::none()))
}

#[inline(never)]
fn put_later(operation: &Operation) -> Res<Stepped> {
    let owner = operation.owner();
    let queue = owner.class::<Queue>();
    if queue.is_full(owner)? {
        if queue.0.is_shut_down.get() {
            return Err(raise_empty(&state().queue_shut_down));
        }
        let putter = queue.0.bound.new_waiter(owner)?;
        queue.0.putters.push(putter.clone());
        return operation.wait(putter);
    }
    let item = operation.argument.get_or_none();
    Ok(Stepped::Ends(owner.get(c"put_nowait")?.call1(&item)?))
}

#[inline(never)]
fn put_woken(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    let putter = operation.waiter.take().unwrap_or_else(Obj::none);
    match outcome(&putter, thrown) {
        Ok(()) => put_now(operation),
        Err(exception) => put_cancelled(operation, &putter, exception),
    }
}

#[cold]
fn put_cancelled(operation: &Operation, putter: &Obj, exception: Obj) -> Res<Stepped> {
    let owner = operation.owner();
    let queue = owner.class::<Queue>();
    cancel_any(putter, None)?;
    queue.0.putters.remove(putter);
    if !queue.is_full(owner)? && !is_cancelled(putter)? {
        // Somebody made room for us, and we do not take it.
        queue.0.putters.wake_next()?;
    }
    rethrow(exception)
}

fn get(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    match operation.waiter.is_set() {
        true => get_woken(operation, thrown),
        false => get_now(operation),
    }
}

/// Ends at once where there is an item.
#[inline(always)]
fn get_now(operation: &Operation) -> Res<Stepped> {
    let queue = operation.owner().class::<Queue>();
    match queue.take_native()? {
        Some(item) => Ok(Stepped::Ends(item)),
        None => get_later(operation),
    }
}

#[inline(never)]
fn get_later(operation: &Operation) -> Res<Stepped> {
    let owner = operation.owner();
    let queue = owner.class::<Queue>();
    if queue.is_empty(owner)? {
        if queue.0.is_shut_down.get() {
            return Err(raise_empty(&state().queue_shut_down));
        }
        let getter = queue.0.bound.new_waiter(owner)?;
        queue.0.getters.push(getter.clone());
        return operation.wait(getter);
    }
    Ok(Stepped::Ends(owner.get(c"get_nowait")?.call0()?))
}

#[inline(never)]
fn get_woken(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    let getter = operation.waiter.take().unwrap_or_else(Obj::none);
    match outcome(&getter, thrown) {
        Ok(()) => get_now(operation),
        Err(exception) => get_cancelled(operation, &getter, exception),
    }
}

#[cold]
fn get_cancelled(operation: &Operation, getter: &Obj, exception: Obj) -> Res<Stepped> {
    let owner = operation.owner();
    let queue = owner.class::<Queue>();
    cancel_any(getter, None)?;
    queue.0.getters.remove(getter);
    if !queue.is_empty(owner)? && !is_cancelled(getter)? {
        // Somebody put an item for us, and we do not take it.
        queue.0.getters.wake_next()?;
    }
    rethrow(exception)
}

fn join(operation: &Operation, thrown: Option<Obj>) -> Res<Stepped> {
    let owner = operation.owner();
    let queue = owner.class::<Queue>();
    let Some(waiter) = operation.waiter.take() else {
        if queue.0.unfinished.get() <= 0 {
            return Ok(Stepped::Ends(Obj::none()));
        }
        let waiter = queue.0.bound.new_waiter(owner)?;
        queue.0.joiners.push(waiter.clone());
        return operation.wait(waiter);
    };
    queue.0.joiners.remove(&waiter);
    match outcome(&waiter, thrown) {
        Ok(_) => Ok(Stepped::Ends(Obj::none())),
        Err(exception) => rethrow(exception),
    }
}

impl Queue {
    fn with(order: Order) -> Queue {
        Queue(GilBound(State {
            bound: LoopBound::default(),
            items: Items::new(order),
            maxsize: Slot::empty(),
            getters: Waiters::default(),
            putters: Waiters::default(),
            joiners: Waiters::default(),
            unfinished: Cell::new(0),
            is_shut_down: Cell::new(false),
        }))
    }

    fn init(&self, this: &Obj, maxsize: Option<Obj>) -> Res<()> {
        let maxsize = maxsize.map_or_else(|| int(0), Ok)?;
        self.0.maxsize.set(maxsize.clone());
        self.0.items.begin(is_exact(this), plain_number(&maxsize))?;
        match self.0.items.are_native() {
            true => Ok(()),
            false => this.get(c"_init")?.call1(&maxsize).map(drop),
        }
    }

    fn len(&self, this: &Obj) -> Res<usize> {
        if self.0.items.are_native() {
            return Ok(self.0.items.len());
        }
        crate::ffi::length(&self.container(this)?)
    }

    /// The attribute `_queue`, which `_init` has set.
    fn container(&self, this: &Obj) -> Res {
        this.get(c"_queue")
    }

    #[inline]
    fn is_empty(&self, this: &Obj) -> Res<bool> {
        match self.0.items.are_native() {
            true => Ok(self.0.items.len() == 0),
            false => asked(this, c"empty"),
        }
    }

    #[inline]
    fn is_full(&self, this: &Obj) -> Res<bool> {
        match self.0.items.are_native() {
            true => Ok(self.0.items.is_full()),
            false => asked(this, c"full"),
        }
    }

    /// Put an item into a queue that keeps them here and has room.
    #[inline]
    fn put_native(&self, item: Obj) -> Res<()> {
        if self.0.is_shut_down.get() {
            return Err(raise_empty(&state().queue_shut_down));
        }
        self.0.items.push(item)?;
        self.0.unfinished.set(self.0.unfinished.get() + 1);
        self.0.getters.wake_next()
    }

    /// Take an item out of a queue that keeps them here; `None` when there is none, or somebody else keeps them.
    #[inline(always)]
    fn take_native(&self) -> Res<Option<Obj>> {
        if !self.0.items.are_native() {
            return Ok(None);
        }
        let item = self.0.items.pop()?;
        if item.is_some() {
            self.0.putters.wake_next()?;
        }
        Ok(item)
    }

    #[inline]
    fn put_nowait(&self, this: &Obj, item: &Obj) -> Res<()> {
        if self.0.is_shut_down.get() {
            return Err(raise_empty(&state().queue_shut_down));
        }
        if self.is_full(this)? {
            return Err(raise_empty(&state().queue_full));
        }
        if self.0.items.are_native() {
            return self.put_native(item.clone());
        }
        this.get(c"_put")?.call1(item)?;
        self.0.unfinished.set(self.0.unfinished.get() + 1);
        self.0.getters.wake_next()
    }

    #[inline]
    fn get_nowait(&self, this: &Obj) -> Res {
        if let Some(item) = self.take_native()? {
            return Ok(item);
        }
        if self.is_empty(this)? {
            return Err(raise_empty(match self.0.is_shut_down.get() {
                true => &state().queue_shut_down,
                false => &state().queue_empty,
            }));
        }
        let item = self.take(this)?;
        self.0.putters.wake_next()?;
        Ok(item)
    }

    #[inline]
    fn take(&self, this: &Obj) -> Res {
        if !self.0.items.are_native() {
            return this.get(c"_get")?.call0();
        }
        let item = self.0.items.pop()?;
        item.ok_or_else(|| raise_empty(&state().queue_empty))
    }

    fn task_done(&self) -> Res<()> {
        let unfinished = self.0.unfinished.get();
        if unfinished <= 0 {
            let message = "task_done() called too many times";
            return Err(raise(value_error(), message));
        }
        self.0.unfinished.set(unfinished - 1);
        if unfinished == 1 {
            self.wake_joiners()?;
        }
        Ok(())
    }

    fn wake_joiners(&self) -> Res<()> {
        self.0.joiners.wake(usize::MAX, &Obj::bool(true))
    }

    fn shut_down(&self, this: &Obj, immediate: bool) -> Res<()> {
        self.0.is_shut_down.set(true);
        if immediate {
            while !self.is_empty(this)? {
                drop(self.take(this)?);
                if self.0.unfinished.get() > 0 {
                    self.0.unfinished.set(self.0.unfinished.get() - 1);
                }
            }
            if self.0.unfinished.get() == 0 {
                self.wake_joiners()?;
            }
        }
        for waiters in [&self.0.getters, &self.0.putters] {
            while !waiters.is_empty() {
                waiters.wake_next()?;
            }
        }
        Ok(())
    }

    fn show(&self) -> Res {
        self.0.items.show()?.ok_or_else(|| {
            crate::ffi::raise_attribute_error("'Queue' object has no attribute '_queue'")
        })
    }

    /// A copy of the items, or what a subclass keeps them in.
    fn contents(&self, this: &Obj) -> Res {
        match self.0.items.are_native() {
            true => self.0.items.listed(),
            false => self.container(this),
        }
    }

    /// Take what `contents` has given.
    fn fill(&self, this: &Obj, items: &Obj) -> Res<()> {
        match self.0.items.are_native() {
            true => self.0.items.fill(items),
            false => this.set_attr(&crate::ffi::interned(c"_queue")?, items),
        }
    }

    /// What stands between the brackets of `repr`.
    fn format(&self, this: &Obj) -> Res<String> {
        let mut text = format!("maxsize={}", repr(&self.0.maxsize.get_or_none())?);
        if self.0.items.are_native() {
            if self.0.items.len() > 0 {
                let items = self.contents(this)?;
                text += &format!(" _queue={}", repr(&items)?);
            }
        } else if let Some(items) = this.get_opt(c"_queue") {
            if items.truth()? {
                text += &format!(" _queue={}", repr(&crate::ffi::list_of(&items)?)?);
            }
        }
        for (name, waiters) in [("_getters", &self.0.getters), ("_putters", &self.0.putters)] {
            if !waiters.is_empty() {
                text += &format!(" {name}[{}]", waiters.len());
            }
        }
        if self.0.unfinished.get() != 0 {
            text += &format!(" tasks={}", self.0.unfinished.get());
        }
        if self.0.is_shut_down.get() {
            text += " shutdown";
        }
        Ok(text)
    }
}

/// Whether a method without arguments says yes.
#[inline(never)]
fn asked(this: &Obj, method: &CStr) -> Res<bool> {
    this.get(method)?.call0()?.truth()
}

fn is_exact(object: &Obj) -> bool {
    object.is_class::<Queue>()
        || object.is_class::<LifoQueue>()
        || object.is_class::<PriorityQueue>()
}
