//! The one part of a loop that other threads may touch: a queue of jobs and the waker.
//!
//! Invariant: once `park` has said `true`, a push finds `asleep` set and wakes the driver, exactly once. Everything that
//! takes part in that decision is under one lock, so there is no order of two atomics to get wrong; `filled` only saves
//! the lock on turns where nothing came.

use std::fmt;

use crate::ready::Ready;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::waker::Waker;

/// A queue into a running loop, for any thread.
pub struct Inbox<J> {
    state: Mutex<State<J>>,
    /// Whether `state.jobs` holds anything. Written under the lock.
    filled: AtomicBool,
    waker: Waker,
}

struct State<J> {
    jobs: Vec<J>,
    /// The loop waits, or is about to: the next push wakes it.
    asleep: bool,
    closed: bool,
}

impl<J> Inbox<J> {
    pub(crate) fn new(waker: Waker) -> Self {
        Inbox {
            state: Mutex::new(State {
                jobs: Vec::new(),
                asleep: false,
                closed: false,
            }),
            filled: AtomicBool::new(false),
            waker,
        }
    }

    /// Queues `job` and wakes the loop if it sleeps.
    ///
    /// # Errors
    ///
    /// Gives the job back when the inbox is closed.
    pub fn push(&self, job: J) -> Result<(), J> {
        let mut state = self.lock();
        if state.closed {
            return Err(job);
        }
        state.jobs.push(job);
        self.filled.store(true, Ordering::Release);
        let asleep = std::mem::replace(&mut state.asleep, false);
        drop(state);
        if asleep {
            self.waker.wake();
        }
        Ok(())
    }

    /// Refuses every later push, and gives back what nobody has taken.
    pub fn close(&self) -> Vec<J> {
        let mut state = self.lock();
        state.closed = true;
        self.filled.store(false, Ordering::Release);
        std::mem::take(&mut state.jobs)
    }

    /// Wakes the loop's wait without a job, e.g., to make it look at a signal.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Moves what has come to the end of `ready`.
    #[inline]
    pub(crate) fn drain_into(&self, ready: &mut Ready<J>) {
        if self.filled.load(Ordering::Acquire) {
            self.drain_filled_into(ready);
        }
    }

    #[cold]
    fn drain_filled_into(&self, ready: &mut Ready<J>) {
        let mut state = self.lock();
        self.filled.store(false, Ordering::Release);
        ready.extend(state.jobs.drain(..));
    }

    /// Announces that the loop is going to sleep. Says `false`, and announces nothing, when there is work after all.
    pub(crate) fn park(&self) -> bool {
        let mut state = self.lock();
        state.asleep = state.jobs.is_empty();
        state.asleep
    }

    /// The loop is awake again: pushes need not wake it.
    pub(crate) fn unpark(&self) {
        self.lock().asleep = false;
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        // A panic under this lock can come only from `Vec::push` failing to allocate, which leaves the state whole.
        match self.state.lock() {
            Ok(state) => state,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

impl<J> fmt::Debug for Inbox<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("filled", &self.filled)
            .field("waker", &self.waker)
            .finish_non_exhaustive()
    }
}
