//! Which tasks hold a primitive, for who asks what a program waits for.
//!
//! A task of ours is known by its id, which costs nothing to keep; of a task of another loop a weak reference is kept.

use std::cell::{Cell, RefCell};

use pyo3::{PyTraverseError, PyVisit};

use super::waiters::visit_slot;
use crate::event_loop::current_task::{current_id, foreign_task};
use crate::ffi::{Obj, Raised, Res, Slot, int, list, take_exception, weak_reference};

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
        match current_id() {
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
            let task = reference.call0()?;
            return match task.is_none() {
                true => list(&[]),
                false => list(&[task]),
            };
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

fn weak_current_task() -> Option<Obj> {
    let reference = || -> Res<Option<Obj>> {
        match foreign_task()? {
            Some(task) => weak_reference(&task).map(Some),
            None => Ok(None),
        }
    };
    reference().unwrap_or_else(|Raised| {
        drop(take_exception());
        None
    })
}

/// The tasks that hold a semaphore, one entry for each time.
#[derive(Default)]
pub struct Holders {
    ids: RefCell<Vec<u64>>,
}

impl Holders {
    #[inline]
    pub fn enter(&self) {
        self.ids.borrow_mut().push(current_id().unwrap_or(0));
    }

    /// Whoever releases it holds it no longer; if it did not, the one that has held it longest does not.
    #[inline]
    pub fn leave(&self) {
        let id = current_id().unwrap_or(0);
        let mut ids = self.ids.borrow_mut();
        match ids.iter().rposition(|held| *held == id) {
            Some(index) => drop(ids.remove(index)),
            None if !ids.is_empty() => drop(ids.remove(0)),
            None => {}
        }
    }

    pub fn shown(&self) -> Res {
        let ids: Vec<u64> = self.ids.borrow().clone();
        let known: Vec<Obj> = ids
            .into_iter()
            .filter(|id| *id != 0)
            .map(|id| int(id as i64))
            .collect::<Res<_>>()?;
        list(&known)
    }
}
