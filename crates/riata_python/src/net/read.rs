//! Receiving: one system call per readiness, into one buffer of the loop or the protocol's own.
//!
//! Mirrors the reading half of `asyncio.selector_events._SelectorSocketTransport`.

use std::io;

use riata_engine::Driver as _;

use super::{Event, log_debug, streams};
use crate::core::buffer::View;
use crate::core::transport::Transport;
use crate::errors::{may_retry, raise_os_error};
use crate::ffi::{Obj, Raised, Res, bytes, in_context, int, raise_runtime_error};
use crate::job::Job;
use crate::state::state;
use crate::tls::Session;

/// How a protocol takes its data.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Mode {
    /// `data_received(bytes)`.
    Plain,
    /// `get_buffer()` and `buffer_updated()`.
    Buffered,
    /// The protocol of asyncio's streams, unchanged: its reader is fed from here.
    Stream,
    /// Our own TLS, which takes the bytes from the loop's buffer.
    Tls,
}

impl Transport {
    #[inline]
    pub fn is_reading(&self) -> bool {
        !self.closing.get() && !self.paused.get()
    }

    pub fn watch_reading(&self, this: &Obj) -> Res<()> {
        let core = self.core();
        core.check_closed()?;
        let job = Job::Net(this.clone(), Event::Readable);
        let replaced = core
            .add_reader(self.id(), job)
            .map_err(|e| raise_os_error(&e))?;
        self.reading.begin(core.turn());
        drop(replaced);
        Ok(())
    }

    pub fn unwatch_reading(&self) {
        if self.reading.end() {
            drop(self.core().remove_reader(self.id()));
        }
    }

    pub fn set_protocol(&self, protocol: &Obj) -> Res<()> {
        let mode = if Session::of(protocol).is_some() {
            Mode::Tls
        } else if protocol.is_instance(&state().buffered_protocol)? {
            Mode::Buffered
        } else if streams::is_plain_stream(protocol)? {
            Mode::Stream
        } else {
            Mode::Plain
        };
        self.mode.set(mode);
        self.protocol.set(protocol.clone());
        Ok(())
    }

    pub fn pause_reading(&self, this: &Obj) -> Res<()> {
        if !self.is_reading() {
            return Ok(());
        }
        self.paused.set(true);
        self.unwatch_reading();
        log_debug(self.core(), "%r pauses reading", &[this])
    }

    pub fn resume_reading(&self, this: &Obj) -> Res<()> {
        if self.closing.get() || !self.paused.get() {
            return Ok(());
        }
        self.paused.set(false);
        #[cfg(not(Py_3_15))]
        self.context.set(crate::ffi::copy_context()?);
        self.watch_reading(this)?;
        log_debug(self.core(), "%r resumes reading", &[this])
    }

    /// The socket may be read.
    pub fn readable(&self, this: &Obj) -> Res<()> {
        if self.conn_lost.get() > 0 || !self.reading.hears(self.core().turn()) {
            return Ok(());
        }
        match self.context.get() {
            Some(context) => in_context(&context, || self.receive(this)),
            None => self.receive(this),
        }
    }

    /// Receive once, in whatever context that is.
    #[inline]
    pub fn receive(&self, this: &Obj) -> Res<()> {
        if self.conn_lost.get() > 0 {
            return Ok(());
        }
        let Some(protocol) = self.protocol.get() else {
            return Ok(());
        };
        match self.mode.get() {
            Mode::Plain => self.receive_plain(this, &protocol),
            Mode::Buffered => self.receive_buffered(this, &protocol),
            Mode::Stream => self.receive_stream(this, &protocol),
            Mode::Tls => self.receive_tls(this, &protocol),
        }
    }

    /// One `recv` into the loop's buffer. `None` when there was nothing, or when the rest is done already.
    #[inline]
    fn receive_into_loop<T>(
        &self,
        this: &Obj,
        take: impl FnOnce(&[u8]) -> Res<T>,
    ) -> Res<Option<T>> {
        let core = self.core();
        let received = core.net.with_buffer(|buffer| {
            match self.io(|driver, id| driver.recv(id, buffer)) {
                Ok(0) => Ok(None),
                // Copying to a new object runs no Python code.
                Ok(count) => Ok(Some(take(&buffer[..count]))),
                Err(error) => Err(error),
            }
        });
        match received {
            Ok(Some(taken)) => taken.map(Some),
            Ok(None) => self.received_end(this).map(|()| None),
            Err(error) => self.receive_failed(this, &error).map(|()| None),
        }
    }

