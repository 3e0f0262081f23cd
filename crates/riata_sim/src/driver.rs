//! The simulated driver: the clock, who is ready, and the way into the network.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown};

use riata_engine::{
    Connection, Domain, Driver, Interest, Kind, Readiness, Seconds, SocketAddr, SocketId, Wait,
    Waker,
};

use crate::net::Net;
use crate::outside::Outside;

/// A driver whose clock, sockets and names are simulated.
pub struct SimDriver {
    now: Seconds,
    net: Net,
    interests: BTreeMap<SocketId, Interest>,
    ready: Vec<(SocketId, Readiness)>,
    names: BTreeMap<String, Vec<IpAddr>>,
    outside: Outside,
    waker: Waker,
}

/// Why a simulated wait failed: nothing in the simulation can ever end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlock;

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "every task waits, and nothing can wake one: no timer, no socket that is ready, no work in another thread",
        )
    }
}

impl std::error::Error for Deadlock {}

impl SimDriver {
    /// A world at time zero, in which `localhost` is known and nothing else.
    pub fn new() -> Self {
        let outside = Outside::new();
        let mut driver = SimDriver {
            now: 0.0,
            net: Net::new(),
            interests: BTreeMap::new(),
            ready: Vec::new(),
            names: BTreeMap::new(),
            waker: Waker::new(outside.clone()),
            outside,
        };
        driver.add_name("localhost", [IpAddr::from([127, 0, 0, 1])]);
        driver
    }

    /// Moves the clock, as if running a job had taken so long.
    ///
    /// # Panics
    ///
    /// If `by` is negative or no number: time does not go back.
    pub fn advance(&mut self, by: Seconds) {
        assert!(by >= 0.0, "time does not go back");
        self.now += by;
    }

    /// Moves the clock to this time, unless that has passed. Exactly: a sum of floats would not be.
    pub fn advance_to(&mut self, when: Seconds) {
        self.now = self.now.max(when);
    }

    /// Gives a name its addresses.
    pub fn add_name(&mut self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.names
            .insert(host.to_owned(), addresses.into_iter().collect());
    }

    /// Sets how many bytes a connection holds in each direction before its sender must wait. For connections made
    /// from now on.
    pub fn set_stream_capacity(&mut self, bytes: usize) {
        self.net.capacity = bytes.max(1);
    }

    /// The way to announce work that threads do.
    pub fn outside(&self) -> Outside {
        self.outside.clone()
    }

    fn look(&mut self) {
        self.ready.clear();
        for (&id, &interest) in &self.interests {
            let readiness = self.net.readiness(id).wanted_by(interest);
            if !readiness.is_none() {
                // What a hang-up adds is reported to those who watch, and to nobody else; so the wanted part is all.
                self.ready.push((id, readiness));
            }
        }
    }
}

impl Default for SimDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for SimDriver {
    fn now(&self) -> Seconds {
        self.now
    }

    /// A nanosecond; but after months of simulated time, when a float is coarser than that, the float's own step, so
    /// that a timer is due at the very time to which the clock has jumped.
    fn resolution(&self) -> Seconds {
        (self.now * (2.0 * Seconds::EPSILON)).max(1e-9)
    }

    /// Running jobs takes no simulated time. (And real time must not decide in which turn something is seen.)
    fn quantum_is_over(&mut self) -> bool {
        false
    }

    /// # Errors
    ///
    /// [`Deadlock`], as the source of an error of kind [`io::ErrorKind::Deadlock`], when nothing can end the wait.
    fn wait(&mut self, wait: Wait) -> io::Result<()> {
        if wait == Wait::Skip {
            return Ok(());
        }
        self.look();
        let mut woken = self.outside.take();
        if !woken && self.ready.is_empty() && wait != Wait::Poll {
            woken = self.outside.wait();
            if !woken {
                match wait {
                    Wait::Until(when) if when < Seconds::INFINITY => self.advance_to(when),
                    // Not a number: it has passed, as for the kernel's driver.
                    Wait::Until(when) if when.is_nan() => {}
                    _ => return Err(io::Error::new(io::ErrorKind::Deadlock, Deadlock)),
                }
            }
        }
        if woken {
            self.waker.acknowledge();
        }
        Ok(())
    }

