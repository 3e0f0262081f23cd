//! The driver for production: the kernel's sockets, its poller and its monotonic clock.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown};
use std::os::fd::RawFd;
use std::time::Duration;

use super::poller::Poller;
use super::quantum::Quantum;
use super::{Connection, Domain, Driver, Interest, Kind, Readiness, Seconds, SocketId, Wait};
use crate::addr::SocketAddr;
use crate::sys::{self, socket};
use crate::waker::Waker;

/// The longest single wait. A loop that wakes once a day for nothing does no harm, and no arithmetic can overflow.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How far the coarse clock may lag behind: a tick of the slowest kernels is 10 ms, and a tick may be late.
const COARSE_LAG_MAX: Seconds = 0.05;

/// Sockets, readiness and time from the operating system.
pub struct KernelDriver {
    poller: Poller,
    quantum: Quantum,
    /// What the clock was told to say, see [`tell_time`](Self::tell_time).
    told: Option<Seconds>,
}

impl KernelDriver {
    /// What the kernel calls its readiness interface.
    pub const NAME: &'static str = Poller::NAME;

    /// # Errors
    ///
    /// When the process may not open any more files.
    pub fn new() -> io::Result<Self> {
        Ok(KernelDriver {
            poller: Poller::new()?,
            quantum: Quantum::new(),
            told: None,
        })
    }

    /// Makes this the time, until told otherwise: for a program that has a clock of its own. `None`: the kernel's again.
    pub fn tell_time(&mut self, now: Option<Seconds>) {
        self.told = now;
    }

    /// The kernel's time, whatever the driver was told.
    #[inline]
    pub fn monotonic() -> Seconds {
        sys::clock::monotonic()
    }

    /// Closes what the driver holds of the kernel's. Sockets are their owners' to close; after this, watching one fails.
    pub fn shut(&mut self) {
        self.poller.shut();
    }

    fn timeout(&self, wait: Wait) -> Option<Duration> {
        match wait {
            Wait::Skip | Wait::Poll => Some(Duration::ZERO),
            Wait::Until(when) => {
                let seconds = when - self.now();
                // An infinite deadline is far away too, and one that is no number has passed.
                Some(if seconds >= WAIT_MAX.as_secs_f64() {
                    WAIT_MAX
                } else {
                    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
                })
            }
            Wait::Forever => None,
        }
    }
}

fn raw(id: SocketId) -> RawFd {
    id.0 as RawFd
}

impl Driver for KernelDriver {
    #[inline]
    fn now(&self) -> Seconds {
        match self.told {
            None => sys::clock::monotonic(),
            Some(told) => told,
        }
    }

    fn resolution(&self) -> Seconds {
        1e-9
    }

    #[inline]
    fn has_reached(&self, when: Seconds) -> bool {
        (self.told.is_some() || when - COARSE_LAG_MAX <= sys::clock::monotonic_coarse())
            && when < self.now() + self.resolution()
    }

    #[inline]
    fn quantum_is_over(&mut self) -> bool {
        self.quantum.is_over(sys::clock::monotonic_nanos)
    }

    fn wait(&mut self, wait: Wait) -> io::Result<()> {
        if wait == Wait::Skip {
            return Ok(());
        }
        let timeout = self.timeout(wait);
        let result = self.poller.wait(timeout);
        self.quantum.start(sys::clock::monotonic_nanos());
        result
    }

    fn events(&mut self) -> impl Iterator<Item = (SocketId, Readiness)> {
        self.poller.events()
    }

    fn waker(&self) -> Waker {
        self.poller.waker()
    }

    fn register(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        self.poller.register(id, interest)
    }

    fn modify(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        self.poller.modify(id, interest)
    }

    fn deregister(&mut self, id: SocketId) -> io::Result<()> {
        self.poller.deregister(id)
    }

    fn socket(&mut self, domain: Domain, kind: Kind) -> io::Result<SocketId> {
        self.opened(socket::socket(domain, kind)?)
    }

    fn adopt(&mut self, fd: i32) -> io::Result<SocketId> {
        sys::fd::set_nonblocking(fd)?;
        self.opened(fd)
    }

    fn as_raw_fd(&self, id: SocketId) -> Option<i32> {
        Some(raw(id))
    }

    fn bind(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<()> {
        socket::bind(raw(id), addr)
    }

    fn listen(&mut self, id: SocketId, backlog: i32) -> io::Result<()> {
        socket::listen(raw(id), backlog)
    }

    fn accept(&mut self, id: SocketId) -> io::Result<(SocketId, SocketAddr)> {
        let (fd, addr) = socket::accept(raw(id))?;
        Ok((self.opened(fd)?, addr))
    }

    fn connect(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<Connection> {
        socket::connect(raw(id), addr)
    }

    #[inline]
    fn recv(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        socket::recv(raw(id), buffer)
    }

    fn recv_from(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket::recv_from(raw(id), buffer)
    }

    #[inline]
    fn send(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        socket::send(raw(id), data)
    }

    fn send_vectored(&mut self, id: SocketId, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        socket::send_vectored(raw(id), buffers)
    }

    fn send_to(&mut self, id: SocketId, data: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        socket::send_to(raw(id), data, addr)
    }

    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        sys::fd::read(raw(id), buffer)
    }

    fn write(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        sys::fd::write(raw(id), data)
    }

    fn shutdown(&mut self, id: SocketId, how: Shutdown) -> io::Result<()> {
        socket::shutdown(raw(id), how)
    }

    fn close(&mut self, id: SocketId) -> io::Result<()> {
        self.poller.forget(id);
        sys::fd::close(raw(id))
    }

    fn getsockopt(
        &mut self,
        id: SocketId,
        level: i32,
        name: i32,
        value: &mut [u8],
    ) -> io::Result<usize> {
        socket::getsockopt(raw(id), level, name, value)
    }

    fn setsockopt(&mut self, id: SocketId, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
        socket::setsockopt(raw(id), level, name, value)
    }

    fn getsockname(&self, id: SocketId) -> io::Result<SocketAddr> {
        socket::getsockname(raw(id))
    }

    fn getpeername(&self, id: SocketId) -> io::Result<SocketAddr> {
        socket::getpeername(raw(id))
    }

    fn resolve(&self, host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
        let ip: IpAddr = host.parse().ok()?;
        Some(Ok(vec![(ip, port).into()]))
    }

    fn take_error(&mut self, id: SocketId) -> io::Result<Option<io::Error>> {
        socket::take_error(raw(id))
    }
}

impl KernelDriver {
    /// A descriptor has just come to be. Whatever was known about its number is out of date.
    fn opened(&mut self, fd: RawFd) -> io::Result<SocketId> {
        let id = SocketId(fd as u32);
        self.poller.forget(id);
        Ok(id)
    }
}
