//! Readiness from Linux's epoll.
//!
//! # epoll's surprises
//!
//! epoll does not watch file descriptors. It watches *open files*, under the number that the descriptor had when it was
//! added. The two part company whenever a descriptor is closed, and four things follow.
//!
//! **A closed descriptor leaves by itself, silently, if nobody else has the file open.** Its number is soon used again,
//! and then what we believe about the number is wrong. So our table is only a guess at which call to make: `MOD` that
//! finds nothing (`ENOENT`) becomes `ADD`, `ADD` that finds something (`EEXIST`) becomes `MOD`, and `DEL` of what is gone
//! (`ENOENT`, `EBADF`) has done its work.
//!
//! **A closed descriptor does not leave if somebody else has the file open**: a duplicate, or a child process. epoll
//! goes on reporting it, level-triggered, and there is no number left with which to delete it. So every registration has
//! a generation, which travels in the event's data beside the number: an event of an old generation is not shown to
//! anybody. If such events keep coming, each wait would return at once, for ever; the only way to lose them is a new
//! epoll instance with all that is current, and that is what `rebuild` makes.
//!
//! **A child process shares the instance.** What a fork's child adds or deletes, it adds or deletes for its parent. So
//! a poller that finds itself in a child (`sys::fork`) rebuilds first, under the same numbers, and leaves the parent's
//! instance alone; likewise the eventfd, or a child's wake would be taken for the parent's.
//!
//! **Hang-ups and errors are reported whether or not they were asked for**, even with an empty set of events. A socket
//! that nobody watches must therefore be deleted, not merely modified to nothing. And both count as readable and as
//! writable, as in Python's `selectors`, so that whoever does watch goes and finds out.
//!
//! Regular files are refused (`EPERM`), as they are always ready; asyncio's users know this as `PermissionError`.

use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use super::{Interest, Readiness, SocketId};
use crate::sys::{self, epoll};
use crate::waker::{Signal, Waker};

/// The token of the eventfd; no descriptor has it, since their numbers are positive.
const WAKER_TOKEN: u64 = u64::MAX;
/// Events asked for in one wait, at first and at most. What does not fit comes next time: epoll takes turns.
const EVENTS_MIN: usize = 256;
const EVENTS_MAX: usize = 16 * 1024;
/// Waits in a row that may show an event of an old registration before the instance is rebuilt.
const STALE_WAITS_MAX: u32 = 16;

#[derive(Clone, Copy)]
struct Registration {
    interest: Interest,
    generation: u32,
}

pub(crate) struct Poller {
    epoll: RawFd,
    /// By number of the descriptor.
    registrations: Vec<Registration>,
    buffer: Vec<epoll::Event>,
    ready: Vec<(SocketId, Readiness)>,
    waker: Waker,
    eventfd: Arc<EventFd>,
    stale_waits: u32,
    fork_generation: u32,
}

struct EventFd(RawFd);

impl Signal for EventFd {
    fn raise(&self) {
        // It can fail only when the counter is full (then the loop is awake) or after a stray `close` of a number that
        // is not the closer's; either way there is nobody to tell.
        let _ = epoll::eventfd_signal(self.0);
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        let _ = sys::fd::close(self.0);
    }
}

impl Signal for Arc<EventFd> {
    fn raise(&self) {
        (**self).raise();
    }
}

impl Poller {
    pub(crate) const NAME: &'static str = "epoll";

    pub(crate) fn new() -> io::Result<Self> {
        sys::fork::watch();
        let eventfd = Arc::new(EventFd(epoll::eventfd()?));
        let poller = Poller {
            epoll: epoll::create()?,
            registrations: Vec::new(),
            buffer: vec![epoll::EMPTY_EVENT; EVENTS_MIN],
            ready: Vec::with_capacity(EVENTS_MIN),
            waker: Waker::new(Arc::clone(&eventfd)),
            eventfd,
            stale_waits: 0,
            fork_generation: sys::fork::generation(),
        };
        poller.watch_eventfd(poller.epoll)?;
        Ok(poller)
    }

    /// Closes both descriptors. The poller's own waker goes; those handed out keep the eventfd open until they go too.
    pub(crate) fn shut(&mut self) {
        let closed = Arc::new(EventFd(-1));
        self.waker = Waker::new(Arc::clone(&closed));
        self.eventfd = closed;
        self.registrations.clear();
        let _ = sys::fd::close(mem::replace(&mut self.epoll, -1));
    }

