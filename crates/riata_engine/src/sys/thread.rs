//! Threads and their signals.

use std::io;
use std::mem::MaybeUninit;

/// A thread, as the system knows it.
#[derive(Copy, Clone)]
pub(crate) struct ThreadId(libc::pthread_t);

// SAFETY: a name, which any thread may use; on some systems its type is a pointer.
unsafe impl Send for ThreadId {}

/// The thread that calls this.
pub(crate) fn current() -> ThreadId {
    // SAFETY: always callable.
    ThreadId(unsafe { libc::pthread_self() })
}

/// Sends a signal to a thread.
///
/// # Safety
///
/// The thread runs.
pub(crate) unsafe fn signal(thread: ThreadId, number: i32) -> io::Result<()> {
    // SAFETY: the caller says that the thread runs; an unknown number is an error.
    match unsafe { libc::pthread_kill(thread.0, number) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// What handles a signal, as a number that differs between handlers; `None` for a number that is no signal's.
pub(crate) fn handler(number: i32) -> Option<usize> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the action is written when the call succeeds, and read only then.
    unsafe {
        match libc::sigaction(number, std::ptr::null(), action.as_mut_ptr()) {
            0 => Some(action.assume_init().sa_sigaction),
            _ => None,
        }
    }
}

/// Lets no signal come to the thread that calls this.
pub(crate) fn block_signals() {
    let mut all = MaybeUninit::uninit();
    // SAFETY: `sigfillset` writes the whole set, which `pthread_sigmask` then reads; neither can fail with these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut());
    }
}