    fn receive_plain(&self, this: &Obj, protocol: &Obj) -> Res<()> {
        let data = match self.receive_into_loop(this, bytes) {
            Ok(Some(data)) => data,
            Ok(None) => return Ok(()),
            Err(Raised) => return self.fatal_raised(this, "Fatal read error on socket transport"),
        };
        match protocol.method1(&state().names.data_received, &data) {
            Ok(_) => Ok(()),
            Err(Raised) => {
                self.fatal_raised(this, "Fatal error: protocol.data_received() call failed.")
            }
        }
    }

    fn receive_stream(&self, this: &Obj, protocol: &Obj) -> Res<()> {
        let Some(reader) = streams::reader_of(protocol)? else {
            return self.receive_plain(this, protocol);
        };
        let fed = self.receive_into_loop(this, |data| streams::append(&reader, data));
        let fed = match fed {
            Ok(Some(streams::Appended::All(size))) => {
                streams::fed(Some((self, this)), &reader, size)
            }
            Ok(Some(streams::Appended::Refused(data))) => protocol
                .method1(&state().names.data_received, &data)
                .map(drop),
            Ok(None) => return Ok(()),
            Err(raised) => Err(raised),
        };
        fed.or_else(|Raised| {
            self.fatal_raised(this, "Fatal error: protocol.data_received() call failed.")
        })
    }

    /// The loop's buffer is lent to the TLS engine, which may run anything: another one is made for who receives meanwhile.
    fn receive_tls(&self, this: &Obj, protocol: &Obj) -> Res<()> {
        let Some(session) = Session::of(protocol) else {
            return Ok(());
        };
        let core = self.core();
        let received =
            core.net.with_buffer(
                |buffer| match self.io(|driver, id| driver.recv(id, buffer)) {
                    Ok(0) => Ok(None),
                    Ok(count) => Ok(Some(session.received(protocol, &buffer[..count]))),
                    Err(error) => Err(error),
                },
            );
        match received {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(Raised))) => {
                self.fatal_raised(this, "Fatal error: protocol.buffer_updated() call failed.")
            }
            Ok(None) => self.received_end(this),
            Err(error) => self.receive_failed(this, &error),
        }
    }

    fn receive_buffered(&self, this: &Obj, protocol: &Obj) -> Res<()> {
        let names = &state().names;
        let lend = || -> Res<Obj> {
            let hint = int(-1)?;
            let buffer = protocol.method1(&names.get_buffer, &hint)?;
            if crate::ffi::length(&buffer)? == 0 {
                return Err(raise_runtime_error("get_buffer() returned an empty buffer"));
            }
            Ok(buffer)
        };
        let Ok(buffer) = lend() else {
            return self.fatal_raised(this, "Fatal error: protocol.get_buffer() call failed.");
        };
        let Ok(mut view) = View::for_recv(&buffer) else {
            return self.fatal_raised(this, "Fatal read error on socket transport");
        };
        let received = self.io(|driver, id| driver.recv(id, view.bytes_mut()));
        drop(view);
        match received {
            Ok(0) => self.received_end(this),
            Ok(count) => {
                let count = int(count as i64)?;
                // Who lent the buffer may have set another protocol.
                let protocol = self.protocol.get_or_none();
                match protocol.method1(&names.buffer_updated, &count) {
                    Ok(_) => Ok(()),
                    Err(Raised) => self
                        .fatal_raised(this, "Fatal error: protocol.buffer_updated() call failed."),
                }
            }
            Err(error) => self.receive_failed(this, &error),
        }
    }

    #[cold]
    fn receive_failed(&self, this: &Obj, error: &io::Error) -> Res<()> {
        if may_retry(error) {
            return Ok(());
        }
        let exception = crate::errors::os_error(error)?;
        self.fatal(this, exception, "Fatal read error on socket transport")
    }

    /// The peer has finished.
    fn received_end(&self, this: &Obj) -> Res<()> {
        log_debug(self.core(), "%r received EOF", &[this])?;
        let keep_open = self
            .protocol
            .get_or_none()
            .method0(&state().names.eof_received)
            .and_then(|answer| answer.truth());
        match keep_open {
            Ok(true) => {
                self.unwatch_reading();
                Ok(())
            }
            Ok(false) => self.close(this),
            Err(Raised) => {
                self.fatal_raised(this, "Fatal error: protocol.eof_received() call failed.")
            }
        }
    }
}
