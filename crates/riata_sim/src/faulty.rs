//! A driver whose system calls fail, now and then, as a [`FaultPlan`] has it.
//!
//! It works over any driver, so the same faults are tried on the kernel's sockets and on simulated ones. Nothing is hit
//! that could not be: a short count is for streams, a connection that was reset does not go on, and `EINTR` comes only from
//! the calls after which a driver does not try again by itself.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::{Deref, DerefMut};

use riata_engine::{
    Connection, Domain, Driver, Interest, Kind, Readiness, Seconds, SocketAddr, SocketId, Wait,
    Waker,
};

use crate::faults::{Call, Fault, FaultPlan};

/// `D`, with faults. What `D` has beside the methods of a driver is there, too.
pub struct Faulty<D> {
    inner: D,
    plan: RefCell<FaultPlan>,
    /// What the last wait found.
    ready: Vec<(SocketId, Readiness)>,
}

impl<D: Driver> Faulty<D> {
    pub fn new(inner: D, plan: FaultPlan) -> Self {
        Faulty {
            inner,
            plan: RefCell::new(plan),
            ready: Vec::new(),
        }
    }

    /// How often there was which fault, as `recv ECONNRESET`.
    pub fn fault_counts(&self) -> Vec<(String, u64)> {
        self.plan.borrow().counts().collect()
    }

    /// Fails with what was drawn for a call that has nothing to be cut short.
    fn try_to(&self, call: Call) -> io::Result<()> {
        match self.plan.borrow_mut().draw(call, |_| true) {
            Some(Fault::Error(number)) => Err(io::Error::from_raw_os_error(number)),
            Some(Fault::Short) | None => Ok(()),
        }
    }

    /// How many of `len` bytes are to be read or written.
    fn transfer(&mut self, call: Call, id: SocketId, len: usize) -> io::Result<usize> {
        let inner = &mut self.inner;
        let fault = self.plan.get_mut().draw(call, |fault| match fault {
            Fault::Short => {
                len > 1 && matches!(socket_type(inner, id), None | Some(libc::SOCK_STREAM))
            }
            Fault::Error(libc::ECONNRESET | libc::EPIPE) => {
                socket_type(inner, id) == Some(libc::SOCK_STREAM)
            }
            Fault::Error(_) => true,
        });
        match fault {
            None => Ok(len),
            Some(Fault::Short) => Ok(self.plan.get_mut().part_of(len)),
            Some(Fault::Error(number)) => {
                if matches!(number, libc::ECONNRESET | libc::EPIPE) {
                    // It is over: what comes after is the end of the stream, and sending breaks the pipe.
                    let _ = self.inner.shutdown(id, Shutdown::Both);
                }
                Err(io::Error::from_raw_os_error(number))
            }
        }
    }

    /// As `transfer`, for a whole datagram.
    fn transfer_whole(&self, call: Call) -> io::Result<()> {
        let fault = self.plan.borrow_mut().draw(call, |fault| {
            !matches!(
                fault,
                Fault::Short | Fault::Error(libc::ECONNRESET | libc::EPIPE)
            )
        });
        match fault {
            Some(Fault::Error(number)) => Err(io::Error::from_raw_os_error(number)),
            Some(Fault::Short) | None => Ok(()),
        }
    }
}

/// `None` for what is no socket: a pipe, a terminal.
fn socket_type(driver: &mut impl Driver, id: SocketId) -> Option<i32> {
    let mut value = [0; 4];
    let asked = driver.getsockopt(id, libc::SOL_SOCKET, libc::SO_TYPE, &mut value);
    asked.ok().map(|_| i32::from_ne_bytes(value))
}

impl<D> Deref for Faulty<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.inner
    }
}

impl<D> DerefMut for Faulty<D> {
    fn deref_mut(&mut self) -> &mut D {
        &mut self.inner
    }
}

impl<D: Driver> Driver for Faulty<D> {
    fn now(&self) -> Seconds {
        self.inner.now()
    }

    fn resolution(&self) -> Seconds {
        self.inner.resolution()
    }

    fn has_reached(&self, when: Seconds) -> bool {
        self.inner.has_reached(when)
    }

    fn quantum_is_over(&mut self) -> bool {
        self.inner.quantum_is_over()
    }

    fn wait(&mut self, wait: Wait) -> io::Result<()> {
        self.ready.clear();
        let interrupted = match wait {
            Wait::Skip | Wait::Poll => Ok(()),
            Wait::Until(_) | Wait::Forever => self.try_to(Call::Wait),
        };
        // A signal interrupts who sleeps: not who finds something, nor who only looks.
        self.inner.wait(if interrupted.is_err() {
            Wait::Poll
        } else {
            wait
        })?;
        self.ready.extend(self.inner.events());
        if self.ready.is_empty() {
            interrupted
        } else {
            Ok(())
        }
    }

