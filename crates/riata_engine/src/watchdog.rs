//! Sends a signal to a thread that is busy with one job for too long, so that the handler can tell with what.
//!
//! A thread of its own watches, which needs nothing that the busy one may hold: no lock of the jobs', no GIL. What is
//! deliberately absent: the handler of the signal. Whoever starts a watchdog has installed one before; where somebody has put
//! another in its place, or none, no signal is sent: it might end the process.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::sys::{clock, fork, thread};

/// The watching thread; it ends when this is dropped.
pub struct Watchdog {
    watch: Arc<Watch>,
    thread: Option<JoinHandle<()>>,
    generation: u32,
}

/// What the watched thread and the watching one share.
pub struct Watch {
    signal: i32,
    /// What handles the signal.
    handler: Option<usize>,
    state: Mutex<State>,
    changed: Condvar,
    /// When the job began that runs; 0 while none does. Nanoseconds of the monotonic clock, as all here.
    began: AtomicU64,
    /// The `began` of the job for which the signal was sent.
    told: AtomicU64,
    generation: u32,
}

#[derive(Default)]
struct State {
    watched: Option<Watched>,
    /// How long the thread waits before it looks again; `None` until it is told to. A thread that is watched again and again, as
    /// in tests, tells it nothing: that would be two switches between threads each time.
    pause: Option<Duration>,
    /// How often it has looked in a row while nobody was watched.
    idle_looks: u32,
    ends: bool,
}

/// After so many of them the watchdog waits to be told.
const IDLE_LOOKS: u32 = 40;

#[derive(Copy, Clone)]
struct Watched {
    thread: thread::ThreadId,
    after: u64,
}

impl Watchdog {
    /// Starts the thread. It will send `signal`.
    ///
    /// # Errors
    ///
    /// The system has no more threads.
    pub fn start(signal: i32) -> io::Result<Watchdog> {
        fork::watch();
        let watch = Arc::new(Watch {
            signal,
            handler: thread::handler(signal),
            state: Mutex::default(),
            changed: Condvar::new(),
            began: AtomicU64::new(0),
            told: AtomicU64::new(0),
            generation: fork::generation(),
        });
        let shared = watch.clone();
        let thread = std::thread::Builder::new()
            .name("riata-watchdog".to_owned())
            .spawn(move || {
                thread::block_signals();
                shared.run();
            })?;
        Ok(Watchdog {
            generation: watch.generation,
            watch,
            thread: Some(thread),
        })
    }

    pub fn watch(&self) -> Arc<Watch> {
        self.watch.clone()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The child of a fork has no such thread, and its copy of the lock may be held for ever.
        if self.generation != fork::generation() {
            return;
        }
        self.watch.lock().ends = true;
        self.watch.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It does not panic; and if it did, it would have ended.
            let _ = thread.join();
        }
    }
}

impl Watch {
    /// Watches the thread that calls this, whose jobs are not to take longer than `after`.
    pub fn begin(&self, after: Duration) {
        if self.generation != fork::generation() {
            return;
        }
        let mut state = self.lock();
        state.watched = Some(Watched {
            thread: thread::current(),
            after: u64::try_from(after.as_nanos()).unwrap_or(u64::MAX),
        });
        // A job is found when it has taken at most a quarter longer than it may.
        let pause = (after / 4).clamp(Duration::from_millis(1), Duration::from_secs(1));
        if state.pause.is_none_or(|before| pause < before) {
            state.pause = Some(pause);
            self.changed.notify_all();
        }
    }

    /// Watches no longer. From now on the thread gets no signal.
    pub fn end(&self) {
        if self.generation == fork::generation() {
            self.lock().watched = None;
        }
    }

    /// Whether the handler of the signal is still that which was there when the watchdog was started.
    pub fn is_handled(&self) -> bool {
        thread::handler(self.signal) == self.handler
    }

    /// A job begins, in the thread that is watched. Returns its name for `job_ends`.
    pub fn job_begins(&self) -> u64 {
        let now = clock::monotonic_nanos();
        self.began.store(now, Ordering::Relaxed);
        now
    }

    /// The job has ended: says how long it took, if the signal was sent for it.
    pub fn job_ends(&self, began: u64) -> Option<Duration> {
        self.began.store(0, Ordering::Relaxed);
        let was_told = self.told.load(Ordering::Relaxed) == began;
        was_told.then(|| Duration::from_nanos(clock::monotonic_nanos() - began))
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.ends {
            match state.watched {
                Some(watched) => {
                    state.idle_looks = 0;
                    self.look(watched);
                }
                None => {
                    state.idle_looks += 1;
                    if state.idle_looks > IDLE_LOOKS {
                        state.pause = None;
                    }
                }
            }
            state = match state.pause {
                None => wait(&self.changed, state),
                Some(pause) => wait_for(&self.changed, state, pause),
            };
        }
    }

    /// Called with the lock held, without which the thread does not leave: so it runs.
    fn look(&self, watched: Watched) {
        let began = self.began.load(Ordering::Relaxed);
        if began == 0 || began == self.told.load(Ordering::Relaxed) {
            return;
        }
        if clock::monotonic_nanos().saturating_sub(began) >= watched.after && self.is_handled() {
            self.told.store(began, Ordering::Relaxed);
            #[expect(unsafe_code, reason = "the fact that makes it sound is this module's")]
            // SAFETY: it runs, since it calls `end` before it ends, which waits for the lock that is held here.
            let sent = unsafe { thread::signal(watched.thread, self.signal) };
            if sent.is_err() {
                self.told.store(0, Ordering::Relaxed);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that could panic runs under this lock.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn wait<'a>(changed: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    changed
        .wait(state)
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn wait_for<'a>(
    changed: &Condvar,
    state: MutexGuard<'a, State>,
    pause: Duration,
) -> MutexGuard<'a, State> {
    match changed.wait_timeout(state, pause) {
        Ok((state, _)) => state,
        Err(poisoned) => poisoned.into_inner().0,
    }
}
