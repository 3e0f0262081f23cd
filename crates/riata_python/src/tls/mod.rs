//! TLS over any transport, with Python's own `ssl` doing all that is secret.
//!
//! [`SslProtocol`] drives an `SSLObject` between two `MemoryBIO`s, which it got from the program's own `SSLContext`; the
//! program's protocol sees [`SslTransport`]. What is deliberately absent: cryptography, and any knowledge of OpenSSL. Mirrors
//! `asyncio.sslproto` of CPython 3.14, whose mends (the shutdown's time limit holds until the connection is lost, a transport
//! is closing when the one below is) every version gets.
//!
//! `state.rs` and `backlog.rs` are plain values; the other files are the flows of a [`Session`]. A session's fields are read and
//! written one at a time, and nothing is borrowed across a call into Python.

mod app_transport;
mod backlog;
mod classes;
mod closing;
mod handshake;
mod lower;
mod protocol;
mod reading;
mod records;
mod state;
mod writing;

use std::cell::{Cell, RefCell};

pub use app_transport::finalize_by_del;
pub use protocol::SslProtocol;

use crate::core::future::any;
use crate::event_loop::LoopCore;
use crate::event_loop::reports::handle_exception;
use crate::ffi::{
    Obj, Res, Slot, dict_get, ends_the_loop, exception_matches, os_error_type, set_exception,
    take_exception,
};
use crate::net::{log_debug, streams};
use crate::state::state;
use backlog::Backlog;
use records::Records;
use state::{App, State, Water};

/// How the program's protocol takes its data.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Mode {
    /// `data_received(bytes)`.
    Plain,
    /// `get_buffer()` and `buffer_updated()`.
    Buffered,
    /// The protocol of asyncio's streams, unchanged: its reader is fed from here.
    Stream,
}

/// One TLS connection.
pub struct Session {
    loop_: Slot,
    /// The program's protocol, and the transport that it sees.
    app: Slot,
    app_transport: Slot,
    /// The transport below.
    lower: Slot,
    /// Who waits for the handshake.
    waiter: Slot,
    context: Slot,
    /// What `SSLContext.wrap_bio` made.
    ssl_object: Slot,
    /// What reads and writes: `ssl_object`, or the C object inside it.
    io: Slot,
    incoming: Slot,
    outgoing: Slot,
    extra: Slot,
    handshake_timer: Slot,
    shutdown_timer: Slot,
    handshake_timeout: Slot,
    shutdown_timeout: Slot,
    server_hostname: Slot,
    /// What a transport that is not ours receives into.
    buffer: Slot,
    server_side: bool,
    /// `io` and the BIOs are CPython's own, which keep no buffer that they are given.
    exact: bool,
    state: Cell<State>,
    app_state: Cell<App>,
    mode: Cell<Mode>,
    eof_received: Cell<bool>,
    app_reading_paused: Cell<bool>,
    /// The transport below takes no more.
    writing_paused: Cell<bool>,
    /// Ciphertext that waits to be read, against which the transport below is paused.
    reading: Water,
    /// What is not sent, against which the program is paused.
    app_writing: Water,
    conn_lost: Cell<u32>,
    backlog: RefCell<Backlog>,
    /// Somebody is encrypting, further up the stack.
    encrypting: Cell<bool>,
    /// Bytes in `incoming`, decrypted bytes in OpenSSL, and bytes of a record that OpenSSL has but not the end of.
    waiting: Cell<usize>,
    decrypted: Cell<usize>,
    swallowed: Cell<usize>,
    records: Cell<Records>,
    handshake_start: Cell<f64>,
}

impl Session {
    /// View an object as a TLS protocol of ours, if it is one.
    #[inline]
    pub fn of(object: &Obj) -> Option<&Session> {
        object.as_class::<SslProtocol>().map(|protocol| &**protocol)
    }

    fn loop_(&self) -> Obj {
        self.loop_.get_or_none()
    }

    /// With the native side of the loop.
    fn with_core<T>(&self, body: impl FnOnce(Option<&LoopCore>) -> T) -> T {
        let loop_ = self.loop_();
        body(LoopCore::of(&loop_))
    }

    fn debug(&self) -> bool {
        self.with_core(|core| core.is_some_and(|core| core.debug.get()))
    }

    fn log(&self, format: &str, args: &[&Obj]) -> Res<()> {
        self.with_core(|core| core.map_or(Ok(()), |core| log_debug(core, format, args)))
    }

    fn set_state(&self, next: State) -> Res<()> {
        let now = self.state.get();
        if !now.may_become(next) {
            return Err(classes::wrong_change(now, next));
        }
        self.state.set(next);
        Ok(())
    }

