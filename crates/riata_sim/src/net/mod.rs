//! A network in memory: stream sockets with bounded buffers, and the errors that the kernel's give.
//!
//! Data arrives at once and in order. What is deliberately absent so far: latency, loss, datagrams. All maps are
//! ordered, so that every run is the same.

mod stream;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddrV4, SocketAddrV6};

use riata_engine::{Connection, Domain, Kind, Readiness, SocketAddr, SocketId, UnixAddr};

use stream::{End, EndId};

/// Ports that are given to those who do not ask for one: the range of RFC 6335.
const EPHEMERAL_PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;
/// How many bytes a connection holds in each direction, unless somebody sets it.
const CAPACITY: usize = 64 * 1024;

pub(crate) struct Net {
    sockets: BTreeMap<u32, Socket>,
    /// The numbers that were in use and are not; with those in use they are all numbers from zero on.
    closed: BTreeSet<u32>,
    ends: BTreeMap<EndId, End>,
    next_end: u64,
    /// Every address that is taken, and by whom.
    bound: BTreeMap<SocketAddr, SocketId>,
    next_port: u16,
    pub(crate) capacity: usize,
}

struct Socket {
    domain: Domain,
    /// Where it was bound, if it was.
    local: Option<SocketAddr>,
    role: Role,
    /// Remembered so that they can be read back; none of them changes anything.
    options: BTreeMap<(i32, i32), Vec<u8>>,
}

enum Role {
    Fresh,
    /// A connection that was refused; the error waits to be seen.
    Refused(Option<i32>),
    /// A connection that waits for room in a listener's backlog.
    Connecting,
    Listening(Listener),
    Connected(EndId),
}

#[derive(Default)]
struct Listener {
    backlog: usize,
    /// Connected ends, for `accept`.
    queue: VecDeque<EndId>,
    /// Sockets that connect while the queue is full.
    waiting: VecDeque<SocketId>,
}

impl Net {
    pub(crate) fn new() -> Self {
        Net {
            sockets: BTreeMap::new(),
            closed: BTreeSet::new(),
            ends: BTreeMap::new(),
            next_end: 0,
            bound: BTreeMap::new(),
            next_port: *EPHEMERAL_PORTS.start(),
            capacity: CAPACITY,
        }
    }

    pub(crate) fn check_open(&self, id: SocketId) -> io::Result<()> {
        self.get(id).map(drop)
    }

    pub(crate) fn readiness(&self, id: SocketId) -> Readiness {
        let Ok(socket) = self.get(id) else {
            return Readiness::NONE;
        };
        match &socket.role {
            // As the kernel says of a socket that is not connected: it hangs.
            Role::Fresh | Role::Refused(_) => Readiness::BOTH,
            Role::Connecting => Readiness::NONE,
            Role::Listening(listener) if listener.queue.is_empty() => Readiness::NONE,
            Role::Listening(_) => Readiness::READABLE,
            Role::Connected(end) => {
                let end = &self.ends[end];
                let peer = end.peer.and_then(|peer| self.ends.get(&peer));
                end.readiness(peer.map_or(0, End::room))
            }
        }
    }

