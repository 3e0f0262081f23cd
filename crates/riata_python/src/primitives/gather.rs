//! `gather`. Mirrors `asyncio.gather`.
//!
//! Native for coroutines and for futures of ours on a loop of ours; for anything else asyncio's own function does it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::core::args::{Args, given};
use crate::core::class_methods;
use crate::core::future;
use crate::core::gathering::{Gathering, new_gathering};
use crate::core::operation::{Operation, is_coroutine};
use crate::core::task::{self, cancel_any};
use crate::event_loop::LoopCore;
use crate::event_loop::current_task::{current_task, running_loop};
use crate::ffi::{Obj, Res, list, list_items, raise_type_error, string};
use crate::state::state;

pub fn function() -> Res {
    class_methods::function(
        c"gather",
        gather,
        c"gather(*coros_or_futures, return_exceptions=False, limit=None)\n--\n\nRun awaitables concurrently; return a future of the list of their results, in the order of the arguments.\n\nWith a limit, so many run at a time; once the result is an exception, those that have not begun do not begin. The first exception is passed on at once, and the others go on; with return_exceptions exceptions are results. Cancelled, it cancels all that are not done. Mirrors asyncio.gather.",
    )
}

fn gather(args: Args<'_>) -> Res {
    let args = args.of("gather");
    let names = &state().names;
    let [return_exceptions, limit] = args.keywords([&names.return_exceptions, &names.limit])?;
    let return_exceptions = match return_exceptions {
        Some(value) => value.truth()?,
        None => false,
    };
    let awaitables = args.all();
    if let Some(limit) = given(limit) {
        return limited(args.positional(), limit, return_exceptions);
    }
    let loop_ = running_loop()?;
    let native = loop_.as_ref().and_then(|loop_| {
        let core = LoopCore::of(loop_).filter(|core| core.plain.get())?;
        let all = awaitables
            .iter()
            .all(|awaitable| is_native(awaitable, loop_, core));
        all.then_some((loop_, core))
    });
    match native {
        Some((loop_, core)) if !awaitables.is_empty() => {
            gather_natively(loop_, core, awaitables, return_exceptions)
        }
        _ => by_asyncio(awaitables, return_exceptions),
    }
}

/// So many at a time: a task starts the others as they end.
fn limited(awaitables: &[*mut pyo3::ffi::PyObject], limit: &Obj, return_exceptions: bool) -> Res {
    let awaitables = crate::ffi::tuple(awaitables)?;
    let flag = Obj::bool(return_exceptions);
    crate::ffi::import(c"riata.patterns")?
        .get(c"gather_limited")?
        .call(&[awaitables.as_ptr(), limit.as_ptr(), flag.as_ptr()])
}

fn is_native(awaitable: &Obj, loop_: &Obj, core: &LoopCore) -> bool {
    if is_coroutine(awaitable) {
        return core.makes_tasks();
    }
    future::exact(awaitable).is_some_and(|future| future.loop_.ptr() == loop_.as_ptr())
}

fn by_asyncio(awaitables: &[Obj], return_exceptions: bool) -> Res {
    let flag = Obj::bool(return_exceptions);
    let mut args: Vec<_> = awaitables.iter().map(Obj::as_ptr).collect();
    args.push(flag.as_ptr());
    let names = crate::ffi::tuple(&[state().names.return_exceptions.as_ptr()])?;
    state().asyncio_gather.call_kw(&args, &names)
}

/// The address of an object is hash enough.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

type Known = HashMap<usize, Obj, BuildHasherDefault<AddressHasher>>;