    fn events(&mut self) -> impl Iterator<Item = (SocketId, Readiness)> {
        self.ready.drain(..)
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }

    fn register(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        self.try_to(Call::Register)?;
        self.inner.register(id, interest)
    }

    fn modify(&mut self, id: SocketId, interest: Interest) -> io::Result<()> {
        self.inner.modify(id, interest)
    }

    fn deregister(&mut self, id: SocketId) -> io::Result<()> {
        self.inner.deregister(id)
    }

    fn socket(&mut self, domain: Domain, kind: Kind) -> io::Result<SocketId> {
        self.try_to(Call::Socket)?;
        self.inner.socket(domain, kind)
    }

    fn adopt(&mut self, fd: i32) -> io::Result<SocketId> {
        self.inner.adopt(fd)
    }

    fn as_raw_fd(&self, id: SocketId) -> Option<i32> {
        self.inner.as_raw_fd(id)
    }

    fn bind(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<()> {
        self.inner.bind(id, addr)
    }

    fn listen(&mut self, id: SocketId, backlog: i32) -> io::Result<()> {
        self.inner.listen(id, backlog)
    }

    fn accept(&mut self, id: SocketId) -> io::Result<(SocketId, SocketAddr)> {
        match self.try_to(Call::Accept) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                // Such a connection has been taken off the queue.
                let (aborted, _) = self.inner.accept(id)?;
                let _ = self.inner.close(aborted);
                Err(error)
            }
            result => result.and_then(|()| self.inner.accept(id)),
        }
    }

    fn connect(&mut self, id: SocketId, addr: &SocketAddr) -> io::Result<Connection> {
        match self.try_to(Call::Connect) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                // It goes on by itself.
                self.inner.connect(id, addr).map(|_| Connection::InProgress)
            }
            result => result.and_then(|()| self.inner.connect(id, addr)),
        }
    }

    fn recv(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.transfer(Call::Recv, id, buffer.len())?;
        self.inner.recv(id, &mut buffer[..len])
    }

    fn recv_from(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.transfer_whole(Call::Recv)?;
        self.inner.recv_from(id, buffer)
    }

    fn send(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        let len = self.transfer(Call::Send, id, data.len())?;
        self.inner.send(id, &data[..len])
    }

    fn send_vectored(&mut self, id: SocketId, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = buffers.iter().map(|buffer| buffer.len()).sum();
        let mut rest = self.transfer(Call::Send, id, len)?;
        if rest == len {
            return self.inner.send_vectored(id, buffers);
        }
        let mut part = Vec::new();
        for buffer in buffers {
            let taken = &buffer[..rest.min(buffer.len())];
            rest -= taken.len();
            part.push(IoSlice::new(taken));
            if rest == 0 {
                break;
            }
        }
        self.inner.send_vectored(id, &part)
    }

    fn send_to(&mut self, id: SocketId, data: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.transfer_whole(Call::Send)?;
        self.inner.send_to(id, data, addr)
    }

    fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.transfer(Call::Recv, id, buffer.len())?;
        self.inner.read(id, &mut buffer[..len])
    }

    fn write(&mut self, id: SocketId, data: &[u8]) -> io::Result<usize> {
        let len = self.transfer(Call::Send, id, data.len())?;
        self.inner.write(id, &data[..len])
    }

    fn shutdown(&mut self, id: SocketId, how: Shutdown) -> io::Result<()> {
        self.inner.shutdown(id, how)
    }

    fn close(&mut self, id: SocketId) -> io::Result<()> {
        self.inner.close(id)
    }

    fn getsockopt(
        &mut self,
        id: SocketId,
        level: i32,
        name: i32,
        value: &mut [u8],
    ) -> io::Result<usize> {
        self.inner.getsockopt(id, level, name, value)
    }

    fn setsockopt(&mut self, id: SocketId, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
        self.try_to(Call::Option)?;
        self.inner.setsockopt(id, level, name, value)
    }

    fn getsockname(&self, id: SocketId) -> io::Result<SocketAddr> {
        self.try_to(Call::Name)?;
        self.inner.getsockname(id)
    }

    fn getpeername(&self, id: SocketId) -> io::Result<SocketAddr> {
        self.try_to(Call::Name)?;
        self.inner.getpeername(id)
    }

    fn resolve(&self, host: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
        self.inner.resolve(host, port)
    }

    fn take_error(&mut self, id: SocketId) -> io::Result<Option<io::Error>> {
        self.inner.take_error(id)
    }
}