    pub(crate) fn socket(&mut self, domain: Domain, kind: Kind) -> io::Result<SocketId> {
        if kind != Kind::Stream {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the simulation has stream sockets only",
            ));
        }
        Ok(self.insert(Socket {
            domain,
            local: None,
            role: Role::Fresh,
            options: BTreeMap::new(),
        }))
    }

    pub(crate) fn bind(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<()> {
        let socket = self.get(id)?;
        if socket.local.is_some() || !matches!(socket.role, Role::Fresh) {
            return Err(errno(libc::EINVAL));
        }
        if domain_of(addr) != socket.domain {
            return Err(errno(libc::EAFNOSUPPORT));
        }
        let addr = match addr.port() {
            Some(0) => self.with_free_port(addr)?,
            _ => addr.clone(),
        };
        if self.bound.contains_key(&addr) {
            return Err(errno(libc::EADDRINUSE));
        }
        self.bound.insert(addr.clone(), id);
        self.get_mut(id)?.local = Some(addr);
        Ok(())
    }

    pub(crate) fn listen(&mut self, id: SocketId, backlog: i32) -> io::Result<()> {
        let socket = self.get(id)?;
        let domain = socket.domain;
        if socket.local.is_none() {
            // The kernel gives an internet socket a port; a Unix socket without a name cannot be called.
            if domain == Domain::Unix {
                return Err(errno(libc::EINVAL));
            }
            self.bind(id, &unspecified(domain, 0))?;
        }
        let backlog = backlog.max(1) as usize;
        match &mut self.get_mut(id)?.role {
            Role::Listening(listener) => listener.backlog = backlog,
            role @ Role::Fresh => {
                *role = Role::Listening(Listener {
                    backlog,
                    ..Listener::default()
                });
            }
            _ => return Err(errno(libc::EINVAL)),
        }
        Ok(())
    }

    pub(crate) fn accept(&mut self, id: SocketId) -> io::Result<(SocketId, SocketAddr)> {
        let listener = self.listener(id)?;
        let end = listener.queue.pop_front();
        let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::WouldBlock))?;
        if let Some(waiting) = listener.waiting.pop_front() {
            self.establish(waiting, id)?;
        }
        let (local, remote) = (
            self.ends[&end].local.clone(),
            self.ends[&end].remote.clone(),
        );
        let accepted = self.insert(Socket {
            domain: domain_of(&local),
            local: Some(local),
            role: Role::Connected(end),
            options: BTreeMap::new(),
        });
        Ok((accepted, remote))
    }

    pub(crate) fn connect(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<Connection> {
        let socket = self.get_mut(id)?;
        let domain = socket.domain;
        match socket.role {
            Role::Fresh => {}
            Role::Connecting => return Err(errno(libc::EALREADY)),
            Role::Connected(_) => return Err(errno(libc::EISCONN)),
            Role::Refused(_) | Role::Listening(_) => return Err(errno(libc::EINVAL)),
        }
        if domain_of(addr) != domain {
            return Err(errno(libc::EAFNOSUPPORT));
        }
        let Some(listener_id) = self.listener_at(addr) else {
            return self.refuse(id, addr);
        };
        let listener = self.listener(listener_id)?;
        let full = listener.queue.len() >= listener.backlog;
        if !full {
            self.establish(id, listener_id)?;
        } else if domain == Domain::Unix {
            return Err(errno(libc::EAGAIN));
        } else {
            listener.waiting.push_back(id);
            self.get_mut(id)?.role = Role::Connecting;
        }
        Ok(match domain {
            Domain::Unix => Connection::Established,
            Domain::V4 | Domain::V6 => Connection::InProgress,
        })
    }

    pub(crate) fn recv(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.end(id)?;
        self.end_mut(end).recv(buffer)
    }

    pub(crate) fn send(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        let is_unix = self.get(id)?.domain == Domain::Unix;
        let end_id = self.end(id)?;
        let end = self.end_mut(end_id);
        end.take_error()?;
        if end.sending_over {
            return Err(errno(libc::EPIPE));
        }
        let Some(peer) = end.peer else {
            // The peer is closed. A Unix socket knows; over the internet, the data goes out and a reset comes back.
            end.reset(libc::EPIPE);
            if is_unix {
                end.error = None;
                return Err(errno(libc::EPIPE));
            }
            return Ok(data.len());
        };
        let peer = self.end_mut(peer);
        if peer.receiving_over {
            if is_unix {
                return Err(errno(libc::EPIPE));
            }
            return Ok(data.len());
        }
        let count = data.len().min(peer.room());
        if count == 0 && !data.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        peer.arrived.extend(&data[..count]);
        Ok(count)
    }

    pub(crate) fn shutdown(&mut self, id: SocketId, how: Shutdown) -> io::Result<()> {
        let end_id = self.end(id)?;
        let end = self.end_mut(end_id);
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            end.receiving_over = true;
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            end.sending_over = true;
            if let Some(peer) = end.peer {
                self.end_mut(peer).finished = true;
            }
        }
        Ok(())
    }

    pub(crate) fn close(&mut self, id: SocketId) -> io::Result<()> {
        let socket = self.sockets.remove(&id.0);
        let socket = socket.ok_or_else(|| errno(libc::EBADF))?;
        self.closed.insert(id.0);
        match socket.role {
            Role::Connected(end) => self.close_end(end),
            Role::Listening(listener) => {
                for end in listener.queue {
                    self.abort_end(end);
                }
                for waiting in listener.waiting {
                    if let Some(socket) = self.sockets.get_mut(&waiting.0) {
                        socket.role = Role::Refused(Some(libc::ECONNREFUSED));
                    }
                }
            }
            Role::Connecting => self.forget_waiting(id),
            Role::Fresh | Role::Refused(_) => {}
        }
        // Accepted sockets share their listener's address, but do not hold it.
        if let Some(local) = socket.local {
            if self.bound.get(&local) == Some(&id) {
                self.bound.remove(&local);
            }
        }
        Ok(())
    }

    pub(crate) fn getsockopt(
        &mut self,
        id: SocketId,
        level: i32,
        name: i32,
        value: &mut [u8],
    ) -> io::Result<usize> {
        let bytes = match (level, name) {
            (libc::SOL_SOCKET, libc::SO_ERROR) => {
                let error = self.take_error(id)?;
                let code = error.and_then(|error| error.raw_os_error()).unwrap_or(0);
                code.to_ne_bytes().to_vec()
            }
            (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_STREAM.to_ne_bytes().to_vec(),
            _ => match self.get(id)?.options.get(&(level, name)) {
                Some(bytes) => bytes.clone(),
                None => 0i32.to_ne_bytes().to_vec(),
            },
        };
        let len = bytes.len().min(value.len());
        value[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    pub(crate) fn setsockopt(
        &mut self,
        id: SocketId,
        level: i32,
        name: i32,
        value: &[u8],
    ) -> io::Result<()> {
        let options = &mut self.get_mut(id)?.options;
        options.insert((level, name), value.to_vec());
        Ok(())
    }

    pub(crate) fn getsockname(&self, id: SocketId) -> io::Result<SocketAddr> {
        let socket = self.get(id)?;
        Ok(match (&socket.role, &socket.local) {
            (Role::Connected(end), _) => self.ends[end].local.clone(),
            (_, Some(local)) => local.clone(),
            (_, None) => unspecified(socket.domain, 0),
        })
    }

    pub(crate) fn getpeername(&self, id: SocketId) -> io::Result<SocketAddr> {
        match self.get(id)?.role {
            Role::Connected(end) => Ok(self.ends[&end].remote.clone()),
            _ => Err(errno(libc::ENOTCONN)),
        }
    }

    pub(crate) fn take_error(&mut self, id: SocketId) -> io::Result<Option<io::Error>> {
        let error = match &mut self.get_mut(id)?.role {
            Role::Refused(error) => error.take(),
            &mut Role::Connected(end) => self.end_mut(end).error.take(),
            _ => None,
        };
        Ok(error.map(io::Error::from_raw_os_error))
    }

    // Connections.

    /// Connects a socket with a listener that has room.
    fn establish(&mut self, id: SocketId, listener_id: SocketId) -> io::Result<()> {
        let remote = self.getsockname(listener_id)?;
        let local = match self.get(id)?.local.clone() {
            Some(local) => local,
            None => match domain_of(&remote) {
                Domain::Unix => SocketAddr::Unix(UnixAddr::Unnamed),
                domain => self.with_free_port(&loopback(domain))?,
            },
        };
        // Who calls "any address" reaches this machine.
        let remote = match &remote {
            SocketAddr::V4(addr) if addr.ip().is_unspecified() => SocketAddr::loopback(addr.port()),
            SocketAddr::V6(addr) if addr.ip().is_unspecified() => {
                SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, addr.port(), 0, 0))
            }
            _ => remote,
        };
        let (near, far) = (EndId(self.next_end), EndId(self.next_end + 1));
        self.next_end += 2;
        let mut end = End::new(local.clone(), remote.clone(), self.capacity);
        end.peer = Some(far);
        self.ends.insert(near, end);
        let mut end = End::new(remote, local.clone(), self.capacity);
        end.peer = Some(near);
        self.ends.insert(far, end);
        self.listener(listener_id)?.queue.push_back(far);
        let socket = self.get_mut(id)?;
        socket.local = Some(local.clone());
        socket.role = Role::Connected(near);
        if local.port().is_some() {
            // The port is taken for as long as the connection lives.
            self.bound.entry(local).or_insert(id);
        }
        Ok(())
    }

    fn refuse(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<Connection> {
        match addr {
            SocketAddr::Unix(UnixAddr::Path(_)) if !self.bound.contains_key(addr) => {
                Err(errno(libc::ENOENT))
            }
            SocketAddr::Unix(_) => Err(errno(libc::ECONNREFUSED)),
            SocketAddr::V4(_) | SocketAddr::V6(_) => {
                self.get_mut(id)?.role = Role::Refused(Some(libc::ECONNREFUSED));
                Ok(Connection::InProgress)
            }
        }
    }

    /// Closes an end as `close` does: what it has not received makes the peer's connection a reset one.
    fn close_end(&mut self, id: EndId) {
        if self.ends[&id].arrived.is_empty() {
            let end = self.ends.remove(&id);
            if let Some(peer) = end.and_then(|end| end.peer) {
                let peer = self.end_mut(peer);
                peer.peer = None;
                peer.finished = true;
            }
        } else {
            self.abort_end(id);
        }
    }

    fn abort_end(&mut self, id: EndId) {
        let end = self.ends.remove(&id);
        if let Some(peer) = end.and_then(|end| end.peer) {
            self.end_mut(peer).reset(libc::ECONNRESET);
        }
    }

    fn forget_waiting(&mut self, id: SocketId) {
        for socket in self.sockets.values_mut() {
            if let Role::Listening(listener) = &mut socket.role {
                listener.waiting.retain(|waiting| *waiting != id);
            }
        }
    }

    // Look-ups.

    /// Gives a new socket the lowest number that is free, as the kernel does: numbers are used again soon.
    fn insert(&mut self, socket: Socket) -> SocketId {
        // Asked only when no number was given back, so that those in use are all below it.
        let unused = self.sockets.len() as u32;
        let free = self.closed.pop_first().unwrap_or(unused);
        self.sockets.insert(free, socket);
        SocketId(free)
    }

    fn get(&self, id: SocketId) -> io::Result<&Socket> {
        self.sockets.get(&id.0).ok_or_else(|| errno(libc::EBADF))
    }

    fn get_mut(&mut self, id: SocketId) -> io::Result<&mut Socket> {
        self.sockets
            .get_mut(&id.0)
            .ok_or_else(|| errno(libc::EBADF))
    }

    fn listener(&mut self, id: SocketId) -> io::Result<&mut Listener> {
        match &mut self.get_mut(id)?.role {
            Role::Listening(listener) => Ok(listener),
            _ => Err(errno(libc::EINVAL)),
        }
    }

    fn end(&mut self, id: SocketId) -> io::Result<EndId> {
        match &mut self.get_mut(id)?.role {
            Role::Connected(end) => Ok(*end),
            Role::Connecting => Err(io::ErrorKind::WouldBlock.into()),
            Role::Refused(error) => Err(errno(error.take().unwrap_or(libc::EPIPE))),
            Role::Fresh | Role::Listening(_) => Err(errno(libc::ENOTCONN)),
        }
    }

    /// An end that somebody refers to: a socket, or its peer. Both refer to it only as long as it exists.
    fn end_mut(&mut self, id: EndId) -> &mut End {
        self.ends
            .get_mut(&id)
            .expect("an end lives as long as what refers to it")
    }

    fn listener_at(&self, addr: &SocketAddr) -> Option<SocketId> {
        let exact = self.bound.get(addr);
        let any = || {
            let port = addr.port()?;
            self.bound.get(&unspecified(domain_of(addr), port))
        };
        let id = *exact.or_else(any)?;
        let socket = self.sockets.get(&id.0)?;
        matches!(socket.role, Role::Listening(_)).then_some(id)
    }

    /// # Errors
    ///
    /// `EADDRINUSE` when all ports are taken.
    fn with_free_port(&mut self, addr: &SocketAddr) -> io::Result<SocketAddr> {
        for _ in EPHEMERAL_PORTS {
            let port = self.next_port;
            self.next_port = match port {
                u16::MAX => *EPHEMERAL_PORTS.start(),
                port => port + 1,
            };
            let addr = with_port(addr, port);
            if !self.bound.contains_key(&addr) {
                return Ok(addr);
            }
        }
        Err(errno(libc::EADDRINUSE))
    }
}

fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

fn domain_of(addr: &SocketAddr) -> Domain {
    match addr {
        SocketAddr::V4(_) => Domain::V4,
        SocketAddr::V6(_) => Domain::V6,
        SocketAddr::Unix(_) => Domain::Unix,
    }
}

fn unspecified(domain: Domain, port: u16) -> SocketAddr {
    match domain {
        Domain::V4 => SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)),
        Domain::V6 => SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0)),
        Domain::Unix => SocketAddr::Unix(UnixAddr::Unnamed),
    }
}

fn loopback(domain: Domain) -> SocketAddr {
    match domain {
        Domain::V4 => SocketAddr::loopback(0),
        Domain::V6 => SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0)),
        Domain::Unix => SocketAddr::Unix(UnixAddr::Unnamed),
    }
}

fn with_port(addr: &SocketAddr, port: u16) -> SocketAddr {
    let mut addr = addr.clone();
    match &mut addr {
        SocketAddr::V4(addr) => addr.set_port(port),
        SocketAddr::V6(addr) => addr.set_port(port),
        SocketAddr::Unix(_) => {}
    }
    addr
}
