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
}

struct State<J> {
    jobs: Vec<J>,
    /// The loop waits, or is about to: the next push wakes it.
    asleep: bool,
    /// `None` once the inbox is closed: nothing of the driver may be used after that. Waking happens under the lock, so
    /// that no thread is still at it when the driver closes its descriptors.
    waker: Option<Waker>,
}

impl<J> State<J> {
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }
}

impl<J> Inbox<J> {
    pub(crate) fn new(waker: Waker) -> Self {
        Inbox {
            state: Mutex::new(State {
                jobs: Vec::new(),
                asleep: false,
                waker: Some(waker),
            }),
            filled: AtomicBool::new(false),
        }
    }

    /// Queues `job` and wakes the loop if it sleeps.
    ///
    /// # Errors
    ///
    /// Gives the job back when the inbox is closed.
    pub fn push(&self, job: J) -> Result<(), J> {
        let mut state = self.lock();
        if state.waker.is_none() {
            return Err(job);
        }
        state.jobs.push(job);
        self.filled.store(true, Ordering::Release);
        if std::mem::replace(&mut state.asleep, false) {
            state.wake();
        }
        Ok(())
    }

    /// Refuses every later push, and gives back what nobody has taken.
    pub fn close(&self) -> Vec<J> {
        let mut state = self.lock();
        state.waker = None;
        self.filled.store(false, Ordering::Release);
        std::mem::take(&mut state.jobs)
    }

    /// Wakes the loop's wait without a job, e.g., to make it look at a signal.
    pub fn wake(&self) {
        self.lock().wake();
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
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Silent;

    impl crate::waker::Signal for Silent {
        fn raise(&self) {}
    }

    #[test]
    fn a_closed_inbox_gives_jobs_back() {
        let inbox = Inbox::new(Waker::new(Silent));
        assert_eq!(inbox.push(1), Ok(()));
        assert_eq!(inbox.push(2), Ok(()));
        assert_eq!(inbox.close(), [1, 2]);
        assert_eq!(inbox.push(3), Err(3));
        let mut ready = Ready::new();
        inbox.drain_into(&mut ready);
        assert_eq!(ready.pop(), None);
    }

    #[test]
    fn a_loop_with_work_does_not_park() {
        let inbox = Inbox::new(Waker::new(Silent));
        assert!(inbox.park());
        inbox.unpark();
        assert_eq!(inbox.push(1), Ok(()));
        assert!(!inbox.park());
    }
}

/// Every interleaving of a loop that sleeps and threads that push, under loom. It reports a lost wake as a deadlock.
#[cfg(all(test, loom))]
mod models {
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    use super::*;
    use crate::waker::Signal;

    /// What an edge-triggered eventfd in an epoll instance comes to: a bell that is heard once.
    #[derive(Clone)]
    struct Bell(Arc<(Mutex<u32>, Condvar)>);

    impl Bell {
        fn new() -> Self {
            Bell(Arc::new((Mutex::new(0), Condvar::new())))
        }

        fn wait(&self) {
            let mut rung = self.0.0.lock().unwrap();
            while *rung == 0 {
                rung = self.0.1.wait(rung).unwrap();
            }
            *rung = 0;
        }
    }

    impl Signal for Bell {
        fn raise(&self) {
            *self.0.0.lock().unwrap() += 1;
            self.0.1.notify_all();
        }
    }

    #[test]
    fn a_sleeping_loop_hears_of_every_push() {
        loom::model(|| {
            let bell = Bell::new();
            let waker = Waker::new(bell.clone());
            let inbox = Arc::new(Inbox::new(waker.clone()));
            let threads: Vec<_> = (0..2)
                .map(|number| {
                    let inbox = Arc::clone(&inbox);
                    thread::spawn(move || inbox.push(number).unwrap())
                })
                .collect();
            let mut ready = Ready::new();
            let mut seen = [false; 2];
            while seen != [true; 2] {
                // prepare, wait and collect, as in turn.rs and in the poller.
                inbox.drain_into(&mut ready);
                if ready.is_empty() && inbox.park() {
                    bell.wait();
                    waker.acknowledge();
                }
                inbox.unpark();
                inbox.drain_into(&mut ready);
                while let Some(number) = ready.pop() {
                    assert!(!std::mem::replace(&mut seen[number], true));
                }
            }
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn a_bare_wake_ends_a_wait() {
        loom::model(|| {
            let bell = Bell::new();
            let waker = Waker::new(bell.clone());
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let waker = waker.clone();
                    thread::spawn(move || waker.wake())
                })
                .collect();
            // Two wakes end at least one wait, and then another wake ends another wait.
            bell.wait();
            waker.acknowledge();
            for thread in threads {
                thread.join().unwrap();
            }
            waker.wake();
            bell.wait();
            waker.acknowledge();
        });
    }

    #[test]
    fn closing_loses_no_job() {
        loom::model(|| {
            let inbox = Arc::new(Inbox::new(Waker::new(Bell::new())));
            let thread = {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || inbox.push(1).is_ok())
            };
            let left = inbox.close();
            let accepted = thread.join().unwrap();
            assert_eq!(left.len(), usize::from(accepted));
        });
    }
}
