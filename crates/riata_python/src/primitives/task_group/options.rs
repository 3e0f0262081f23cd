//! What asyncio's group has not: a limit with back-pressure, a deadline, collected results, notes on failures, a quiet end.

use std::cell::Cell;

use super::TaskGroup;
use crate::core::coroutine::{Stepped, rethrow};
use crate::core::future::any::{exception_of, is_cancelled, is_done, set_result};
use crate::core::operation::{Kind, Operation};
use crate::core::task::{self, Task};
use crate::core::timeout::{Stage, Timeout};
use crate::ffi::{
    Obj, Res, Slot, aside, calling_site, list, list_append, list_items, shown_site, take_raised,
    unraisable,
};
use crate::primitives::waiters::{Waiters, new_waiter, outcome};
use crate::state::state;

/// What asyncio's group has not.
#[derive(Default)]
pub struct Options {
    /// How many tasks `spawn` lets run at once; zero for any number.
    pub limit: Cell<usize>,
    pub collect: Cell<bool>,
    pub name: Slot,
    /// The timeout that ends the group.
    pub timeout: Slot,
    /// A list of all tasks, in the order in which they were made; empty when results are not kept.
    pub all: Slot,
    /// The code of the function that made the first task of ours, and most likely all.
    pub maker: Slot,
    /// Where each task that is not done, and was made elsewhere or is not ours, was made: a dict of pairs of code and line.
    pub sites: Slot,
    /// Who waits in `spawn`, and how many were let in and have not made their task yet.
    pub spawners: Waiters,
    pub admitted: Cell<usize>,
    pub cancelled: Cell<bool>,
    /// The message of the requests to cancel the tasks, if they have one.
    pub reason: Slot,
}

pub static SPAWN: Kind = Kind {
    name: "TaskGroup.spawn",
    resume: |operation, _, thrown| {
        let owner = operation.owner();
        let spawned = spawn(operation, owner, owner.class::<TaskGroup>(), thrown);
        if spawned.is_err() {
            aside(|| close_unused(operation));
        }
        spawned
    },
};

/// Wait until there is room, and make a task of the coroutine, which is the argument; name and context are kept.
fn spawn(
    operation: &Operation,
    owner: &Obj,
    group: &TaskGroup,
    thrown: Option<Obj>,
) -> Res<Stepped> {
    let options = &group.0.options;
    let mut admitted = false;
    if let Some(waiter) = operation.waiter.take() {
        options.spawners.remove(&waiter);
        admitted = is_done(&waiter)? && !is_cancelled(&waiter)?;
        if admitted {
            options.admitted.set(options.admitted.get() - 1);
        }
        if let Err(exception) = outcome(&waiter, thrown) {
            if admitted {
                // There is room for somebody else, then.
                group.wake_spawner()?;
            }
            return rethrow(exception);
        }
    }
    if !admitted && group.refusal().is_none() && !group.has_room() {
        let waiter = new_waiter(&group.0.loop_.get_or_none())?;
        options.spawners.push(waiter.clone());
        return operation.wait(waiter);
    }
    let coro = match group.refusal() {
        Some(_) => operation.argument.get_or_none(), // to be closed
        None => operation.argument.take().unwrap_or_else(Obj::none),
    };
    let keywords = operation.kept.get_or_none();
    let create_task = owner.get(c"create_task");
    match create_task.and_then(|create| crate::ffi::call_with(&create, &coro, &keywords)) {
        Ok(task) => Ok(Stepped::Ends(task)),
        Err(raised) => {
            // There is room for somebody else, or it is over for all: nobody else is there to tell them.
            aside(|| group.wake_spawner())?;
            Err(raised)
        }
    }
}

/// A coroutine that will not run is closed, lest Python warn of it.
fn close_unused(operation: &Operation) {
    if let Some(coro) = operation.argument.take() {
        let closed = coro.get(c"close").and_then(|close| close.call0());
        if closed.is_err() {
            unraisable(Some(&coro));
        }
    }
}

impl TaskGroup {
    /// End the group early, and quietly.
    pub(super) fn cancel(&self, reason: Option<&Obj>) -> Res<()> {
        let before = self.0.options.cancelled.replace(true);
        if !self.0.entered.get() {
            if !before {
                self.0.options.reason.set_opt(reason.cloned());
            }
            return Ok(());
        }
        if !self.0.parent.is_set() || self.0.aborting.get() {
            // It is over, or about to be.
            return Ok(());
        }
        if let Some(timeout) = self.0.options.timeout.get() {
            // The end is to be quiet, however long it takes.
            if Timeout::of(&timeout).stage.get() == Stage::Entered {
                Timeout::of(&timeout).reschedule(&timeout, &Obj::none())?;
            }
        }
        self.abort_for(reason)?;
        match self.0.parent_cancel_requested.get() {
            true => Ok(()),
            false => self.cancel_parent(reason),
        }
    }

