//! kqueue, with a user event to wake it.
#![allow(
    clippy::unnecessary_cast,
    reason = "the types of a kevent's fields differ from one BSD to the next"
)]

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

pub(crate) use libc::kevent as Event;

pub(crate) const READ: i16 = libc::EVFILT_READ as i16;
pub(crate) const WRITE: i16 = libc::EVFILT_WRITE as i16;
pub(crate) const USER: i16 = libc::EVFILT_USER as i16;
pub(crate) const ADD: u16 = libc::EV_ADD as u16;
pub(crate) const DELETE: u16 = libc::EV_DELETE as u16;
pub(crate) const CLEAR: u16 = libc::EV_CLEAR as u16;
pub(crate) const ERROR: u16 = libc::EV_ERROR as u16;
pub(crate) const EOF: u16 = libc::EV_EOF as u16;

pub(crate) fn create() -> io::Result<RawFd> {
    // SAFETY: kqueue takes nothing and touches no memory of ours.
    let fd = syscall!(unsafe { libc::kqueue() })?;
    // SAFETY: F_SETFD takes an int by value.
    syscall!(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(fd)
}

pub(crate) fn event(ident: usize, filter: i16, flags: u16, token: usize) -> Event {
    // SAFETY: a kevent is integers and a pointer that the kernel only carries, for which zero is a value.
    let mut event: Event = unsafe { std::mem::zeroed() };
    event.ident = ident as _;
    event.filter = filter as _;
    event.flags = flags as _;
    event.udata = token as _;
    event
}

pub(crate) fn empty_event() -> Event {
    event(0, 0, 0, 0)
}

/// Applies one change.
pub(crate) fn change(kqueue: RawFd, change: Event) -> io::Result<()> {
    // SAFETY: one change is read from a live value; no events are asked for.
    syscall_uninterrupted!(unsafe {
        libc::kevent(
            kqueue,
            &change,
            1,
            std::ptr::null_mut(),
            0,
            std::ptr::null(),
        )
    })
    .map(drop)
}

/// Triggers the user event `ident`, from any thread.
pub(crate) fn trigger(kqueue: RawFd, ident: usize) -> io::Result<()> {
    let mut event = event(ident, USER, 0, 0);
    event.fflags = libc::NOTE_TRIGGER as _;
    change(kqueue, event)
}

/// Waits, for ever without a `timeout`; returns how many entries of `events` were written.
pub(crate) fn wait(
    kqueue: RawFd,
    events: &mut [Event],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as _,
    });
    let timeout = timeout
        .as_ref()
        .map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the kernel writes at most `len` entries to a live, exclusive slice of that length; `timeout` is null or
    // points to a timespec that outlives the call.
    syscall!(unsafe {
        libc::kevent(
            kqueue,
            std::ptr::null(),
            0,
            events.as_mut_ptr(),
            events.len() as _,
            timeout,
        )
    })
    .map(|count| count as usize)
}
