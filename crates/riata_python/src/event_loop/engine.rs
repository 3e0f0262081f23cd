//! The engine of a loop, one small method per use.
//!
//! Every borrow of the engine begins and ends inside one method here, and none of them runs Python code.
#![expect(unsafe_code, reason = "borrows of the engine")]

use std::cell::{Cell, RefCell, UnsafeCell};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pyo3::ffi;
use pyo3::prelude::*;
use riata_engine::{Driver as _, Engine, KernelDriver, Queues, SocketId, Wait};
use riata_trace::{Counts, Event, Sink, TaskId, Waits};

use super::current_task::set_running;
use super::driver::LoopDriver;
use super::simulation::Simulation;
use super::{Loop, LoopCore};
use crate::core::freelist::FreeList;
use crate::core::handle::{Doomed, Handle};
use crate::core::task::Task;
use crate::errors::raise_os_error;
use crate::ffi::{Obj, Res, Slot, thread_state, to_double, without_gil};
use crate::job::{Job, TimerJob};
use crate::state::state;

// SAFETY: fields are touched only by threads that hold the GIL, and never while it is released, but for three: the inbox and
// `lent`, which are made for it, and the engine's driver in `wait`. While that is lent, nothing makes a reference to the
// driver, or to the engine that it is a field of: other threads use `queues`, or `reclaim` first.
unsafe impl Send for LoopCore {}
// SAFETY: as above.
unsafe impl Sync for LoopCore {}

/// The native side of an object that is known to be a loop.
#[inline]
pub fn core_of(loop_: &Obj) -> &LoopCore {
    // SAFETY: the caller checked the type; a frozen class is never borrowed mutably, and `loop_` keeps it alive.
    unsafe {
        let py = Python::assume_attached();
        let object = loop_.as_ptr();
        let bound = Borrowed::from_ptr(py, object);
        let class: Borrowed<'_, '_, Loop> = bound.cast_unchecked();
        let core: *const LoopCore = &raw const class.get().core;
        &*core
    }
}

/// The loop object; `None` for a native base that nobody has initialised.
pub fn shared_this(core: &LoopCore) -> Obj {
    let this = core.this.get();
    if this.is_null() {
        return Obj::none();
    }
    // SAFETY: `this` is set by the object itself, and `core` lives inside it.
    unsafe { Obj::shared(this) }
}

/// A number that no other running thread has.
#[inline]
pub fn thread_token() -> usize {
    // SAFETY: always callable; two running threads never have the same one.
    unsafe { libc::pthread_self() as usize }
}

impl LoopCore {
    pub fn new(simulated: bool) -> io::Result<LoopCore> {
        let engine = Engine::new(LoopDriver::open(simulated)?);
        Ok(LoopCore {
            inbox: engine.inbox(),
            engine: UnsafeCell::new(engine),
            owner: Cell::new(0),
            thread: Cell::new(std::ptr::null_mut()),
            snapshot: Slot::empty(),
            lent: AtomicBool::new(false),
            outer: Cell::new(std::ptr::null()),
            this: Cell::new(std::ptr::null_mut()),
            debug: Cell::new(false),
            timed: Cell::new(false),
            watch: RefCell::default(),
            plain: Cell::new(false),
            plain_timers: Cell::new(true),
            plain_time: Cell::new(true),
            replaced: Cell::new(false),
            turn: Cell::new(0),
            closed: Cell::new(false),
            stopping: Cell::new(false),
            current: Cell::new(std::ptr::null_mut()),
            current_id: Cell::new(0),
            tells_when_asked: Cell::new(false),
            told: Cell::new(false),
            tasks: Cell::new(std::ptr::null()),
            counts: RefCell::new(Counts::default()),
            slow_callback_duration: Cell::new(0.1),
            task_factory: Slot::empty(),
            task_site: Slot::empty(),
            doomed: Doomed::default(),
            handles: FreeList::new(16_384),
            timer_handles: FreeList::new(16_384),
            futures: FreeList::new(1024),
            parked_tasks: FreeList::new(1024),
            watched_objects: super::io::WatchedObjects::default(),
            net: crate::net::NetState::default(),
            simulation: simulated.then(|| Box::new(Simulation::new())),
        })
    }

    /// Tell the core which object it is part of.
    pub fn attach(&self, this: *mut ffi::PyObject) {
        self.this.set(this);
        // SAFETY: a live loop, and the type of all of them.
        let hashes_as_ours = unsafe {
            (*ffi::Py_TYPE(this)).tp_hash.map(|hash| hash as usize)
                == (*state().loop_type).tp_hash.map(|hash| hash as usize)
        };
        self.tells_when_asked
            .set(cfg!(not(Py_3_14)) && hashes_as_ours);
    }

