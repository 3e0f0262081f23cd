//! Which task is current, and when asyncio is told.
#![expect(unsafe_code, reason = "a borrowed task, and asyncio's dictionary")]

use std::cell::Cell;
use std::ptr;

use pyo3::ffi;

use super::LoopCore;
use crate::core::task::Task;
use crate::ffi::{Obj, Raised, Res, aside, raise_runtime_error};
#[cfg(not(Py_3_14))]
use crate::ffi::{check, dict_delete, dict_get, dict_set, take_exception};
use crate::state::state;

thread_local! {
    /// The native side of the loop that this thread runs, or null. It is alive: who runs it holds it.
    static RUNNING: Cell<*const LoopCore> = const { Cell::new(ptr::null()) };
}

/// This thread runs `core` from here on; what it ran before comes back.
pub fn set_running(core: *const LoopCore) -> *const LoopCore {
    RUNNING.replace(core)
}

/// The native side of the loop that this thread runs, if that is this one: quicker than to look at its type.
#[inline]
pub fn running_as(loop_: &Obj) -> Option<&LoopCore> {
    // SAFETY: what is running is alive, and the loop that it is part of holds it.
    let core = unsafe { RUNNING.get().as_ref() }?;
    loop_.is(core.this.get()).then_some(core)
}

/// The id of the task that holds what the current one takes, if that is one of ours.
#[inline]
pub fn holder_id() -> Option<u64> {
    // SAFETY: what is running is alive.
    let core = unsafe { RUNNING.get().as_ref() }?;
    let id = core.current_id.get();
    let current = core.current.get();
    if id == 0 || current.is_null() {
        return (id != 0).then_some(id);
    }
    // SAFETY: the current task is held by the step that runs, and is one of ours.
    match unsafe { Task::of(Obj::from_ref(&current)) }.acts_for() {
        0 => Some(id),
        other => Some(other),
    }
}

/// The loop that asyncio says is running.
#[inline(always)]
pub fn running_loop() -> Res<Option<Obj>> {
    #[cfg(Py_3_14)]
    if let Some(layout) = state().running_task_layout {
        // SAFETY: the state of this thread.
        return Ok(unsafe { layout.loop_of(crate::ffi::thread_state()) });
    }
    #[cfg(not(Py_3_12))]
    if let Some(holder) = &state().running_holder {
        return holder.running_loop();
    }
    let loop_ = state().get_running_loop.call()?;
    Ok((!loop_.is_none()).then_some(loop_))
}

#[inline(always)]
pub fn require_running_loop() -> Res {
    match running_loop()? {
        Some(loop_) => Ok(loop_),
        None => Err(no_running_loop()),
    }
}

#[cold]
fn no_running_loop() -> Raised {
    raise_runtime_error("no running event loop")
}

/// The current task of whatever loop this thread runs, as asyncio tells it.
pub fn foreign_task() -> Res<Option<Obj>> {
    match running_loop()? {
        Some(loop_) => current_task(&loop_),
        None => Ok(None),
    }
}

/// `asyncio.current_task(loop_)`, without a call where the task is one of ours.
#[inline]
pub fn current_task(loop_: &Obj) -> Res<Option<Obj>> {
    current_task_of(loop_, LoopCore::of(loop_))
}

/// As [`current_task`], for who knows the native side of the loop.
#[inline]
pub fn current_task_of(loop_: &Obj, core: Option<&LoopCore>) -> Res<Option<Obj>> {
    if let Some(task) = core.and_then(LoopCore::current_untold) {
        return Ok(Some(task));
    }
    let task = state().current_task.call1(loop_)?;
    Ok((!task.is_none()).then_some(task))
}

/// Which task was current, and whether asyncio knew.
pub struct Noted {
    task: *mut ffi::PyObject,
    id: u64,
    told: bool,
}

impl LoopCore {
    /// `task` is the current one from here on, until [`step_ended`](Self::step_ended).
    ///
    /// asyncio keeps the current tasks in a dictionary whose key is the loop. So whoever asks for the current task hashes the
    /// loop, and that is early enough to write it (`tell_current`): most steps end before anybody has asked. Where the key has
    /// a hash of its own, and since 3.14, when the dictionary went, asyncio is told at once; then the task stays the current
    /// one until another step, a foreign callback or a wait begins, since telling costs more than the step itself.
    #[inline]
    pub fn enter(&self, task: &Obj) -> Res<()> {
        if self.current.get() == task.as_ptr() {
            return Ok(());
        }
        if self.tells_when_asked.get() {
            if self.told.get() {
                self.leave()?;
            }
            self.current.set(task.as_ptr());
            self.current_id.set(Task::of(task).id.get());
            return Ok(());
        }
        // First, since telling asyncio drops its reference to the task before, and that may run anything.
        self.current.set(task.as_ptr());
        self.current_id.set(Task::of(task).id.get());
        self.write_current(task)
            .inspect_err(|_| self.current.set(ptr::null_mut()))
    }

    /// The step of the current task has ended; what it raised is kept.
    #[inline]
    pub fn step_ended(&self) -> Res<()> {
        if !self.tells_when_asked.get() {
            return Ok(());
        }
        if self.told.get() {
            return aside(|| self.leave());
        }
        self.current.set(ptr::null_mut());
        self.current_id.set(0);
        Ok(())
    }

    /// No task is current: before foreign callbacks, waits, and at the end of a run.
    #[inline]
    pub fn leave(&self) -> Res<()> {
        if self.current.get().is_null() {
            return Ok(());
        }
        self.current.set(ptr::null_mut());
        self.current_id.set(0);
        if self.tells_when_asked.get() && !self.told.replace(false) {
            return Ok(());
        }
        self.erase_current()
    }

