//! Who waits for a future: the tasks and callbacks that the loop gets once it is done.

use std::collections::HashSet;

use pyo3::ffi;

use super::{First, Future, Status};
use crate::core::handle::new_handle;
use crate::core::task;
use crate::ffi::{Obj, Res, RunsIn, aside, check, list_items, tuple};
use crate::job::Job;
use crate::state::state;

impl Future {
    /// Let a task of ours wait. It must live on the same native loop.
    #[inline]
    pub fn add_task(&self, this: &Obj, waiter: &Obj) -> Res<()> {
        if self.status.get() == Status::Pending && !self.first.is_set() && !self.rest.is_set() {
            self.first_kind.set(First::Task);
            self.first.set(waiter.clone());
            return Ok(());
        }
        let context = task::context_of(waiter);
        self.add_callback(this, task::wakeup_callback(waiter)?, context)
    }

    /// Tell a task group or a `gather` of ours when this is done. It must live on the same native loop.
    #[inline]
    pub fn add_member(&self, this: &Obj, owner: &Obj) -> Res<()> {
        if let (true, Some(core)) = (self.is_done(), self.scheduler()) {
            core.check_may_schedule()?;
            core.push(Job::Member(owner.clone(), this.clone()));
            return Ok(());
        }
        if self.status.get() == Status::Pending && !self.first.is_set() && !self.rest.is_set() {
            self.first_kind.set(First::Member);
            self.first.set(owner.clone());
            return Ok(());
        }
        self.add_callback(this, member_callback(owner)?, crate::ffi::copy_context()?)
    }

    /// Take back `add_member`.
    pub fn remove_member(&self, owner: &Obj) -> Res<()> {
        if self.is_done() {
            return Ok(());
        }
        if self.first_kind.get() == First::Member && owner.is(self.first.ptr()) {
            self.first_kind.set(First::Callback);
            self.first.clear();
            return Ok(());
        }
        self.remove_callback(&member_callback(owner)?).map(drop)
    }

    pub fn add_callback(&self, this: &Obj, callback: Obj, context: Obj) -> Res<()> {
        self.alive()?;
        if self.is_done() {
            return self.call_soon(this, callback, context);
        }
        if !self.rest.is_set() && !self.first.is_set() {
            self.first_kind.set(First::Callback);
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
    pub(super) fn schedule(&self, this: &Obj) -> Res<()> {
        if let Some(first) = self.first.take() {
            match self.first_kind.replace(First::Callback) {
                First::Task => match self.scheduler() {
                    Some(core) => {
                        core.check_may_schedule()?;
                        core.wake(first);
                    }
                    None => {
                        let context = task::context_of(&first);
                        self.call_soon(this, task::wakeup_callback(&first)?, context)?;
                    }
                },
                First::Member => match self.scheduler() {
                    Some(core) => {
                        core.check_may_schedule()?;
                        core.push(Job::Member(first, this.clone()));
                    }
                    None => {
                        let context = crate::ffi::copy_context()?;
                        self.call_soon(this, member_callback(&first)?, context)?;
                    }
                },
                First::Callback => {
                    let context = self.first_context.take().unwrap_or_else(Obj::none);
                    if let Err(raised) = self.call_soon(this, first, context) {
                        aside(|| self.rest.clear());
                        return Err(raised);
                    }
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
                _ if core.debug.get() => {
                    let loop_ = self.loop_.get_or_none();
                    let args = [this.as_ptr()];
                    let handle = new_handle(&loop_, core, &callback, &args, RunsIn::Own(context))?;
                    core.push(Job::Handle(handle));
                }
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
    pub(super) fn remove_callback(&self, callback: &Obj) -> Res<i64> {
        let mut removed = 0;
        let waiter = self.first.get();
        if let Some((first, _)) = self.first_callback()? {
            if first.equals(callback)? {
                if waiter.is_some_and(|waiter| waiter.is(self.first.ptr())) {
                    self.first_kind.set(First::Callback);
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
    pub(super) fn first_callback(&self) -> Res<Option<(Obj, Obj)>> {
        let Some(first) = self.first.get() else {
            return Ok(None);
        };
        Ok(Some(match self.first_kind.get() {
            First::Task => (task::wakeup_callback(&first)?, task::context_of(&first)),
            First::Member => (member_callback(&first)?, crate::ffi::copy_context()?),
            First::Callback => (first, self.first_context.get_or_none()),
        }))
    }

    /// The task group or `gather` that this is a child of.
    #[cfg(Py_3_14)]
    pub(super) fn member_of(&self) -> Option<Obj> {
        self.first
            .get()
            .filter(|_| self.first_kind.get() == First::Member)
    }

    pub(super) fn callbacks(&self) -> Res {
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
}

/// What asyncio has among the callbacks of a child.
fn member_callback(owner: &Obj) -> Res {
    owner.get(c"_on_task_done")
}

fn list_len(list: &Obj) -> isize {
    crate::ffi::list_len(list) as isize
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

pub(super) fn pairs(list: &Obj) -> Vec<(Obj, Obj)> {
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