    /// The whole engine, its driver included.
    ///
    /// # Safety
    /// The result is used for one call that runs no Python code and drops no job. The driver is not lent: this is the thread
    /// that runs the loop, or `reclaim` came right before.
    #[inline]
    #[expect(
        clippy::mut_from_ref,
        reason = "an UnsafeCell whose borrows end inside this file"
    )]
    unsafe fn engine(&self) -> &mut Engine<LoopDriver, Job, TimerJob> {
        debug_assert!(!self.lent.load(Ordering::Acquire), "the driver is lent");
        // SAFETY: the GIL is held, the caller keeps the borrow short, and nobody waits: so there is no other.
        unsafe { &mut *self.engine.get() }
    }

    /// What needs no driver, and so is there for any thread while the loop's thread waits.
    ///
    /// # Safety
    /// The result is used for one call that runs no Python code and drops no job.
    #[inline]
    #[expect(
        clippy::mut_from_ref,
        reason = "an UnsafeCell whose borrows end inside this file"
    )]
    unsafe fn queues(&self) -> &mut Queues<Job, TimerJob> {
        // SAFETY: the GIL is held and the caller keeps the borrow short; a wait borrows another field.
        unsafe { &mut (*self.engine.get()).queues }
    }

    /// Whether this thread may touch the ready queue: it runs the loop, or nobody does.
    #[inline]
    pub fn is_owner(&self) -> bool {
        let owner = self.owner.get();
        owner == 0 || owner == thread_token()
    }

    /// Whether this thread runs the loop.
    #[inline]
    pub fn runs_here(&self) -> bool {
        self.owner.get() == thread_token()
    }

    // -------------------------------------------------------------- ready queue

    #[inline]
    pub fn push(&self, job: Job) {
        if self.runs_here() {
            // SAFETY: one call.
            unsafe { self.queues().push(job) }
        } else if self.is_running() {
            self.push_from_outside(job);
        } else {
            show_kept(job.handle());
            // SAFETY: one call.
            unsafe { self.queues().push(job) }
        }
    }

    /// From any thread: the loop wakes up for it.
    pub fn push_from_outside(&self, job: Job) {
        // A closed inbox gives the job back; dropping it is all that is left to do.
        drop(self.inbox.push(job));
    }

    #[inline]
    pub fn pop(&self) -> Option<Job> {
        // SAFETY: one call; the job leaves the engine before anything runs.
        unsafe { self.queues().pop() }
    }

    // -------------------------------------------------------------- time

    #[inline]
    pub fn time(&self) -> f64 {
        if self.simulation.is_some() {
            return self.simulated_time();
        }
        KernelDriver::monotonic()
    }

    #[cold]
    fn simulated_time(&self) -> f64 {
        self.timers_time()
    }

    /// Move the simulated clock to this time.
    pub fn advance_to(&self, when: f64) {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().driver.advance_to(when) };
    }

    /// Queue the timers that are due, though no turn begins.
    pub fn queue_due(&self) {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().queue_due() };
    }

    /// Move the simulated clock to the next timer, if there is one.
    #[cold]
    pub fn jump_to_timer(&self) {
        // SAFETY: one call.
        let next = unsafe { self.queues().next_deadline() };
        self.drop_discarded();
        if let Some(when) = next.filter(|when| when.is_finite()) {
            self.advance_to(when);
        }
    }

    /// The time by which timers are due: that of a `time()` that is not ours, where there is one.
    pub fn timers_time(&self) -> f64 {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().time() }
    }

    /// Ask a `time()` that is not ours, and let the timers be due by it; `to_wait` when it is asked for the length of a wait.
    /// asyncio asks at these two points of a turn.
    #[cold]
    pub fn ask_time(&self, to_wait: bool) -> Res<()> {
        // SAFETY: two calls.
        let waits = unsafe { self.queues().ready_len() == 0 && self.queues().timer_len() > 0 };
        if to_wait && !waits {
            return Ok(());
        }
        let now = to_double(&self.this().method0(&state().names.time)?)?;
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().driver.tell_time(Some(now)) };
        Ok(())
    }

    /// What `judge` in `running.rs` found.
    pub fn set_plain(&self, plain: bool, plain_timers: bool, plain_time: bool) {
        self.plain.set(plain);
        self.plain_timers.set(plain_timers);
        self.plain_time.set(plain_time);
        if plain_time {
            self.reclaim();
            // SAFETY: one call.
            unsafe { self.engine().driver.tell_time(None) };
        }
    }

    pub fn resolution(&self) -> f64 {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().driver.resolution() }
    }

    #[inline]
    pub fn add_timer(&self, when: f64, timer: TimerJob) {
        if !self.is_running() {
            show_kept(timer.handle());
        }
        // SAFETY: one call.
        unsafe { self.queues().add_timer(when, timer) }
        self.drop_discarded();
    }

    /// The timer of this object in the heap was cancelled. Letting go of it may run user code.
    #[inline]
    pub fn timer_cancelled(&self, object: &Obj) {
        let is_it = |timer: &TimerJob| timer.reference().is(object.as_ptr());
        // SAFETY: one call; what it gives is dropped with no borrow live.
        if let Some(timer) = unsafe { self.queues().timer_cancelled(is_it) } {
            leave_heap(&timer);
        }
    }

    /// Drop the cancelled timers that the engine is through with; says whether there were any. This may run user code.
    #[inline]
    fn drop_discarded(&self) -> bool {
        // SAFETY: one call.
        if !unsafe { self.queues().has_discarded() } {
            return false;
        }
        self.drop_discarded_now();
        true
    }

    #[cold]
    fn drop_discarded_now(&self) {
        // SAFETY: one call; what it gives is dropped with no borrow live.
        let discarded = unsafe { self.queues().take_discarded() };
        discarded.iter().for_each(leave_heap);
    }

    // -------------------------------------------------------------- sockets

    /// Watch for reading; the job that was there before comes back.
    pub fn add_reader(&self, id: SocketId, job: Job) -> io::Result<Option<Job>> {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().add_reader(id, job) }
    }

    pub fn add_writer(&self, id: SocketId, job: Job) -> io::Result<Option<Job>> {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().add_writer(id, job) }
    }

    pub fn remove_reader(&self, id: SocketId) -> Option<Job> {
        // SAFETY: one call.
        unsafe { self.queues().remove_reader(id) }
    }

    pub fn remove_writer(&self, id: SocketId) -> Option<Job> {
        // SAFETY: one call.
        unsafe { self.queues().remove_writer(id) }
    }

    /// Tell the kernel now what is not wanted any more: before the descriptor is closed, or handed back to the user.
    pub fn settle(&self, id: SocketId) {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().settle(id) }
    }

    pub fn has_reader(&self, id: SocketId) -> bool {
        // SAFETY: one call.
        unsafe { self.queues().reader(id).is_some() }
    }

    pub fn has_writer(&self, id: SocketId) -> bool {
        // SAFETY: one call.
        unsafe { self.queues().writer(id).is_some() }
    }

    /// Use the driver for one call. `body` must not call Python.
    #[inline]
    pub fn driver<T>(&self, body: impl FnOnce(&mut LoopDriver) -> io::Result<T>) -> io::Result<T> {
        self.reclaim();
        // SAFETY: one call of `body`, which touches the driver only.
        unsafe { body(&mut self.engine().driver) }
    }

    /// Before any use of the driver. While the loop's thread waits, the driver is lent to it, without the GIL: another
    /// thread that wants it wakes that thread, and goes on when it is back. (asyncio does without: its selector may be
    /// changed by a thread while another waits in it.)
    #[inline]
    pub fn reclaim(&self) {
        if self.lent.load(Ordering::Acquire) {
            self.end_wait();
        }
    }

    /// The waiting thread needs nothing of ours to come back, so that holding the GIL meanwhile does no harm: then it
    /// waits for the GIL, and finds what was done here.
    #[cold]
    fn end_wait(&self) {
        self.inbox.wake();
        let mut tries = 0u32;
        while self.lent.load(Ordering::Acquire) {
            tries += 1;
            if tries < 100 {
                std::thread::yield_now();
            } else {
                std::thread::sleep(Duration::from_micros(20));
            }
        }
    }

    /// In a forked child: the thread that waited does not exist here.
    pub fn forked(&self) {
        self.lent.store(false, Ordering::Release);
    }

    // -------------------------------------------------------------- the turn

    pub fn begin_run(&self) {
        self.owner.set(thread_token());
        self.thread.set(thread_state());
        self.outer.set(set_running(self));
        self.forget_snapshot();
        // SAFETY: one call.
        unsafe { self.engine().begin_run() }
        self.drop_discarded();
    }

    /// A loop that does not run may be dropped as it is, with what is queued in it.
    pub fn end_run(&self) {
        self.owner.set(0);
        self.thread.set(std::ptr::null_mut());
        set_running(self.outer.replace(std::ptr::null()));
        self.stopping.set(false);
        // SAFETY: the borrow ends here; telling the collector about a handle runs nothing.
        let queues = unsafe { self.queues() };
        queues.take_in();
        queued_handles(queues).for_each(Handle::leave_queue);
    }

    /// First half of a turn: wait for the kernel unless there is work. The GIL is released only here, and only to sleep.
    pub fn wait(&self) -> Res<()> {
        // SAFETY: one call.
        let wait = unsafe { self.engine().prepare() };
        if wait == Wait::Skip {
            return Ok(());
        }
        self.wait_as(wait)
    }

    fn wait_as(&self, mut wait: Wait) -> Res<()> {
        if matches!(wait, Wait::Until(_) | Wait::Forever) {
            // A signal that has come since does not interrupt the sleep, and its handler may schedule something.
            crate::ffi::check_signals()?;
            // SAFETY: one call.
            wait = unsafe { self.engine().prepare() };
        }
        while self.drop_discarded() {
            // User code may have run, and scheduled something.
            // SAFETY: one call.
            wait = unsafe { self.engine().prepare() };
        }
        if wait == Wait::Skip {
            return Ok(());
        }
        if self.stopping.get() {
            wait = Wait::Poll;
        }
        self.leave()?;
        self.emit(Event::IoWait);
        let waited = if wait == Wait::Poll {
            // SAFETY: one call.
            unsafe { self.engine().driver.wait(wait) }
        } else {
            self.sleep(wait)
        };
        crate::ffi::check_signals()?;
        if wait == Wait::Poll {
            crate::state::state().give_way.call0()?;
        }
        match waited {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if self.simulation.is_some() && error.kind() == io::ErrorKind::Deadlock => {
                // A signal's handler, or another thread, may have scheduled something since.
                // SAFETY: one call.
                match unsafe { self.engine().prepare() } {
                    Wait::Forever | Wait::Until(f64::INFINITY) => self.stuck(),
                    _ => Ok(()),
                }
            }
            Err(error) => Err(raise_os_error(&error)),
        }
    }

    /// Wait for the driver without the GIL. A poll keeps it: whoever waits for it asks for it after
    /// `sys.getswitchinterval()` in which nobody has released it, so releases that are many and short leave that thread to
    /// chance, for seconds. Instead `give_way` looks, as all Python code does, whether it was asked for.
    fn sleep(&self, wait: Wait) -> io::Result<()> {
        // SAFETY: while the GIL is released only the driver is borrowed. Until it is back, `queues` is apart from it and
        // `reclaim` keeps everything else away.
        unsafe {
            let driver = DriverPtr(&raw mut (*self.engine.get()).driver);
            self.lent.store(true, Ordering::Release);
            without_gil(move || {
                let waited = driver.wait(wait);
                self.lent.store(false, Ordering::Release);
                waited
            })
        }
    }

    /// Second half: how many jobs are to run in this turn.
    #[inline]
    pub fn collect(&self) -> usize {
        self.turn.set(self.turn.get().wrapping_add(1));
        // SAFETY: one call; cloning a job takes a reference and runs nothing.
        let count = unsafe { self.engine().collect() };
        self.drop_discarded();
        count
    }

    /// How many of the jobs that are ready are steps of asyncio's own tasks.
    pub fn foreign_steps(&self) -> usize {
        // SAFETY: looks at what is there, and runs no Python code.
        let queues = unsafe { self.queues() };
        let handles = queues.jobs().filter_map(Job::handle);
        handles
            .filter(|handle| Handle::of(handle).steps_a_task())
            .count()
    }

    /// The number of this turn.
    #[inline]
    pub fn turn(&self) -> u32 {
        self.turn.get()
    }

    /// Everything that was queued, for the caller to drop.
    pub fn clear(&self) -> Vec<Job> {
        self.reclaim();
        // SAFETY: one call.
        let jobs = unsafe { self.engine().clear() };
        self.drop_discarded();
        self.forget_snapshot();
        for job in &jobs {
            match job {
                Job::Handle(handle) => Handle::leave_queue(handle),
                Job::Net(object, event) => crate::net::discard(self, object, *event),
                _ => {}
            }
        }
        self.watched_objects.clear();
        jobs
    }

    /// Let go of the kernel's objects; the queues are empty by now.
    pub fn shut(&self) {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().driver.shut() }
    }

    // -------------------------------------------------------------- events

    #[inline]
    fn emit(&self, event: Event) {
        // The sink runs no Python code, so it is never borrowed twice.
        self.counts.borrow_mut().emit(event);
    }

    fn current_task(&self) -> TaskId {
        TaskId(self.current_id.get())
    }

    #[inline]
    pub fn spawned(&self, task: TaskId) {
        self.emit(Event::Spawn {
            task,
            by: self.current_task(),
        });
    }

    #[inline]
    pub fn stepping(&self, task: TaskId) {
        self.emit(Event::Step { task });
    }

    /// Queue the step of a task whose future is done.
    #[inline]
    pub fn wake(&self, task: Obj) {
        self.emit(Event::Wake {
            task: TaskId(Task::of(&task).id.get()),
            by: self.current_task(),
        });
        self.push(Job::Wake(task));
    }

    #[inline]
    pub fn parked(&self, task: TaskId, waits: Waits, owner: TaskId) {
        self.emit(Event::Park { task, waits, owner });
    }

    #[inline]
    pub fn finished(&self, task: TaskId) {
        self.emit(Event::Finish { task });
    }

    #[inline]
    pub fn cancelled(&self, task: TaskId) {
        self.emit(Event::Cancel {
            task,
            by: self.current_task(),
        });
    }

    #[cfg(feature = "faults")]
    pub fn fault_counts(&self) -> Vec<(String, u64)> {
        self.reclaim();
        // SAFETY: one call.
        unsafe { self.engine().driver.fault_counts() }
    }

    /// The handles that wait for their time, cancelled ones among them.
    pub fn scheduled(&self) -> Vec<Obj> {
        // SAFETY: cloning references runs no Python code.
        let queues = unsafe { self.queues() };
        queues
            .timers()
            .filter_map(TimerJob::handle)
            .cloned()
            .collect()
    }

    /// What can end a wait: jobs that are ready, timers that are not cancelled, descriptors that are watched.
    pub fn pending(&self) -> (usize, usize, usize) {
        // SAFETY: these calls look at what is there, and run no Python code.
        let queues = unsafe { self.queues() };
        (queues.ready_len(), queues.timer_len(), queues.watched())
    }

    /// What the counting sink has seen.
    pub fn counts(&self) -> Counts {
        self.counts.borrow().clone()
    }
}

