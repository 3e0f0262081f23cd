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
            Some(id) if id != 0 => self.id.set(id),
            _ => self.foreign.set_opt(weak_current_task()),
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
        match current_id() {
            Some(id) if id != 0 => Held::Ours(id),
            _ => weak_current_task().map_or(Held::Unknown, Held::Foreign),
        }
    }

    /// Whether it is the same task: of one task there is one weak reference.
    #[inline]
    fn is(&self, other: &Held) -> bool {
        match (self, other) {
            (Held::Ours(id), Held::Ours(other)) => id == other,
            (Held::Foreign(task), Held::Foreign(other)) => task.is(other.as_ptr()),
            (Held::Unknown, Held::Unknown) => true,
            _ => false,
        }
    }
}

/// The tasks that hold a semaphore, one entry for each time.
#[derive(Default)]
pub struct Holders {
    tasks: RefCell<Vec<Held>>,
}

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
        let left = match tasks.iter().rposition(|held| held.is(&task)) {
            Some(index) => Some(tasks.remove(index)),
            None if !tasks.is_empty() => Some(tasks.remove(0)),
            None => None,
        };
        drop(tasks);
        drop(left);
    }

    /// A list of the ids, or of the tasks.
    pub fn shown(&self) -> Res {
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
        // Nothing that allocates runs while the list is borrowed, so a traversal finds it free.
        if let Ok(tasks) = self.tasks.try_borrow() {
            for held in tasks.iter() {
                if let Held::Foreign(reference) = held {
                    visit.call(reference.as_py())?;
                }
            }
        }
        Ok(())
    }
}
