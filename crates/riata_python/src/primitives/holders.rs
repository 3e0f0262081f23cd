//! Which tasks hold a primitive, for who asks what a program waits for.
//!
//! A task of ours is known by its id, which costs nothing to keep; of a task of another loop a weak reference is kept.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::CStr;

use pyo3::{PyTraverseError, PyVisit};

use super::waiters::visit_slot;
use crate::event_loop::current_task::{foreign_task, holder_id};
use crate::ffi::{Obj, Raised, Res, Slot, int, interned, list, take_exception, weak_reference};

/// The task that holds a lock.
#[derive(Default)]
pub struct Holder {
    id: Cell<u64>,
    foreign: Slot,
}

impl Holder {
    /// The current task holds it from here on.
    #[inline]
    pub fn enter(&self) {
        match holder_id() {
            Some(id) => self.id.set(id),
            None => self.foreign.set_opt(weak_current_task()),
        }
    }

    #[inline]
    pub fn leave(&self) {
        self.id.set(0);
        self.foreign.clear();
    }

    /// A list of the id, or of the task.
    pub fn shown(&self) -> Res {
        if let Some(reference) = self.foreign.get() {
            return list(task_of(&reference)?.as_slice());
        }
        match self.id.get() {
            0 => list(&[]),
            id => list(&[int(id as i64)?]),
        }
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit_slot(&self.foreign, visit)
    }
}

/// What a weak reference is to, if that is still there.
fn task_of(reference: &Obj) -> Res<Option<Obj>> {
    let task = reference.call0()?;
    Ok((!task.is_none()).then_some(task))
}

/// The task of another loop that holds what the current one takes.
fn weak_current_task() -> Option<Obj> {
    let reference = || -> Res<Option<Obj>> {
        let Some(task) = foreign_task()? else {
            return Ok(None);
        };
        match task.get_opt(ACTS_FOR) {
            Some(reference) => Ok(Some(reference)),
            None => weak_reference(&task).map(Some),
        }
    };
    reference().unwrap_or_else(|Raised| {
        drop(take_exception());
        None
    })
}

/// A weak reference to the task that `Task::acts_for` tells of a task of ours.
const ACTS_FOR: &CStr = c"_riata_acts_for";

/// A task of another loop runs a single operation for the current one.
pub fn let_act_for_current(task: &Obj) {
    let Some(current) = weak_current_task() else {
        return;
    };
    let told = interned(ACTS_FOR).and_then(|name| task.set_attr(&name, &current));
    // A task that keeps no attributes is the holder itself.
    if told.is_err() {
        drop(take_exception());
    }
}

/// A task that holds a semaphore.
enum Held {
    Ours(u64),
    /// A weak reference.
    Foreign(Obj),
    Unknown,
}

impl Held {
    #[inline]
    fn by_current_task() -> Held {
        match holder_id() {
            Some(id) => Held::Ours(id),
            None => weak_current_task().map_or(Held::Unknown, Held::Foreign),
        }
    }

    /// The same for the same task: of one task there is one weak reference.
    #[inline]
    fn key(&self) -> (u64, usize) {
        match self {
            Held::Ours(id) => (*id, 0),
            Held::Foreign(reference) => (0, reference.as_ptr() as usize),
            Held::Unknown => (0, 0),
        }
    }
}

/// The tasks that hold a semaphore, one entry for each time.
#[derive(Default)]
pub struct Holders {
    tasks: RefCell<Vec<Held>>,
    /// Those that have released it and are still among `tasks`: of many, few are looked at when one leaves.
    left: RefCell<Vec<Held>>,
}

/// How many of the last ones are looked at when one leaves, and how many that were not found are too many.
const NEAR: usize = 16;

impl Holders {
    #[inline]
    pub fn enter(&self) {
        let task = Held::by_current_task();
        self.tasks.borrow_mut().push(task);
    }

    /// Whoever releases it holds it no longer; if it did not, the one that has held it longest does not.
    #[inline]
    pub fn leave(&self) {
        let task = Held::by_current_task();
        let mut tasks = self.tasks.borrow_mut();
        let near = tasks.iter().rev().take(NEAR);
        let found = near.map(Held::key).position(|key| key == task.key());
        let gone = match found {
            Some(back) => {
                let index = tasks.len() - 1 - back;
                tasks.remove(index)
            }
            None if tasks.is_empty() => return,
            None if tasks.len() <= NEAR && self.left.borrow().is_empty() => tasks.remove(0),
            None => {
                drop(tasks);
                return self.leave_later(task);
            }
        };
        drop(tasks);
        drop(gone);
    }

    #[inline(never)]
    fn leave_later(&self, task: Held) {
        let mut left = self.left.borrow_mut();
        left.push(task);
        let holders = self.tasks.borrow().len();
        let is_much = left.len() >= NEAR.max(holders / 2).min(holders);
        drop(left);
        if is_much {
            self.settle();
        }
    }

    /// Take those away that have released it.
    fn settle(&self) {
        let left = self.left.take();
        if left.is_empty() {
            return;
        }
        let mut counts: HashMap<(u64, usize), usize> = HashMap::new();
        for held in &left {
            *counts.entry(held.key()).or_default() += 1;
        }
        let mut strangers = left.len();
        let mut gone = Vec::new();
        let mut kept: Vec<Held> = Vec::new();
        // The last time that a task took it is the first that it gives back.
        for held in self.tasks.take().into_iter().rev() {
            match counts.get_mut(&held.key()) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    strangers -= 1;
                    gone.push(held);
                }
                _ => kept.push(held),
            }
        }
        kept.truncate(kept.len().saturating_sub(strangers));
        kept.reverse();
        *self.tasks.borrow_mut() = kept;
        drop((left, gone));
    }

    /// A list of the ids, or of the tasks.
    pub fn shown(&self) -> Res {
        self.settle();
        let mut ids = Vec::new();
        let mut references = Vec::new();
        for held in self.tasks.borrow().iter() {
            match held {
                Held::Ours(id) => ids.push(*id),
                Held::Foreign(reference) => references.push(reference.clone()),
                Held::Unknown => {}
            }
        }
        let mut known = Vec::new();
        for id in ids {
            known.push(int(id as i64)?);
        }
        for reference in references {
            known.extend(task_of(&reference)?);
        }
        list(&known)
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Nothing that allocates runs while a list is borrowed, so a traversal finds it free.
        for tasks in [&self.tasks, &self.left] {
            let Ok(tasks) = tasks.try_borrow() else {
                continue;
            };
            for held in tasks.iter() {
                if let Held::Foreign(reference) = held {
                    visit.call(reference.as_py())?;
                }
            }
        }
        Ok(())
    }
}
