//! The loop: the part in Rust of `riata.EventLoop`.
//!
//! [`LoopCore`] is what the loop's thread owns. Invariant: the engine is borrowed only inside the small methods of
//! `engine.rs`, none of which calls Python, drops a Python object or releases the GIL while it holds the borrow.

mod contexts;
pub mod current_task;
pub mod driver;
pub mod engine;
pub mod io;
pub mod reports;
mod running;
pub mod scheduling;
mod simulation;
mod task_list;
pub mod watchdog;

use std::cell::{Cell, RefCell, UnsafeCell};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pyo3::ffi;
use pyo3::prelude::*;
use riata_engine::{Engine, Inbox, Watch};
use riata_trace::Counts;

use crate::core::freelist::FreeList;
use crate::core::handle::Doomed;
use crate::core::task::Task;
use crate::ffi::{Obj, Res, Slot};
use crate::job::{Job, TimerJob};
use crate::state::state;

use driver::LoopDriver;
use simulation::Simulation;

/// What the thread that runs a loop owns. See the module.
pub struct LoopCore {
    engine: UnsafeCell<Engine<LoopDriver, Job, TimerJob>>,
    inbox: Arc<Inbox<Job>>,
    /// Identifies the thread that runs the loop; zero when none does.
    owner: Cell<usize>,
    /// The state of that thread; null when none runs the loop.
    thread: Cell<*mut ffi::PyThreadState>,
    /// A copy of the context that the running job last scheduled something in. Who schedules next with the same variables
    /// shares it; see `context_for_job`.
    snapshot: Slot,
    /// The driver is in `wait`, in the thread that runs the loop, which has released the GIL for it.
    lent: AtomicBool,
    /// The loop that this thread ran before this one, while this one runs.
    outer: Cell<*const LoopCore>,
    /// The Loop object that this is part of (borrowed: it cannot outlive it).
    this: Cell<*mut ffi::PyObject>,
    pub debug: Cell<bool>,
    /// Whether each job is timed: in debug mode, or for a watchdog.
    pub timed: Cell<bool>,
    /// Who watches whether a job takes too long; empty when nobody does.
    watch: RefCell<Option<Arc<Watch>>>,
    /// Whether `call_soon` and `create_task` are ours: others, of a subclass or of the instance, must be asked each time.
    pub plain: Cell<bool>,
    /// Whether `call_at` and `time` are ours.
    pub plain_timers: Cell<bool>,
    /// Whether one of these was ever set on the instance.
    replaced: Cell<bool>,
    /// Whether `time` is ours.
    pub plain_time: Cell<bool>,
    /// Counts the turns, around the end of the number.
    turn: Cell<u32>,
    pub closed: Cell<bool>,
    pub stopping: Cell<bool>,
    /// The task that is current, or null. Borrowed: asyncio, if it was told, or the step that runs holds it.
    current: Cell<*mut ffi::PyObject>,
    current_id: Cell<u64>,
    /// Whether asyncio learns the current task only when somebody asks; see `enter`.
    tells_when_asked: Cell<bool>,
    /// Whether asyncio has been told of `current`.
    told: Cell<bool>,
    /// Head of the list of tasks that are not done.
    tasks: Cell<*const Task>,
    counts: RefCell<Counts>,
    pub slow_callback_duration: Cell<f64>,
    pub task_factory: Slot,
    /// A function that tells where in the program a task is being made, called for each; empty when nobody wants to know.
    pub task_site: Slot,
    pub doomed: Doomed,
    pub handles: FreeList,
    pub timer_handles: FreeList,
    pub futures: FreeList,
    pub parked_tasks: FreeList,
    pub watched_objects: io::WatchedObjects,
    pub net: crate::net::NetState,
    /// There when the driver is the simulated one.
    pub simulation: Option<Box<Simulation>>,
}

/// The native base of `riata.EventLoop`.
#[pyclass(subclass, frozen, module = "riata._riata", name = "Loop")]
pub struct Loop {
    pub core: LoopCore,
}

impl LoopCore {
    /// The native side of a loop object, if it has one.
    #[inline]
    pub fn of(loop_: &Obj) -> Option<&LoopCore> {
        if let Some(core) = current_task::running_as(loop_) {
            return Some(core);
        }
        loop_
            .is_instance_of(state().loop_type)
            .then(|| engine::core_of(loop_))
    }

    /// Whether its tasks are ours, made without asking anybody: `create_task` is, and there is no factory.
    #[inline]
    pub fn makes_tasks(&self) -> bool {
        self.plain.get() && !self.task_factory.is_set()
    }

    /// The loop object.
    pub fn this(&self) -> Obj {
        engine::shared_this(self)
    }

    #[inline]
    pub fn is_running(&self) -> bool {
        self.owner.get() != 0
    }

    pub fn check_closed(&self) -> Res<()> {
        if self.closed.get() {
            return Err(crate::ffi::raise_runtime_error("Event loop is closed"));
        }
        Ok(())
    }

    /// What `call_soon` refuses: a closed loop and, in debug mode, another thread than the loop's.
    #[inline]
    pub fn check_may_schedule(&self) -> Res<()> {
        if self.closed.get() | self.debug.get() {
            self.check_closed()?;
            self.check_thread()?;
        }
        Ok(())
    }

    /// In debug mode: a callback must be callable.
    #[inline]
    pub fn check_callable(&self, callback: &Obj) -> Res<()> {
        if self.debug.get() {
            self.check_callback(callback, "call_soon")?;
        }
        Ok(())
    }

    /// Debug mode: log a job that took too long.
    pub fn report_slow(&self, job: &Obj, seconds: f64) -> Res<()> {
        let this = self.this();
        let seconds = crate::ffi::float(seconds)?;
        this.get(c"_report_slow_callback")?
            .call(&[job.as_ptr(), seconds.as_ptr()])
            .map(drop)
    }
}
