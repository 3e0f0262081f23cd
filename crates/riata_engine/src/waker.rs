//! Wakes a driver that waits, from any thread.
//!
//! A wake is remembered until the driver has seen it, so a thousand wakes in a row cost one system call.

use std::fmt;
use std::sync::Arc;

use crate::sync::atomic::{AtomicBool, Ordering};

/// How a driver is woken: what [`Waker::wake`] does when no wake is pending.
pub trait Signal: Send + Sync {
    fn raise(&self);
}

/// A handle that makes [`Driver::wait`](crate::Driver::wait) return. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Waker {
    shared: Arc<Shared>,
}

struct Shared {
    pending: AtomicBool,
    signal: Box<dyn Signal>,
}

impl Waker {
    pub fn new(signal: impl Signal + 'static) -> Self {
        Waker {
            shared: Arc::new(Shared {
                pending: AtomicBool::new(false),
                signal: Box::new(signal),
            }),
        }
    }

    /// Makes the wait that is under way return, or the next one if there is none.
    pub fn wake(&self) {
        if !self.shared.pending.swap(true, Ordering::AcqRel) {
            self.shared.signal.raise();
        }
    }

    /// Forgets a pending wake. For drivers: called from `wait`, once the signal has been seen *and taken back*.
    ///
    /// Returns whether a wake was pending. A wake that comes between the signal and this call is not signalled again;
    /// it need not be, since the wait that calls this is about to return.
    pub fn acknowledge(&self) -> bool {
        self.shared.pending.swap(false, Ordering::AcqRel)
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker")
            .field("pending", &self.shared.pending)
            .finish()
    }
}