    /// Somebody hashes the loop: it may be to ask for the current task.
    #[inline]
    pub fn tell_current(&self) -> Res<()> {
        let current = self.current.get();
        if current.is_null() || !self.tells_when_asked.get() || self.told.replace(true) {
            return Ok(());
        }
        // SAFETY: between `enter` and `step_ended` the caller of these holds the task.
        let task = unsafe { Obj::shared(current) };
        self.write_current(&task)
            .inspect_err(|_| self.told.set(false))
    }

    /// A task that is made now runs within the timeouts of the task that makes it.
    #[inline]
    pub fn inherit_timeout(&self, made: &Task) {
        let current = self.current.get();
        if current.is_null() {
            return;
        }
        // SAFETY: the current task is held by the step that runs, and is one of ours.
        let current = unsafe { Task::of(Obj::from_ref(&current)) };
        if current.timeout.is_set() {
            made.timeout.set_opt(current.timeout.get());
        }
    }

    /// The innermost timeout of the task of ours whose step runs.
    pub fn timeout_of_current(&self) -> Option<Obj> {
        let current = self.current.get();
        if current.is_null() {
            return None;
        }
        // SAFETY: as in `inherit_timeout`.
        unsafe { Task::of(Obj::from_ref(&current)) }.timeout.get()
    }

    /// The current task, if it is one of ours and nobody can have told asyncio of another one meanwhile.
    #[inline]
    fn current_untold(&self) -> Option<Obj> {
        let current = self.current.get();
        if current.is_null() || !self.runs_here() {
            return None;
        }
        #[cfg(Py_3_14)]
        let known = match state().running_task_layout {
            // SAFETY: the state of the thread that runs this loop, which is this one.
            Some(layout) => unsafe { layout.is_task(self.thread.get(), self.this.get(), current) },
            None => false,
        };
        // Who tells asyncio of a task hashes the loop.
        #[cfg(not(Py_3_14))]
        let known = self.tells_when_asked.get() && !self.told.get();
        // SAFETY: the current task is held by the step that runs.
        known.then(|| unsafe { Obj::shared(current) })
    }

    /// Note that `task` is the current one where asyncio is told by somebody else; what was noted before comes back, for
    /// `restore_current`. In between asyncio may be told about tasks of its own, which nothing here knows.
    pub fn note_current(&self, task: &Obj) -> Noted {
        Noted {
            task: self.current.replace(task.as_ptr()),
            id: self.current_id.replace(Task::of(task).id.get()),
            told: self.told.replace(true),
        }
    }

    /// What `note_current` began is over, and asyncio has been told so.
    pub fn restore_current(&self, noted: &Noted) {
        self.current.set(noted.task);
        self.current_id.set(noted.id);
        self.told.set(noted.told);
    }

    #[cfg(Py_3_14)]
    #[inline]
    fn write_current(&self, task: &Obj) -> Res<()> {
        match self.set_running_task(task.as_ptr()) {
            true => Ok(()),
            false => swap_current(&self.this(), task).map(drop),
        }
    }

    #[cfg(Py_3_14)]
    fn erase_current(&self) -> Res<()> {
        match self.set_running_task(ptr::null_mut()) {
            true => Ok(()),
            false => swap_current(&self.this(), &Obj::none()).map(drop),
        }
    }

    /// As asyncio does it, but without a call; not where asyncio would complain, or where this Python hides the place.
    #[cfg(Py_3_14)]
    #[inline]
    fn set_running_task(&self, task: *mut ffi::PyObject) -> bool {
        match state().running_task_layout {
            // SAFETY: the state of the thread that runs this loop, which is this one; a live task, or null.
            Some(layout) if self.runs_here() => unsafe {
                layout.set(self.thread.get(), self.this.get(), task)
            },
            _ => false,
        }
    }

    #[cfg(not(Py_3_14))]
    #[inline]
    fn write_current(&self, task: &Obj) -> Res<()> {
        let this = self.this.get();
        match &state().current_tasks {
            Some(dict) if !this.is_null() => {
                // SAFETY: a dict, the object that this core lives in, and a live task.
                check(unsafe { ffi::PyDict_SetItem(dict.as_ptr(), this, task.as_ptr()) })
            }
            _ => Ok(()),
        }
    }

    #[cfg(not(Py_3_14))]
    fn erase_current(&self) -> Res<()> {
        let Some(dict) = &state().current_tasks else {
            return Ok(());
        };
        let this = self.this();
        // SAFETY: a dict and a live object.
        if check(unsafe { ffi::PyDict_DelItem(dict.as_ptr(), this.as_ptr()) }).is_err() {
            // Somebody else took it out already, which is what we want.
            drop(take_exception());
        }
        Ok(())
    }
}

/// Tell asyncio that `task` (`None`: no task) is the current one; returns what was, which may be a task of asyncio's.
pub fn swap_current(loop_: &Obj, task: &Obj) -> Res {
    let state = state();
    #[cfg(not(Py_3_14))]
    if let Some(current) = &state.current_tasks {
        // What `_swap_current_task` does up to 3.13.
        let before = dict_get(current, loop_)?;
        if !task.is_none() {
            dict_set(current, loop_, task)?;
        } else if before.is_some() {
            dict_delete(current, loop_)?;
        }
        return Ok(before.unwrap_or_else(Obj::none));
    }
    match &state.swap_current_task {
        Some(swap) => swap.call(&[loop_.as_ptr(), task.as_ptr()]),
        None => Ok(Obj::none()),
    }
}
