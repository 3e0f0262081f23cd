//! The three system calls that the standard library does not offer. The only room for `unsafe`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// A level-triggered epoll instance; tokens are the caller's own numbers.
pub struct Poller {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

#[derive(Copy, Clone)]
pub struct Event {
    pub token: usize,
    pub readable: bool,
    pub writable: bool,
}

impl Poller {
    pub fn new(capacity: usize) -> io::Result<Self> {
        // SAFETY: takes no pointers; a non-negative result is a new descriptor that nobody else owns.
        let fd = unsafe {
            let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(fd)
        };
        Ok(Poller {
            fd,
            events: vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)],
        })
    }

    pub fn add(&self, fd: RawFd, token: usize) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, false)
    }

    pub fn want_write(&self, fd: RawFd, token: usize, write: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, write)
    }

    fn control(&self, operation: i32, fd: RawFd, token: usize, write: bool) -> io::Result<()> {
        let interest = libc::EPOLLIN | if write { libc::EPOLLOUT } else { 0 };
        let mut event = libc::epoll_event {
            events: interest as u32,
            u64: token as u64,
        };
        // SAFETY: `event` lives through the call, and the kernel keeps no pointer to it.
        let result = unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &mut event) };
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Waits, and appends what is ready to `ready`, which is emptied first.
    pub fn wait(&mut self, limit: Duration, ready: &mut Vec<Event>) -> io::Result<()> {
        ready.clear();
        let milliseconds = limit.as_millis().min(i32::MAX as u128) as i32;
        // SAFETY: the buffer is as long as said, and is not touched until the call returns.
        let count = unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                self.events.as_mut_ptr(),
                self.events.len() as i32,
                milliseconds,
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted {
                Ok(())
            } else {
                Err(error)
            };
        }
        for event in &self.events[..count as usize] {
            let flags = event.events as i32;
            ready.push(Event {
                token: event.u64 as usize,
                readable: flags & (libc::EPOLLIN | libc::EPOLLHUP | libc::EPOLLERR) != 0,
                writable: flags & libc::EPOLLOUT != 0,
            });
        }
        Ok(())
    }
}

/// CPU time, user and system, of all threads of another process, to the nanosecond.
pub struct ProcessClock(libc::clockid_t);

impl ProcessClock {
    pub fn of(pid: i32) -> io::Result<Self> {
        let mut id: libc::clockid_t = 0;
        // SAFETY: `id` lives through the call.
        match unsafe { libc::clock_getcpuclockid(pid, &mut id) } {
            0 => Ok(ProcessClock(id)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    pub fn nanoseconds(&self) -> io::Result<u64> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` lives through the call.
        if unsafe { libc::clock_gettime(self.0, &mut time) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }
}

/// Allows as many open files as the machine's hard limit does.
pub fn raise_file_limit() -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` lives through both calls.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) < 0 {
            return Err(io::Error::last_os_error());
        }
        limit.rlim_cur = limit.rlim_max;
        if libc::setrlimit(libc::RLIMIT_NOFILE, &limit) < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
