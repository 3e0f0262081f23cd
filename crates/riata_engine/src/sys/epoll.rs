//! epoll, and the eventfd that wakes it.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) use libc::epoll_event as Event;

pub(crate) const IN: u32 = libc::EPOLLIN as u32;
pub(crate) const OUT: u32 = libc::EPOLLOUT as u32;
pub(crate) const EDGE_TRIGGERED: u32 = libc::EPOLLET as u32;

pub(crate) const EMPTY_EVENT: Event = Event { events: 0, u64: 0 };

pub(crate) fn create() -> io::Result<RawFd> {
    // SAFETY: epoll_create1 takes a number and touches no memory of ours.
    syscall!(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

pub(crate) fn add(epoll: RawFd, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_ADD, fd, events, token)
}

pub(crate) fn modify(epoll: RawFd, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_MOD, fd, events, token)
}

pub(crate) fn delete(epoll: RawFd, fd: RawFd) -> io::Result<()> {
    control(epoll, libc::EPOLL_CTL_DEL, fd, 0, 0)
}

fn control(epoll: RawFd, operation: i32, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
    let mut event = Event { events, u64: token };
    // SAFETY: `event` is valid for the call, which only reads it.
    syscall!(unsafe { libc::epoll_ctl(epoll, operation, fd, &mut event) }).map(drop)
}

/// Waits, for ever without a `timeout`; returns how many entries of `events` were written.
pub(crate) fn wait(
    epoll: RawFd,
    events: &mut [Event],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    static HAS_PWAIT2: AtomicBool = AtomicBool::new(true);
    let Some(timeout) = timeout else {
        return wait_ms(epoll, events, -1);
    };
    if timeout.is_zero() {
        return wait_ms(epoll, events, 0);
    }
    // epoll_wait counts in milliseconds: a loop on it sleeps up to one too long, and one that rounds down spins.
    if HAS_PWAIT2.load(Ordering::Relaxed) {
        match pwait2(epoll, events, timeout) {
            // Before Linux 5.11 there is no such call, and some sandboxes forbid what they do not know.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                HAS_PWAIT2.store(false, Ordering::Relaxed);
            }
            result => return result,
        }
    }
    wait_ms(epoll, events, ceil_ms(timeout))
}

fn ceil_ms(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

fn wait_ms(epoll: RawFd, events: &mut [Event], timeout_ms: i32) -> io::Result<usize> {
    let len = events.len() as i32;
    // SAFETY: the kernel writes at most `len` entries to a live, exclusive slice of that length.
    syscall!(unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), len, timeout_ms) })
        .map(|count| count as usize)
}

fn pwait2(epoll: RawFd, events: &mut [Event], timeout: Duration) -> io::Result<usize> {
    // The kernel's 64-bit timespec, whatever libc's own is on this platform.
    let timeout = [timeout.as_secs() as i64, i64::from(timeout.subsec_nanos())];
    let no_signal_mask = std::ptr::null::<libc::sigset_t>();
    // SAFETY: as in `wait_ms`; `timeout` outlives the call and is only read; a null mask changes no signals and its
    // size is ignored.
    syscall!(unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            libc::c_long::from(epoll),
            events.as_mut_ptr(),
            events.len() as libc::c_long,
            timeout.as_ptr(),
            no_signal_mask,
            0 as libc::c_long,
        )
    })
    .map(|count| count as usize)
}

pub(crate) fn eventfd() -> io::Result<RawFd> {
    // SAFETY: eventfd takes numbers and touches no memory of ours.
    syscall!(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
}

/// Adds one to an eventfd.
pub(crate) fn eventfd_signal(fd: RawFd) -> io::Result<()> {
    let one = 1u64.to_ne_bytes();
    // SAFETY: the pointer and the length are those of a live array.
    syscall_uninterrupted!(unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) }).map(drop)
}

/// Makes the number `to` mean what `from` means, and closes `from`.
pub(crate) fn replace(from: RawFd, to: RawFd) -> io::Result<()> {
    // SAFETY: dup3 takes numbers and touches no memory of ours.
    let result = syscall_uninterrupted!(unsafe { libc::dup3(from, to, libc::O_CLOEXEC) }).map(drop);
    super::fd::close(from)?;
    result
}
