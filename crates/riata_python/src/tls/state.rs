//! What a TLS connection is doing, as plain values: no Python, and nothing is done here.

use std::cell::Cell;

/// `asyncio.sslproto.SSLProtocolState`.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum State {
    Unwrapped,
    DoHandshake,
    Wrapped,
    Flushing,
    Shutdown,
}

impl State {
    pub fn may_become(self, next: State) -> bool {
        matches!(
            (self, next),
            (_, State::Unwrapped)
                | (State::Unwrapped, State::DoHandshake)
                | (State::DoHandshake, State::Wrapped)
                | (State::Wrapped, State::Flushing)
                | (State::Flushing, State::Shutdown)
        )
    }

    /// The program's data is taken no more.
    pub fn is_over(self) -> bool {
        matches!(self, State::Flushing | State::Shutdown | State::Unwrapped)
    }

    pub fn name(self) -> &'static std::ffi::CStr {
        match self {
            State::Unwrapped => c"UNWRAPPED",
            State::DoHandshake => c"DO_HANDSHAKE",
            State::Wrapped => c"WRAPPED",
            State::Flushing => c"FLUSHING",
            State::Shutdown => c"SHUTDOWN",
        }
    }
}

/// What the program's protocol has been told: `connection_made`, data, `eof_received` perhaps, `connection_lost`.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum App {
    Init,
    Made,
    Eof,
    Lost,
}

/// A buffer's two limits, and whether its source is paused.
pub struct Water {
    pub high: Cell<usize>,
    pub low: Cell<usize>,
    pub paused: Cell<bool>,
}

/// What a buffer of some size asks of its source.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Flow {
    Pause,
    Resume,
}

impl Water {
    pub fn new((high, low): (usize, usize)) -> Water {
        Water {
            high: Cell::new(high),
            low: Cell::new(low),
            paused: Cell::new(false),
        }
    }

    /// Note the buffer's size; what is to be told to the source is noted as told.
    pub fn reached(&self, size: usize) -> Option<Flow> {
        let paused = self.paused.get();
        if size >= self.high.get() && !paused {
            self.paused.set(true);
            Some(Flow::Pause)
        } else if size <= self.low.get() && paused {
            self.paused.set(false);
            Some(Flow::Resume)
        } else {
            None
        }
    }
}
