//! The list of a loop's tasks that are not done.
#![expect(unsafe_code, reason = "links between tasks")]

use pyo3::ffi;

use super::LoopCore;
use crate::core::task::Task;
use crate::ffi::Obj;

impl LoopCore {
    pub fn list(&self, task: &Task) {
        let head = self.tasks.get();
        task.previous.set(std::ptr::null());
        task.next.set(head);
        if !head.is_null() {
            // SAFETY: a listed task is alive: its dealloc takes it out.
            unsafe { (*head).previous.set(&raw const *task) };
        }
        self.tasks.set(&raw const *task);
        task.listed.set(true);
    }

    pub fn unlist(&self, task: &Task) {
        let (previous, next) = (task.previous.get(), task.next.get());
        // SAFETY: the neighbours of a listed task are listed, hence alive.
        unsafe {
            if previous.is_null() {
                self.tasks.set(next);
            } else {
                (*previous).next.set(next);
            }
            if !next.is_null() {
                (*next).previous.set(previous);
            }
        }
        task.listed.set(false);
    }

    /// All tasks of this loop that are not done.
    pub fn all_tasks(&self) -> Vec<Obj> {
        let mut tasks = Vec::new();
        let mut next = self.tasks.get();
        while !next.is_null() {
            // SAFETY: listed tasks are alive; one whose count is zero is being deallocated and may not be revived.
            unsafe {
                let object = next.cast_mut().cast::<ffi::PyObject>();
                if ffi::Py_REFCNT(object) > 0 {
                    tasks.push(Obj::shared(object));
                }
                next = (*next).next.get();
            }
        }
        tasks
    }
}
