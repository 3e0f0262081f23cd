//! Calling off what a thread asks of types, from another one: some files take longer than anybody waits.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use salsa::Database as _;

use crate::database::Database;

/// Calls off the questions to one handle of `Types`, now and from then on: the question at hand unwinds, and each later
/// one does at once. Clones of that handle are not affected.
pub struct Canceller {
    token: salsa::CancellationToken,
    cancelled: Arc<AtomicBool>,
}

impl Canceller {
    pub(crate) fn new(db: &Database, cancelled: Arc<AtomicBool>) -> Self {
        Self { token: db.cancellation_token(), cancelled }
    }

    pub fn cancel(&self) {
        // In this order: whoever is stopped by the token looks at the flag.
        self.cancelled.store(true, Ordering::Release);
        self.token.cancel();
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

/// The payload with which cancelled questions unwind.
struct Cancelled;

pub(crate) fn unwind() -> ! {
    resume_unwind(Box::new(Cancelled))
}

/// Whether a panic is one of questions that were called off.
pub fn is_cancellation(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Cancelled>() || payload.is::<salsa::Cancelled>()
}
