//! Readiness from kqueue: macOS and the BSDs.
//!
//! # Where kqueue differs from epoll
//!
//! Reading and writing are two filters, added and deleted one by one; an event names one of them. Both may come in one
//! wait, and then they are put together, so that a socket has one event and its reader comes before its writer.
//!
//! A filter belongs to the *descriptor*, not to the open file: closing a descriptor deletes its filters, whoever else
//! has the file open. None of epoll's stale events can occur. Adding a filter that exists changes it, and deleting one
//! that does not is `ENOENT`, which is what was wanted.
//!
//! The end of the stream and errors (`EV_EOF`) count as readable and as writable, as in Python's `selectors` on epoll.
//!
//! A kqueue is *not* inherited by a fork's child: there its number is closed, or something else. So a poller that finds
//! itself in a child (`sys::fork`) makes a new one and fills it from its own table.
#![allow(
    clippy::unnecessary_cast,
    reason = "the types of a kevent's fields differ from one BSD to the next"
)]

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use super::{Interest, Readiness, SocketId};
use crate::sys::{self, kqueue};
use crate::waker::{Signal, Waker};

/// The user event that wakes a wait. User events have their own name space.
const WAKER_IDENT: usize = 0;
/// Events asked for in one wait, at first and at most. What does not fit comes next time.
const EVENTS_MIN: usize = 256;
const EVENTS_MAX: usize = 16 * 1024;

pub(crate) struct Poller {
    kqueue: Arc<Kqueue>,
    /// By number of the descriptor.
    registrations: Vec<Interest>,
    buffer: Vec<kqueue::Event>,
    ready: Vec<(SocketId, Readiness)>,
    waker: Waker,
    fork_generation: u32,
}

/// Shared with the waker, which may outlive the poller.
struct Kqueue(AtomicI32);

impl Kqueue {
    fn fd(&self) -> RawFd {
        self.0.load(Ordering::Relaxed)
    }
}

impl Signal for Arc<Kqueue> {
    fn raise(&self) {
        // It can fail only after a stray `close` of a number that is not the closer's; there is nobody to tell.
        let _ = kqueue::trigger(self.fd(), WAKER_IDENT);
    }
}

impl Drop for Kqueue {
    fn drop(&mut self) {
        let _ = sys::fd::close(self.fd());
    }
}

impl Poller {
    pub(crate) const NAME: &'static str = "kqueue";

    pub(crate) fn new() -> io::Result<Self> {
        sys::fork::watch();
        let kqueue = Arc::new(Kqueue(AtomicI32::new(kqueue::create()?)));
        let poller = Poller {
            registrations: Vec::new(),
            buffer: vec![kqueue::empty_event(); EVENTS_MIN],
            ready: Vec::with_capacity(EVENTS_MIN),
            waker: Waker::new(Arc::clone(&kqueue)),
            kqueue,
            fork_generation: sys::fork::generation(),
        };
        poller.watch_waker()?;
        Ok(poller)
    }

    /// Closes the descriptor. The poller's own waker goes; those handed out keep it open until they go too.
    pub(crate) fn shut(&mut self) {
        let closed = Arc::new(Kqueue(AtomicI32::new(-1)));
        self.waker = Waker::new(Arc::clone(&closed));
        self.kqueue = closed;
        self.registrations.clear();
    }

    /// `CLEAR` makes it edge-triggered: each trigger is one event.
    fn watch_waker(&self) -> io::Result<()> {
        let flags = kqueue::ADD | kqueue::CLEAR;
        kqueue::change(
            self.kqueue.fd(),
            kqueue::event(WAKER_IDENT, kqueue::USER, flags, 0),
        )
    }

    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.check_fork()?;
        self.ready.clear();
        let count = kqueue::wait(self.kqueue.fd(), &mut self.buffer, timeout)?;
        for event in &self.buffer[..count] {
            if event.filter as i16 == kqueue::USER {
                self.waker.acknowledge();
                continue;
            }
            self.ready
                .push((SocketId(event.ident as u32), readiness(event)));
        }
        // One event for each socket: the two filters of one come apart, in any order.
        self.ready.sort_by_key(|(id, _)| *id);
        self.ready.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 |= later.1;
            }
            same
        });
        if count == self.buffer.len() && count < EVENTS_MAX {
            self.buffer.resize(count * 2, kqueue::empty_event());
        }
        Ok(())
    }

    pub(crate) fn events(&mut self) -> impl Iterator<Item = (SocketId, Readiness)> {
        self.ready.drain(..)
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(crate) fn register(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        self.modify(id, interest)
    }

    pub(crate) fn modify(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        self.check_fork()?;
        // Both filters are always put right, whatever the table says: the descriptor may be another than it was.
        let result = self
            .set_filter(id, kqueue::READ, interest.is_readable())
            .and_then(|()| self.set_filter(id, kqueue::WRITE, interest.is_writable()));
        let recorded = if result.is_ok() {
            interest
        } else {
            Interest::NONE
        };
        self.record(id, recorded);
        result
    }

    pub(crate) fn deregister(&mut self, id: SocketId) -> io::Result<()> {
        match self.modify(id, Interest::NONE) {
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(()),
            result => result,
        }
    }

    /// The descriptor is about to be closed, which deletes its filters.
    pub(crate) fn forget(&mut self, id: SocketId) {
        if let Some(interest) = self.registrations.get_mut(id.0 as usize) {
            *interest = Interest::NONE;
        }
    }

    fn set_filter(&self, id: SocketId, filter: i16, wanted: bool) -> io::Result<()> {
        let flags = if wanted { kqueue::ADD } else { kqueue::DELETE };
        match kqueue::change(
            self.kqueue.fd(),
            kqueue::event(id.0 as usize, filter, flags, 0),
        ) {
            Err(error) if !wanted && error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            result => result,
        }
    }

    fn record(&mut self, id: SocketId, interest: Interest) {
        let index = id.0 as usize;
        if index >= self.registrations.len() {
            if interest.is_none() {
                return;
            }
            self.registrations.resize(index + 1, Interest::NONE);
        }
        self.registrations[index] = interest;
    }

    #[inline]
    fn check_fork(&mut self) -> io::Result<()> {
        if self.kqueue.fd() < 0 {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if self.fork_generation == sys::fork::generation() {
            return Ok(());
        }
        self.after_fork()
    }

    /// Gives this process, a forked child, a kqueue of its own.
    #[cold]
    fn after_fork(&mut self) -> io::Result<()> {
        // The old number is not ours to close: the kernel has closed it, and it may be somebody else's by now.
        self.kqueue.0.store(kqueue::create()?, Ordering::Relaxed);
        self.fork_generation = sys::fork::generation();
        self.waker.acknowledge();
        self.watch_waker()?;
        for fd in 0..self.registrations.len() {
            let interest = self.registrations[fd];
            if !interest.is_none() {
                // One that was closed behind our back cannot be watched, and need not be.
                let _ = self.modify(SocketId(fd as u32), interest);
            }
        }
        Ok(())
    }
}

fn readiness(event: &kqueue::Event) -> Readiness {
    let flags = event.flags as u16;
    if flags & (kqueue::EOF | kqueue::ERROR) != 0 {
        Readiness::BOTH
    } else if event.filter as i16 == kqueue::READ {
        Readiness::READABLE
    } else {
        Readiness::WRITABLE
    }
}
