//! An echo server on the engine alone: no Python, and no allocation for a message.
//!
//!     cargo run --release -p riata_engine --example echo -- 127.0.0.1:0
//!     cargo run --release -p riata_engine --example echo -- unix:/tmp/echo.sock
//!
//! It prints the address it listens on, and serves until it is killed.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use riata_engine::{
    Domain, Driver, Engine, KernelDriver, Kind, ReceiveBuffer, SocketAddr, SocketId, Wait,
};

/// One buffer for all connections. What a client has not taken back yet waits in a buffer of its own.
const BUFFER_SIZE: usize = 256 * 1024;
/// Connections taken from the backlog in one turn, so that old clients are served while new ones storm in.
const ACCEPTS_MAX: usize = 100;
/// How long to wait before accepting again when the process may not open any more files.
const ACCEPT_PAUSE: f64 = 1.0;

#[derive(Clone, Copy)]
enum Job {
    Accept,
    AcceptAgain,
    Read(SocketId),
    Write(SocketId),
}

struct Server {
    engine: Engine<KernelDriver, Job>,
    listener: SocketId,
    is_tcp: bool,
    buffer: ReceiveBuffer,
    /// By socket id: what was received and could not be sent yet. Empty for clients that keep up.
    pending: Vec<VecDeque<u8>>,
}

impl Server {
    fn new(addr: &SocketAddr) -> io::Result<Self> {
        let mut driver = KernelDriver::new()?;
        let (domain, is_tcp) = match addr {
            SocketAddr::V4(_) => (Domain::V4, true),
            SocketAddr::V6(_) => (Domain::V6, true),
            SocketAddr::Unix(_) => (Domain::Unix, false),
        };
        let listener = driver.socket(domain, Kind::Stream)?;
        if is_tcp {
            let on = 1i32.to_ne_bytes();
            driver.setsockopt(listener, libc::SOL_SOCKET, libc::SO_REUSEADDR, &on)?;
        }
        driver.bind(listener, addr)?;
        driver.listen(listener, 1024)?;
        let mut engine = Engine::new(driver);
        engine.add_reader(listener, Job::Accept)?;
        Ok(Server {
            engine,
            listener,
            is_tcp,
            buffer: ReceiveBuffer::new(BUFFER_SIZE),
            pending: Vec::new(),
        })
    }

    fn serve(&mut self) -> io::Result<()> {
        loop {
            let wait = self.engine.prepare();
            if wait != Wait::Skip {
                match self.engine.driver.wait(wait) {
                    Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                    _ => {}
                }
            }
            for _ in 0..self.engine.collect() {
                match self.engine.pop() {
                    Some(Job::Accept) => self.accept()?,
                    Some(Job::AcceptAgain) => {
                        self.engine.add_reader(self.listener, Job::Accept)?;
                    }
                    Some(Job::Read(id)) => self.read(id),
                    Some(Job::Write(id)) => self.write(id),
                    None => break,
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        for _ in 0..ACCEPTS_MAX {
            let id = match self.engine.driver.accept(self.listener) {
                Ok((id, _)) => id,
                Err(error) => match error.raw_os_error() {
                    // The connection stays in the backlog and the listener stays readable: come back later.
                    Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                        self.engine.remove_reader(self.listener);
                        let when = self.engine.time() + ACCEPT_PAUSE;
                        self.engine.add_timer(when, Job::AcceptAgain);
                        return Ok(());
                    }
                    Some(libc::ECONNABORTED) => continue,
                    _ if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    _ => return Err(error),
                },
            };
            if self.is_tcp {
                let on = 1i32.to_ne_bytes();
                // The client may have hung up already; then the first receive says so.
                let _ =
                    self.engine
                        .driver
                        .setsockopt(id, libc::IPPROTO_TCP, libc::TCP_NODELAY, &on);
            }
            let index = id.0 as usize;
            if index >= self.pending.len() {
                self.pending.resize_with(index + 1, VecDeque::new);
            }
            if self.engine.add_reader(id, Job::Read(id)).is_err() {
                self.close(id);
            }
        }
        Ok(())
    }

    /// One receive and one send for each time the client is readable: with level-triggered readiness, what is left
    /// comes back, after the others have had their turn.
    fn read(&mut self, id: SocketId) {
        let driver = &mut self.engine.driver;
        let count = match driver.recv(id, &mut self.buffer) {
            Ok(0) => return self.close(id),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return self.close(id),
        };
        let received = &self.buffer[..count];
        let sent = match driver.send(id, received) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return self.close(id),
        };
        if sent < count {
            // Take no more from a client that does not take back what it sent.
            self.pending[id.0 as usize].extend(&received[sent..]);
            self.engine.remove_reader(id);
            if self.engine.add_writer(id, Job::Write(id)).is_err() {
                self.close(id);
            }
        }
    }

    fn write(&mut self, id: SocketId) {
        let pending = &mut self.pending[id.0 as usize];
        let (data, _) = pending.as_slices();
        match self.engine.driver.send(id, data) {
            Ok(sent) => drop(pending.drain(..sent)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return self.close(id),
        }
        if pending.is_empty() {
            *pending = VecDeque::new();
            self.engine.remove_writer(id);
            if self.engine.add_reader(id, Job::Read(id)).is_err() {
                self.close(id);
            }
        }
    }

    fn close(&mut self, id: SocketId) {
        self.engine.remove_reader(id);
        self.engine.remove_writer(id);
        if let Some(pending) = self.pending.get_mut(id.0 as usize) {
            *pending = VecDeque::new();
        }
        let _ = self.engine.driver.close(id);
    }
}

fn parse(addr: &str) -> Option<SocketAddr> {
    if let Some(path) = addr.strip_prefix("unix:") {
        return Some(SocketAddr::unix(path));
    }
    let addr: std::net::SocketAddr = addr.parse().ok()?;
    Some(addr.into())
}

fn run(addr: &SocketAddr) -> io::Result<()> {
    let mut server = Server::new(addr)?;
    let bound = server.engine.driver.getsockname(server.listener)?;
    println!("listening on {bound}");
    io::stdout().flush()?;
    server.serve()
}

fn main() -> ExitCode {
    let addr = std::env::args().nth(1);
    let Some(addr) = addr.as_deref().and_then(parse) else {
        eprintln!("usage: echo HOST:PORT | unix:PATH");
        return ExitCode::from(2);
    };
    match run(&addr) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: cannot serve {addr}: {error}");
            ExitCode::FAILURE
        }
    }
}
