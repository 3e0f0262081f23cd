//! The closed loop: every connection has one request under way, always.
//!
//! One thread, so that it takes one processor and leaves the other to the server.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::exchange::{Exchange, Progress};
use crate::stream::Stream;
use crate::sys::{Event, Poller, ProcessClock};

const STALL: Duration = Duration::from_secs(5);
const BUFFER: usize = 256 * 1024;

pub struct Connection<E> {
    stream: Stream,
    exchange: E,
    sent: usize,
    blocked: bool,
}

#[derive(Default)]
pub struct Tally {
    pub requests: u64,
    pub errors: u64,
    pub first_error: Option<String>,
}

/// What happened between the two marks.
pub struct Measured {
    pub tally: Tally,
    pub warmup_requests: u64,
    pub cpu_nanoseconds: u64,
    pub wall: Duration,
}

pub struct Load<E> {
    poller: Poller,
    connections: Vec<Option<Connection<E>>>,
    buffer: Vec<u8>,
    tally: Tally,
}

impl<E: Exchange> Load<E> {
    /// For at most `capacity` connections.
    pub fn new(capacity: usize) -> io::Result<Self> {
        Ok(Load {
            poller: Poller::new(capacity)?,
            connections: Vec::with_capacity(capacity),
            buffer: vec![0; BUFFER],
            tally: Tally::default(),
        })
    }

    /// Opens one more connection.
    pub fn connect(&mut self, address: &str, exchange: E) -> io::Result<()> {
        let stream = Stream::connect(address)?;
        self.poller
            .add(stream.as_raw_fd(), self.connections.len())?;
        self.connections.push(Some(Connection {
            stream,
            exchange,
            sent: 0,
            blocked: false,
        }));
        Ok(())
    }

    /// Runs for `warmup` and then for `window`, and reads the server's clock at both ends of that.
    pub fn run(
        mut self,
        warmup: Duration,
        window: Duration,
        clock: &ProcessClock,
    ) -> io::Result<Measured> {
        for token in 0..self.connections.len() {
            self.start_request(token);
        }
        self.turn_until(Instant::now() + warmup)?;
        let warmup_requests = std::mem::take(&mut self.tally.requests);
        let (cpu_start, started) = (clock.nanoseconds()?, Instant::now());
        self.turn_until(started + window)?;
        let cpu_nanoseconds = clock.nanoseconds()? - cpu_start;
        Ok(Measured {
            tally: self.tally,
            warmup_requests,
            cpu_nanoseconds,
            wall: started.elapsed(),
        })
    }

    /// One answered request on the connection opened last, so that the server surely has it.
    pub fn greet(&mut self) -> io::Result<&Tally> {
        let goal = self.tally.requests + self.tally.errors + 1;
        self.start_request(self.connections.len() - 1);
        while self.tally.requests + self.tally.errors < goal {
            self.turn(|_, _| {})?;
        }
        Ok(&self.tally)
    }

    fn turn_until(&mut self, end: Instant) -> io::Result<()> {
        while Instant::now() < end && self.connections.iter().any(Option::is_some) {
            self.turn(Self::start_request)?;
        }
        Ok(())
    }

    /// Serves what is ready. `answered` is called when a connection's answer is complete.
    fn turn(&mut self, mut answered: impl FnMut(&mut Self, usize)) -> io::Result<()> {
        let mut ready: Vec<Event> = Vec::new();
        self.poller.wait(STALL, &mut ready)?;
        if ready.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the server answers no more",
            ));
        }
        for event in ready {
            if event.writable {
                self.send(event.token);
            }
            if event.readable && self.receive(event.token) {
                self.tally.requests += 1;
                answered(self, event.token);
            }
        }
        Ok(())
    }

    fn start_request(&mut self, token: usize) {
        if let Some(connection) = &mut self.connections[token] {
            connection.exchange.next();
            connection.sent = 0;
            self.send(token);
        }
    }

    fn send(&mut self, token: usize) {
        let Some(connection) = &mut self.connections[token] else {
            return;
        };
        let outcome = send_rest(connection, token, &self.poller);
        if let Err(error) = outcome {
            self.fail(token, format!("cannot send: {error}"));
        }
    }

    /// Whether the answer is now complete.
    fn receive(&mut self, token: usize) -> bool {
        let Some(connection) = &mut self.connections[token] else {
            return false;
        };
        let problem = match connection.stream.receive(&mut self.buffer) {
            Ok(None) => return false,
            Ok(Some(0)) => "the server closed the connection".to_owned(),
            Ok(Some(count)) => match connection.exchange.accept(&self.buffer[..count]) {
                Ok(progress) => return progress == Progress::Complete,
                Err(problem) => problem,
            },
            Err(error) => format!("cannot receive: {error}"),
        };
        self.fail(token, problem);
        false
    }

    /// Counts the error and closes the connection: what follows on it would mean nothing.
    fn fail(&mut self, token: usize, problem: String) {
        self.connections[token] = None;
        self.tally.errors += 1;
        self.tally.first_error.get_or_insert(problem);
    }
}

fn send_rest<E: Exchange>(
    connection: &mut Connection<E>,
    token: usize,
    poller: &Poller,
) -> io::Result<()> {
    let request = connection.exchange.request();
    while connection.sent < request.len() {
        match connection.stream.send(&request[connection.sent..])? {
            Some(count) => connection.sent += count,
            None => break,
        }
    }
    let blocked = connection.sent < request.len();
    if blocked != connection.blocked {
        connection.blocked = blocked;
        poller.want_write(connection.stream.as_raw_fd(), token, blocked)?;
    }
    Ok(())
}
