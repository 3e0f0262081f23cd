//! A limit for the time that types may take on one file: inference of some files has no end that anybody waits for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use riata_types::{Canceller, Types};

/// How long a thread whose questions were called off has to notice. Inference looks seldom in its longest loops.
const GRACE: Duration = Duration::from_secs(2);

/// What a thread is at.
#[derive(Default)]
pub(crate) struct Slot(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Asks {
        file: usize,
        since: Instant,
        canceller: Canceller,
    },
    /// Nobody waits for the thread any longer.
    Abandoned,
}

impl Slot {
    /// The thread begins with a file; `types` is what it asks.
    pub(crate) fn start(&self, file: usize, types: &Types) {
        let mut state = self.lock();
        if !matches!(*state, State::Abandoned) {
            *state = State::Asks {
                file,
                since: Instant::now(),
                canceller: types.canceller(),
            };
        }
    }

    /// The thread is done with a file. Whether it was called off: its handle on types is of no use then.
    pub(crate) fn stop(&self) -> bool {
        let mut state = self.lock();
        match &*state {
            State::Idle => false,
            State::Asks { canceller, .. } => {
                let cancelled = canceller.is_cancelled();
                *state = State::Idle;
                cancelled
            }
            State::Abandoned => true,
        }
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(*self.lock(), State::Abandoned)
    }

    /// Call off what takes longer than `limit`. When the thread does not notice it is abandoned: gives the file that somebody
    /// else has to check.
    pub(crate) fn enforce(&self, limit: Duration) -> Option<usize> {
        let mut state = self.lock();
        let State::Asks {
            file,
            since,
            canceller,
        } = &*state
        else {
            return None;
        };
        let (file, elapsed) = (*file, since.elapsed());
        if elapsed >= limit {
            // Again and again: a question that starts anew forgets that it was called off.
            canceller.cancel();
        }
        if elapsed < limit + GRACE {
            return None;
        }
        *state = State::Abandoned;
        Some(file)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