/// A cancelled timer is in the heap no longer.
#[inline]
fn leave_heap(timer: &TimerJob) {
    if let Some(handle) = timer.handle() {
        Handle::of(handle).leave_heap();
        Handle::leave_queue(handle);
    }
}

/// Every handle in the queues, ready or waiting.
fn queued_handles(queues: &Queues<Job, TimerJob>) -> impl Iterator<Item = &Obj> {
    let ready = queues.jobs().filter_map(Job::handle);
    ready.chain(queues.timers().filter_map(TimerJob::handle))
}

/// Tell the collector about a queued handle that somebody keeps, unless its loop runs and so is no garbage: what keeps it
/// may be garbage together with the loop.
fn show_kept(handle: Option<&Obj>) {
    if let Some(handle) = handle {
        Handle::leave_queue(handle);
    }
}

/// Carries the driver across the release of the GIL; it stays on its thread.
struct DriverPtr(*mut LoopDriver);

impl DriverPtr {
    /// # Safety
    /// Nothing else touches the driver meanwhile.
    unsafe fn wait(&self, wait: Wait) -> io::Result<()> {
        // SAFETY: the caller promises exclusive use.
        unsafe { (*self.0).wait(wait) }
    }
}

/// Show the garbage collector what a loop holds.
pub fn traverse(core: &LoopCore, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
    // SAFETY: a traversal runs with the GIL held and no other borrow of the queues live, since nothing here allocates objects.
    let queues = unsafe { &(*core.engine.get()).queues };
    for job in queues.jobs() {
        for reference in job.references().into_iter().flatten() {
            visit.call(reference.as_py())?;
        }
    }
    for timer in queues.timers() {
        visit.call(timer.reference().as_py())?;
    }
    for reference in queued_handles(queues).flat_map(Handle::queued_references) {
        visit.call(reference)?;
    }
    core.watched_objects.visit(visit)?;
    for slot in [&core.task_factory, &core.task_site, &core.snapshot] {
        if let Some(object) = slot.as_py() {
            visit.call(object)?;
        }
    }
    Ok(())
}