    fn events(&mut self) -> impl Iterator<Item = (SocketId, Readiness)> {
        self.ready.drain(..)
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }

    fn register(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        self.modify(id, interest)
    }

    fn modify(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        if interest.is_none() {
            return self.deregister(id);
        }
        self.net.check_open(id)?;
        self.interests.insert(id, interest);
        Ok(())
    }

    fn deregister(&mut self, id: SocketId) -> io::Result<()> {
        self.interests.remove(&id);
        Ok(())
    }

    fn socket(&mut self, domain: Domain, kind: Kind) -> io::Result<SocketId> {
        self.net.socket(domain, kind)
    }

    fn adopt(&mut self, _fd: i32) -> io::Result<SocketId> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a simulated loop has no file descriptors",
        ))
    }

    fn as_raw_fd(&self, _id: SocketId) -> Option<i32> {
        None
    }

    fn bind(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<()> {
        self.net.bind(id, addr)
    }

    fn listen(&mut self, id: SocketId, backlog: i32) -> io::Result<()> {
        self.net.listen(id, backlog)
    }

    fn accept(&mut self, id: SocketId) -> io::Result<(SocketId, SocketAddr)> {
        self.net.accept(id)
    }

    fn connect(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<Connection> {
        self.net.connect(id, addr)
    }

    fn recv(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        self.net.recv(id, buffer)
    }

    fn recv_from(&mut self, _id: SocketId, _buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        Err(no_datagrams())
    }

    fn send(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        self.net.send(id, data)
    }

    fn send_vectored(&mut self, id: SocketId, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut sent = 0;
        for buffer in buffers.iter().filter(|buffer| !buffer.is_empty()) {
            match self.net.send(id, buffer) {
                Ok(count) => sent += count,
                // What was taken before counts; the error is still there when the caller comes again.
                Err(_) if sent > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    fn send_to(&mut self, _id: SocketId, _data: &[u8], _addr: &SocketAddr) -> io::Result<usize> {
        Err(no_datagrams())
    }

    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        self.net.recv(id, buffer)
    }

    fn write(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        self.net.send(id, data)
    }

    fn shutdown(&mut self, id: SocketId, how: Shutdown) -> io::Result<()> {
        self.net.shutdown(id, how)
    }

    fn close(&mut self, id: SocketId) -> io::Result<()> {
        self.interests.remove(&id);
        self.net.close(id)
    }

    fn getsockopt(
        &mut self,
        id: SocketId,
        level: i32,
        name: i32,
        value: &mut [u8],
    ) -> io::Result<usize> {
        self.net.getsockopt(id, level, name, value)
    }

    fn setsockopt(&mut self, id: SocketId, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
        self.net.setsockopt(id, level, name, value)
    }

    fn getsockname(&self, id: SocketId) -> io::Result<SocketAddr> {
        self.net.getsockname(id)
    }

    fn getpeername(&self, id: SocketId) -> io::Result<SocketAddr> {
        self.net.getpeername(id)
    }

    /// Every name that was not added is unknown; a simulated program never asks the real resolver.
    fn resolve(&self, host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(Ok(vec![(ip, port).into()]));
        }
        Some(match self.names.get(host) {
            Some(ips) => Ok(ips.iter().map(|&ip| (ip, port).into()).collect()),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no address is known for `{host}` in this simulation"),
            )),
        })
    }

    fn take_error(&mut self, id: SocketId) -> io::Result<Option<io::Error>> {
        self.net.take_error(id)
    }
}

fn no_datagrams() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "the simulation has stream sockets only",
    )
}
