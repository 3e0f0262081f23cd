//! The real world, as far as a simulated loop must know of it: wakes from other threads.
//!
//! A simulated loop with nothing to do and nothing to wait for is stuck, and says so. Unless something outside of the
//! simulation is under way, such as a call in a real thread: then the loop waits for its wake, in real time, and its own
//! clock stands still, so that what it sees does not depend on how long the thread took.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use riata_engine::Signal;

/// Says that work outside of the simulation is under way. From any thread.
#[derive(Clone)]
pub struct Outside {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// A wake has come that no wait has taken.
    rung: bool,
    under_way: usize,
}

/// As long as it lives, the simulation waits for a wake from outside rather than jump or call itself stuck.
pub struct OutsideWork {
    outside: Outside,
}

impl Outside {
    pub(crate) fn new() -> Self {
        Outside {
            shared: Arc::default(),
        }
    }

    /// Begins some work. Whoever does it wakes the loop, and then drops what this returns.
    pub fn begin(&self) -> OutsideWork {
        self.lock().under_way += 1;
        OutsideWork {
            outside: self.clone(),
        }
    }

    /// Takes a wake that has come.
    pub(crate) fn take(&self) -> bool {
        std::mem::take(&mut self.lock().rung)
    }

    /// Waits for a wake while there is work outside, and takes it. `false`: there is no wake, and no work.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.lock();
        loop {
            if std::mem::take(&mut state.rung) {
                return true;
            }
            if state.under_way == 0 {
                return false;
            }
            state = match self.shared.changed.wait(state) {
                Ok(state) => state,
                Err(poisoned) => poisoned.into_inner(),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that could panic runs under this lock.
        match self.shared.state.lock() {
            Ok(state) => state,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

impl Signal for Outside {
    fn raise(&self) {
        self.lock().rung = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for OutsideWork {
    fn drop(&mut self) {
        self.outside.lock().under_way -= 1;
        self.outside.shared.changed.notify_all();
    }
}