fn gather_natively(
    loop_: &Obj,
    core: &LoopCore,
    awaitables: &[Obj],
    return_exceptions: bool,
) -> Res {
    let outer = new_gathering(loop_, core)?;
    let gathering = Gathering::of(&outer);
    gathering.return_exceptions.set(return_exceptions);
    if cfg!(Py_3_14) {
        gathering.waiting.set_opt(current_task(loop_)?);
    }
    let mut known = Known::with_capacity_and_hasher(awaitables.len(), Default::default());
    let mut children = Vec::with_capacity(awaitables.len());
    let mut done = Vec::new();
    for awaitable in awaitables {
        let address = awaitable.as_ptr() as usize;
        if awaitables.len() > 1 {
            if let Some(child) = known.get(&address) {
                children.push(child.clone());
                continue;
            }
        }
        let child = match is_coroutine(awaitable) {
            true => {
                let child = task::new_task(loop_, core, awaitable, None, None, false)?;
                task::Task::of(&child).forget_when_destroyed();
                child
            }
            false => awaitable.clone(),
        };
        gathering.unfinished.set(gathering.unfinished.get() + 1);
        match future::exact(&child) {
            // Before 3.12 asyncio adds a callback to what is done, too.
            Some(future) if cfg!(Py_3_12) && future.is_done() => done.push(child.clone()),
            Some(future) => future.add_member(&child, &outer)?,
            None => {}
        }
        if awaitables.len() > 1 {
            known.insert(address, child.clone());
        }
        children.push(child);
    }
    gathering.children.set(list(&children)?);
    for child in done {
        gathering.child_done(&outer, &child)?;
    }
    Ok(outer)
}

impl Gathering {
    pub fn cancel(&self, message: Option<Obj>) -> Res<bool> {
        if self.future.is_done() {
            return Ok(false);
        }
        let mut cancelled = false;
        for child in list_items(&self.children.get_or_none()) {
            cancelled |= cancel_any(&child, message.clone())?;
        }
        if cancelled {
            self.cancel_requested.set(true);
        }
        Ok(cancelled)
    }

    /// A child is done: the job that its end has queued.
    pub fn child_done(&self, this: &Obj, child: &Obj) -> Res<()> {
        let told = self.take_in(this, child);
        if self.future.is_done() {
            self.waiting.clear();
        }
        told
    }

    fn take_in(&self, this: &Obj, child: &Obj) -> Res<()> {
        self.unfinished.set(self.unfinished.get() - 1);
        let Some(ended) = future::exact(child) else {
            return Ok(());
        };
        if self.future.is_done() || !self.children.is_set() {
            // Its exception counts as retrieved.
            ended.forgive();
            return Ok(());
        }
        if !self.return_exceptions.get() {
            if ended.is_cancelled() {
                let error = ended.cancelled_error()?;
                return self.future.set_exception(this, &error);
            }
            if let Some(exception) = ended.take_notice_of_exception() {
                return self.future.set_exception(this, &exception);
            }
        }
        if self.unfinished.get() > 0 {
            return Ok(());
        }
        let children = list_items(&self.children.get_or_none());
        let results = children.iter().map(result_of).collect::<Res<Vec<_>>>()?;
        if self.cancel_requested.get() {
            // asyncio takes the message of the last argument, whichever has ended last.
            let last = children.last().and_then(future::exact).unwrap_or(ended);
            let error = last.cancelled_error()?;
            return self.future.set_exception(this, &error);
        }
        self.future.set_result(this, list(&results)?)
    }
}

/// What stands in the list of results.
fn result_of(child: &Obj) -> Res {
    let Some(future) = future::exact(child) else {
        return Err(raise_type_error("a future of riata was expected"));
    };
    if future.is_cancelled() {
        let message = future
            .cancel_message
            .get()
            .filter(|message| !message.is_none());
        let message = message.map_or_else(|| string(""), Ok)?;
        return state().cancelled_error.call1(&message);
    }
    match future.take_notice_of_exception() {
        Some(exception) => Ok(exception),
        None => future.result(),
    }
}

/// The job of a child's end.
pub fn member_done(owner: &Obj, child: &Obj) -> Res<()> {
    if Gathering::is(owner) {
        return Gathering::of(owner).child_done(owner, child);
    }
    if Operation::is(owner) {
        return Operation::of(owner).child_done(child);
    }
    super::task_group::child_done(owner, child)
}

/// The task that waits for a child of this task group or `gather`; `wait` and `wait_for` say themselves whom they wait for.
#[cfg(Py_3_14)]
pub fn waiting_task(owner: &Obj) -> Option<Obj> {
    if Gathering::is(owner) {
        return Gathering::of(owner).waiting.get();
    }
    if Operation::is(owner) {
        return None;
    }
    super::task_group::parent_of(owner)
}