    /// Where a task of ours was made, and the task itself for `results`.
    #[inline]
    pub(super) fn remember_new(&self, task: &Obj) -> Res<()> {
        let options = &self.0.options;
        let ours = Task::of(task);
        ours.made_at.set(-1);
        match calling_site() {
            Some((code, at)) if options.maker.ptr() == code.as_ptr() => ours.made_at.set(at),
            Some((code, at)) if !options.maker.is_set() => {
                options.maker.set(code);
                ours.made_at.set(at);
            }
            Some((code, at)) => self.remember_site(task, &code, at)?,
            None => {}
        }
        self.remember_result(task)
    }

    /// The same of any task.
    pub(super) fn remember(&self, task: &Obj) -> Res<()> {
        if task::exact(task).is_some() {
            return self.remember_new(task);
        }
        if let Some((code, at)) = calling_site() {
            self.remember_site(task, &code, at)?;
        }
        self.remember_result(task)
    }

    #[inline]
    fn remember_result(&self, task: &Obj) -> Res<()> {
        match self.0.options.all.get() {
            Some(all) => list_append(&all, task),
            None => Ok(()),
        }
    }

    fn remember_site(&self, task: &Obj, code: &Obj, at: i32) -> Res<()> {
        let options = &self.0.options;
        if !options.sites.is_set() {
            options.sites.set(crate::ffi::dict()?);
        }
        crate::ffi::dict_set(&options.sites.get_or_none(), task, &shown_site(code, at)?)
    }

    fn take_site(&self, task: &Obj) -> Res {
        let options = &self.0.options;
        if let Some(at) = task::exact(task).map(|ours| ours.made_at.get()) {
            if at >= 0 {
                return shown_site(&options.maker.get_or_none(), at);
            }
        }
        let Some(sites) = options.sites.get() else {
            return Ok(Obj::none());
        };
        let site = crate::ffi::dict_get(&sites, task)?;
        if site.is_some() {
            crate::ffi::dict_delete(&sites, task)?;
        }
        Ok(site.unwrap_or_else(Obj::none))
    }

    /// A task that was made here has ended: there is room for another, and its failure gets a note.
    #[inline]
    pub(super) fn let_go(&self, this: &Obj, task: &Obj, exception: Option<&Obj>) -> Res<()> {
        if let Some(exception) = exception {
            if self.note_failure(task, exception).is_err() {
                unraisable(Some(this));
            }
        } else if self.0.options.sites.is_set() {
            self.take_site(task)?;
        }
        match self.0.options.limit.get() {
            0 => Ok(()),
            _ => self.wake_spawner(),
        }
    }

    #[inline(never)]
    fn note_failure(&self, task: &Obj, exception: &Obj) -> Res {
        let (site, name) = (self.take_site(task)?, self.0.options.name.get_or_none());
        state().note_failure.call(&[
            exception.as_ptr(),
            task.as_ptr(),
            name.as_ptr(),
            site.as_ptr(),
        ])
    }

    /// Whether `spawn` may make a task: the limit is not reached, and nobody is before us.
    fn has_room(&self) -> bool {
        let options = &self.0.options;
        let limit = options.limit.get();
        limit == 0 || self.0.running() + options.admitted.get() < limit
    }

    /// Let those in who wait in `spawn`, as many as there is room for; all when there will be no more tasks, to be refused.
    pub(super) fn wake_spawner(&self) -> Res<()> {
        let options = &self.0.options;
        while self.refusal().is_some() || self.has_room() {
            let Some(waiter) = options.spawners.first_pending()? else {
                break;
            };
            options.admitted.set(options.admitted.get() + 1);
            set_result(&waiter, Obj::none())?;
        }
        Ok(())
    }

    /// What goes beside the failures of tasks when the deadline has passed too.
    pub(super) fn deadline_error(&self) -> Res<Option<Obj>> {
        match self.0.options.timeout.get() {
            Some(timeout) if Timeout::of(&timeout).stage.get() == Stage::Expiring => {
                Timeout::of(&timeout).error(None).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// How the group ended, seen from its deadline.
    pub(super) fn end_timeout(&self, ended: Res<Stepped>) -> Res<Stepped> {
        let Some(timeout) = self.0.options.timeout.get() else {
            return ended;
        };
        match ended {
            Ok(stepped) => {
                Timeout::of(&timeout).exit(&timeout, None)?;
                Ok(stepped)
            }
            Err(raised) => {
                let exception = take_raised(raised);
                // A group has it among its exceptions.
                let is_group = exception.is_instance(&state().base_exception_group)?;
                let own = (!is_group).then_some(&exception);
                Timeout::of(&timeout).exit(&timeout, own)?;
                rethrow(exception)
            }
        }
    }

    pub(super) fn results(&self, this: &Obj) -> Res {
        let Some(all) = self.0.options.all.get() else {
            return Err(self.complain(this, "keeps no results; TaskGroup(results=True) does"));
        };
        if !self.0.exiting.get() || self.0.running() > 0 {
            return Err(self.complain(this, "is not finished"));
        }
        let mut results = Vec::new();
        for task in list_items(&all) {
            results.push(match is_cancelled(&task)? {
                true => take_raised(match task.method0(&state().names.result) {
                    Ok(_) => continue,
                    Err(raised) => raised,
                }),
                false => match exception_of(&task)? {
                    Some(exception) => exception,
                    None => task.method0(&state().names.result)?,
                },
            });
        }
        list(&results)
    }
}
