//! A limit for the time that types may take on one file: inference of some files has no end that anybody waits for.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use riata_types::{Canceller, Types};

/// How often the clock is looked at.
const STEP: Duration = Duration::from_millis(50);

/// The questions that are watched, one slot for each thread that asks.
#[derive(Default)]
pub(crate) struct Limit {
    slots: Mutex<Vec<Arc<Slot>>>,
}

/// What a thread is at: since when, and how to call it off.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<(Instant, Canceller)>>);

impl Limit {
    pub(crate) fn slot(&self) -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&slot));
        slot
    }

    /// Call off what takes longer than `limit`, until the other end of `done` is dropped.
    pub(crate) fn watch(&self, limit: Duration, done: &Receiver<()>) {
        while done.recv_timeout(STEP.min(limit)) == Err(RecvTimeoutError::Timeout) {
            let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            for slot in slots.iter() {
                let slot = slot.0.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((since, canceller)) = &*slot
                    && since.elapsed() >= limit
                {
                    // Again and again: a question that starts anew forgets that it was called off.
                    canceller.cancel();
                }
            }
        }
    }
}

impl Slot {
    pub(crate) fn start(&self, types: &Types) {
        *self.lock() = Some((Instant::now(), types.canceller()));
    }

    /// Whether what was started has been called off. Its handle on types is of no use then.
    pub(crate) fn stop(&self) -> bool {
        self.lock().take().is_some_and(|(_, canceller)| canceller.is_cancelled())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Canceller)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
