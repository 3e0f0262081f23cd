//! The tasks of a group that are not done.

use std::cell::RefCell;

use crate::core::task::{self, Task};
use crate::ffi::{Obj, Res, Slot, set_add, set_discard, set_items, set_len};
use crate::primitives::waiters::visit_slot;

/// A list in which each knows its place. When somebody looks, or one is not ours, it becomes a set.
#[derive(Default)]
pub struct Members {
    list: RefCell<Vec<Obj>>,
    set: Slot,
}

impl Members {
    #[inline]
    pub fn len(&self) -> usize {
        match self.set.get() {
            Some(set) => set_len(&set),
            None => self.list.borrow().len(),
        }
    }

    /// Add a task that `new_task` has just made, and so is in no other list.
    #[inline]
    pub fn add_new(&self, task: &Obj) -> Res<()> {
        if self.set.is_set() {
            return self.add(task);
        }
        let mut list = self.list.borrow_mut();
        Task::of(task).place_in_group.set(list.len() as u32);
        list.push(task.clone());
        Ok(())
    }

    pub fn add(&self, task: &Obj) -> Res<()> {
        set_add(&self.show()?, task)
    }

    /// What is not there stays away.
    #[inline]
    pub fn remove(&self, task: &Obj) -> Res<()> {
        if let Some(set) = self.set.get() {
            return set_discard(&set, task);
        }
        drop(self.take(task));
        Ok(())
    }

    #[inline]
    fn take(&self, task: &Obj) -> Option<Obj> {
        let place = task::of(task)?.place_in_group.get();
        let mut list = self.list.borrow_mut();
        list.get(place as usize)
            .filter(|listed| listed.is(task.as_ptr()))?;
        let taken = list.swap_remove(place as usize);
        if let Some(moved) = list.get(place as usize) {
            Task::of(moved).place_in_group.set(place);
        }
        Some(taken)
    }

    pub fn all(&self) -> Res<Vec<Obj>> {
        match self.set.get() {
            Some(set) => set_items(&set),
            None => Ok(self.list.borrow().clone()),
        }
    }

    /// The set, which has them from here on.
    pub fn show(&self) -> Res {
        if let Some(set) = self.set.get() {
            return Ok(set);
        }
        let set = crate::ffi::set()?;
        for task in self.all()? {
            set_add(&set, &task)?;
        }
        self.set.set(set.clone());
        drop(self.list.take());
        Ok(set)
    }

    pub fn visit(&self, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit_slot(&self.set, visit)?;
        // Nothing that allocates runs while the list is borrowed, so a traversal finds it free.
        if let Ok(list) = self.list.try_borrow() {
            for task in list.iter() {
                visit.call(task.as_py())?;
            }
        }
        Ok(())
    }

    pub fn clear(&self) {
        self.set.clear();
        drop(self.list.take());
    }
}
