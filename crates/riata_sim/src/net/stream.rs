//! One end of a connection: what has arrived at it, and what became of the way to the other end.

use std::collections::VecDeque;
use std::io;

use riata_engine::{Readiness, SocketAddr};

/// Names an end of a connection. An end exists before it has a socket: from `connect` until `accept`.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Debug)]
pub(super) struct EndId(pub(super) u64);

pub(super) struct End {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The other end, until it is closed.
    pub(super) peer: Option<EndId>,
    /// What has arrived and was not received; at most `capacity` bytes.
    pub(super) arrived: VecDeque<u8>,
    pub(super) capacity: usize,
    /// The peer will send no more.
    pub(super) finished: bool,
    /// This end will send no more; `send` is a broken pipe.
    pub(super) sending_over: bool,
    /// This end wants no more.
    pub(super) receiving_over: bool,
    /// An error (an errno) that has arrived and that nobody has seen.
    pub(super) error: Option<i32>,
}

impl End {
    pub(super) fn new(local: SocketAddr, remote: SocketAddr, capacity: usize) -> Self {
        End {
            local,
            remote,
            peer: None,
            arrived: VecDeque::new(),
            capacity,
            finished: false,
            sending_over: false,
            receiving_over: false,
            error: None,
        }
    }

    pub(super) fn room(&self) -> usize {
        self.capacity - self.arrived.len()
    }

    pub(super) fn take_error(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(errno) => Err(io::Error::from_raw_os_error(errno)),
            None => Ok(()),
        }
    }

    pub(super) fn recv(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.arrived.is_empty() {
            self.take_error()?;
            if self.finished || self.receiving_over || buffer.is_empty() {
                return Ok(0);
            }
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(self.arrived.len());
        for (to, from) in buffer.iter_mut().zip(self.arrived.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }

    /// The connection was cut off: by the peer, or because it is gone.
    pub(super) fn reset(&mut self, errno: i32) {
        self.peer = None;
        self.error = Some(errno);
        self.finished = true;
        self.sending_over = true;
    }

    /// `peer_room`: how much the other end can take.
    pub(super) fn readiness(&self, peer_room: usize) -> Readiness {
        if self.error.is_some() || (self.finished && self.sending_over) {
            // An error, or a hang-up: both directions are over.
            return Readiness::BOTH;
        }
        let mut readiness = Readiness::NONE;
        if !self.arrived.is_empty() || self.finished || self.receiving_over {
            readiness |= Readiness::READABLE;
        }
        if self.sending_over || self.peer.is_none() || peer_room > 0 {
            readiness |= Readiness::WRITABLE;
        }
        readiness
    }
}
