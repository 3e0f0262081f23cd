//! Notices that this process is the child of a fork.
//!
//! A process-wide counter and not a `getpid()` per call: that is a system call, and this is asked before every wait.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// A number that differs between a process and its forked children.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Makes `generation` count. Call it before relying on it; more than once does no harm.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: `in_child` lives as long as the program and does nothing but an atomic addition, which is allowed
        // between fork and exec. A failure (out of memory) leaves the counter at rest, as if there were no fork.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}