    /// Edge-triggered: each signal is one event, and nobody needs to read the counter back to zero.
    fn watch_eventfd(&self, epoll: RawFd) -> io::Result<()> {
        epoll::add(
            epoll,
            self.eventfd.0,
            epoll::IN | epoll::EDGE_TRIGGERED,
            WAKER_TOKEN,
        )
    }

    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.check_fork()?;
        self.ready.clear();
        let count = epoll::wait(self.epoll, &mut self.buffer, timeout)?;
        let mut stale = false;
        for event in &self.buffer[..count] {
            let (flags, token) = (event.events, event.u64);
            if token == WAKER_TOKEN {
                self.waker.acknowledge();
                continue;
            }
            let (fd, generation) = (token as u32, (token >> 32) as u32);
            match self.registrations.get(fd as usize) {
                Some(current)
                    if current.generation == generation && !current.interest.is_none() =>
                {
                    self.ready.push((SocketId(fd), readiness(flags)));
                }
                _ => stale = true,
            }
        }
        if count == self.buffer.len() && count < EVENTS_MAX {
            self.buffer.resize(count * 2, epoll::EMPTY_EVENT);
        }
        self.stale_waits = if stale { self.stale_waits + 1 } else { 0 };
        if self.stale_waits > STALE_WAITS_MAX {
            self.stale_waits = 0;
            self.rebuild()?;
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
        if interest.is_none() {
            return self.deregister(id);
        }
        self.check_fork()?;
        let fd = id.0 as RawFd;
        let current = self.registrations.get(id.0 as usize).copied();
        let current = current.unwrap_or(Registration {
            interest: Interest::NONE,
            generation: 0,
        });
        let modify =
            |generation| epoll::modify(self.epoll, fd, flags(interest), token(id, generation));
        let add = |generation| epoll::add(self.epoll, fd, flags(interest), token(id, generation));
        let fresh = current.generation.wrapping_add(1);
        let (result, generation) = if current.interest.is_none() {
            match add(fresh) {
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => (modify(fresh), fresh),
                result => (result, fresh),
            }
        } else {
            match modify(current.generation) {
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => (add(fresh), fresh),
                result => (result, current.generation),
            }
        };
        if let Err(error) = result {
            if let Some(registration) = self.registrations.get_mut(id.0 as usize) {
                registration.interest = Interest::NONE;
            }
            return Err(error);
        }
        self.record(
            id,
            Registration {
                interest,
                generation,
            },
        );
        Ok(())
    }

    pub(crate) fn deregister(&mut self, id: SocketId) -> io::Result<()> {
        self.check_fork()?;
        self.forget(id);
        match epoll::delete(self.epoll, id.0 as RawFd) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EBADF)) => {
                Ok(())
            }
            // What epoll never accepted, it does not hold either.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(()),
            result => result,
        }
    }

    /// The descriptor is about to be closed, which deletes it from the instance.
    pub(crate) fn forget(&mut self, id: SocketId) {
        if let Some(registration) = self.registrations.get_mut(id.0 as usize) {
            registration.interest = Interest::NONE;
        }
    }

    fn record(&mut self, id: SocketId, registration: Registration) {
        let index = id.0 as usize;
        if index >= self.registrations.len() {
            let none = Registration {
                interest: Interest::NONE,
                generation: 0,
            };
            self.registrations.resize(index + 1, none);
        }
        self.registrations[index] = registration;
    }

    #[inline]
    fn check_fork(&mut self) -> io::Result<()> {
        if self.epoll < 0 {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if self.fork_generation == sys::fork::generation() {
            return Ok(());
        }
        self.after_fork()
    }

    /// Gives this process, a forked child, an instance and an eventfd of its own, under the same numbers.
    #[cold]
    fn after_fork(&mut self) -> io::Result<()> {
        epoll::replace(epoll::eventfd()?, self.eventfd.0)?;
        self.waker.acknowledge();
        self.rebuild()?;
        self.fork_generation = sys::fork::generation();
        Ok(())
    }

    /// Replaces the instance by a new one that holds what is current, and nothing else.
    #[cold]
    fn rebuild(&mut self) -> io::Result<()> {
        let fresh = epoll::create()?;
        let filled = self.watch_eventfd(fresh);
        for (fd, registration) in self.registrations.iter_mut().enumerate() {
            if registration.interest.is_none() {
                continue;
            }
            let token = token(SocketId(fd as u32), registration.generation);
            if epoll::add(fresh, fd as RawFd, flags(registration.interest), token).is_err() {
                // Closed behind our back, as the entry that made us rebuild was.
                registration.interest = Interest::NONE;
            }
        }
        epoll::replace(fresh, self.epoll)?;
        filled
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        let _ = sys::fd::close(mem::replace(&mut self.epoll, -1));
    }
}

fn token(id: SocketId, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(id.0)
}

fn flags(interest: Interest) -> u32 {
    let readable = if interest.is_readable() { epoll::IN } else { 0 };
    let writable = if interest.is_writable() {
        epoll::OUT
    } else {
        0
    };
    readable | writable
}

#[inline]
fn readiness(flags: u32) -> Readiness {
    let mut readiness = Readiness::NONE;
    if flags & !epoll::OUT != 0 {
        readiness |= Readiness::READABLE;
    }
    if flags & !epoll::IN != 0 {
        readiness |= Readiness::WRITABLE;
    }
    readiness
}