    fn set_app_protocol(&self, app: &Obj) -> Res<()> {
        let mode = if app.is_instance(&state().buffered_protocol)?
            && app.get_opt(c"get_buffer").is_some()
        {
            Mode::Buffered
        } else if streams::is_plain_stream(app)? {
            Mode::Stream
        } else {
            Mode::Plain
        };
        self.mode.set(mode);
        self.app.set(app.clone());
        Ok(())
    }

    fn wake_waiter(&self, exception: Option<&Obj>) -> Res<()> {
        let Some(waiter) = self.waiter.get() else {
            return Ok(());
        };
        if !any::is_cancelled(&waiter)? {
            match exception {
                Some(exception) => any::set_exception(&waiter, exception)?,
                None => any::set_result(&waiter, Obj::none())?,
            }
        }
        self.waiter.clear();
        Ok(())
    }

    fn extra_info(&self, name: &Obj, default: Option<&Obj>) -> Res {
        if let Some(found) = dict_get(&self.extra.get_or_none(), name)? {
            return Ok(found);
        }
        let default = default.cloned().unwrap_or_else(Obj::none);
        match self.lower.get() {
            Some(lower) => lower.method(
                &state().names.get_extra_info,
                &[name.as_ptr(), default.as_ptr()],
            ),
            None => Ok(default),
        }
    }

    /// End the connection for this reason, and report it unless it is the network's.
    #[cold]
    fn fatal(&self, this: &Obj, exception: &Obj, message: &str) -> Res<()> {
        let lower = self.lower.get();
        if lower.is_some() {
            self.lower_force_close(exception)?;
        }
        if exception_matches(exception, os_error_type()) {
            if self.debug() {
                classes::log_with_exception(this, message, exception)?;
            }
            return Ok(());
        }
        if exception.is_instance(&state().cancelled_error)? {
            return Ok(());
        }
        let lower = lower.unwrap_or_else(Obj::none);
        let more = [
            (&state().names.transport, &lower),
            (&state().names.protocol, this),
        ];
        self.with_core(|core| match core {
            Some(core) => handle_exception(core, message, exception, &more),
            None => Ok(()),
        })
    }

    /// As [`fatal`](Self::fatal) for what was raised; what is no `Exception` is passed on.
    #[cold]
    fn fatal_raised(&self, this: &Obj, message: &str) -> Res<()> {
        match take_exception() {
            None => Ok(()),
            Some(exception) if crate::ffi::is_plain_exception(&exception) => {
                self.fatal(this, &exception, message)
            }
            Some(exception) => Err(set_exception(exception)),
        }
    }

    /// A protocol's method about writing failed: the exception handler hears of it, and that is all.
    #[cold]
    fn report_flow(&self, this: &Obj, message: &str) -> Res<()> {
        let Some(exception) = take_exception() else {
            return Ok(());
        };
        if ends_the_loop(&exception) {
            return Err(set_exception(exception));
        }
        let transport = self.app_transport.get_or_none();
        let more = [
            (&state().names.transport, &transport),
            (&state().names.protocol, this),
        ];
        self.with_core(|core| match core {
            Some(core) => handle_exception(core, message, &exception, &more),
            None => Ok(()),
        })
    }

    /// Call a method of the protocol after `delay` seconds.
    fn call_later(&self, this: &Obj, delay: &Slot, method: &std::ffi::CStr) -> Res {
        let callback = this.get(method)?;
        let delay = delay.get_or_none();
        self.loop_().method(
            &state().names.call_later,
            &[delay.as_ptr(), callback.as_ptr()],
        )
    }

    fn call_soon(&self, callback: &Obj, args: &[&Obj]) -> Res<()> {
        let mut all = vec![callback.as_ptr()];
        all.extend(args.iter().map(|arg| arg.as_ptr()));
        self.loop_().method(&state().names.call_soon, &all)?;
        Ok(())
    }

    fn slots(&self) -> [&Slot; 17] {
        [
            &self.loop_,
            &self.app,
            &self.app_transport,
            &self.lower,
            &self.waiter,
            &self.context,
            &self.ssl_object,
            &self.io,
            &self.incoming,
            &self.outgoing,
            &self.extra,
            &self.handshake_timer,
            &self.shutdown_timer,
            &self.handshake_timeout,
            &self.shutdown_timeout,
            &self.server_hostname,
            &self.buffer,
        ]
    }
}

fn cancel(timer: &Slot) -> Res<()> {
    match timer.take() {
        Some(timer) => timer.method0(&state().names.cancel).map(drop),
        None => Ok(()),
    }
}
