//! Sending: at once, as much as the kernel takes; the rest when the socket is writable again.
//!
//! Mirrors the writing half of `asyncio.selector_events._SelectorSocketTransport`, and `_FlowControlMixin`.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;

use riata_engine::Driver as _;

use super::Event;
use crate::core::buffer::{Kind, View, bytes_of, kind_of};
use crate::core::future::any;
use crate::core::transport::Transport;
use crate::errors::{may_retry, os_error, raise_os_error};
use crate::event_loop::reports::handle_exception;
use crate::ffi::{
    Obj, Raised, Res, ends_the_loop, in_context, raise_runtime_error, raise_type_error, repr,
    set_exception, string, take_exception, to_int_saturating,
};
use crate::job::Job;
use crate::state::state;

pub const HIGH_WATER: usize = 64 * 1024;
pub const LOW_WATER: usize = HIGH_WATER / 4;

/// How many writes after the end of a connection are silent (`asyncio.constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES`).
const SILENT_WRITES: u32 = 5;
/// Pieces that one system call sends.
const PIECES_MAX: usize = 1024;

/// What is kept for sending.
#[derive(Default)]
pub struct Output {
    pieces: VecDeque<Piece>,
    size: usize,
}

/// Data and how much of it has been sent.
struct Piece {
    data: Data,
    sent: usize,
}

enum Data {
    /// The caller's own `bytes`, which cannot change.
    Bytes(Obj),
    View(View),
    Copy(Vec<u8>),
}

impl Data {
    fn of(object: &Obj, kind: Kind) -> Res<Data> {
        Ok(match kind {
            Kind::Bytes => Data::Bytes(object.clone()),
            // Kept as it is since 3.12, and copied before.
            Kind::MemoryView if cfg!(Py_3_12) => Data::View(View::of(object)?),
            // The caller may change it, and may not be kept from doing so.
            Kind::MemoryView | Kind::ByteArray => Data::Copy(View::of(object)?.bytes().to_vec()),
        })
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Data::Bytes(object) => bytes_of(object).unwrap_or_default(),
            Data::View(view) => view.bytes(),
            Data::Copy(copy) => copy,
        }
    }
}

impl Piece {
    fn rest(&self) -> &[u8] {
        &self.as_slice()[self.sent..]
    }

    fn as_slice(&self) -> &[u8] {
        self.data.as_slice()
    }
}

impl Output {
    /// Queue a piece; one with nothing left to send comes back, to be dropped with no borrow live.
    #[must_use]
    fn push(&mut self, data: Data, sent: usize) -> Option<Data> {
        let size = data.as_slice().len() - sent;
        if size == 0 {
            return Some(data);
        }
        self.size += size;
        self.pieces.push_back(Piece { data, sent });
        None
    }

    /// Forget `count` bytes from the front; pieces that are done come back, to be dropped with no borrow live.
    fn advance(&mut self, mut count: usize) -> Vec<Piece> {
        let mut done = Vec::new();
        self.size -= count;
        while let Some(first) = self.pieces.front_mut() {
            let size = first.rest().len();
            if size > count {
                first.sent += count;
                break;
            }
            count -= size;
            done.extend(self.pieces.pop_front());
        }
        done
    }
}

impl Transport {
    #[inline]
    pub fn output_size(&self) -> usize {
        self.output.borrow().size
    }

    pub fn drop_output(&self) {
        let dropped = self.output.take();
        drop(dropped);
    }

    pub fn write(&self, this: &Obj, data: &Obj) -> Res<()> {
        let Some(kind) = kind_of(data) else {
            return Err(wrong_type(data));
        };
        if self.eof.get() {
            return Err(raise_runtime_error("Cannot call write() after write_eof()"));
        }
        if self.empty_waiter.is_set() {
            return Err(raise_runtime_error(
                "unable to write; sendfile is in progress",
            ));
        }
        if let Some(bytes) = bytes_of(data) {
            return self.write_bytes(this, bytes, || Ok(Data::Bytes(data.clone())));
        }
        match View::of(data) {
            Ok(view) => self.write_bytes(this, view.bytes(), || Data::of(data, kind)),
            Err(Raised) => self.write_with_holes(this, data),
        }
    }

    /// A view that is not contiguous cannot be sent; asyncio finds out after what it checks for every write.
    #[cold]
    fn write_with_holes(&self, this: &Obj, data: &Obj) -> Res<()> {
        let error = take_exception();
        if !data.truth()? {
            return Ok(());
        }
        if self.conn_lost.get() > 0 {
            return self.count_lost_write();
        }
        error.map(set_exception);
        self.fatal_raised(this, "Fatal write error on socket transport")
    }

    #[inline]
    fn write_bytes(&self, this: &Obj, bytes: &[u8], keep: impl FnOnce() -> Res<Data>) -> Res<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.conn_lost.get() > 0 {
            return self.count_lost_write();
        }
        if self.output_size() == 0 {
            return self.write_now(this, bytes, keep);
        }
        let data = keep()?;
        let empty = self.output.borrow_mut().push(data, 0);
        drop(empty);
        self.maybe_pause_protocol(this)
    }

    fn write_now(&self, this: &Obj, bytes: &[u8], keep: impl FnOnce() -> Res<Data>) -> Res<()> {
        let sent = match self.io(|driver, id| driver.send(id, bytes)) {
            Ok(count) if count == bytes.len() => return Ok(()),
            Ok(count) => count,
            Err(error) if may_retry(&error) => 0,
            Err(error) => return self.write_failed(this, &error),
        };
        self.watch_writing(this)?;
        let data = keep()?;
        let empty = self.output.borrow_mut().push(data, sent);
        drop(empty);
        self.maybe_pause_protocol(this)
    }

    #[cold]
    fn write_failed(&self, this: &Obj, error: &io::Error) -> Res<()> {
        self.fatal(
            this,
            os_error(error)?,
            "Fatal write error on socket transport",
        )
    }

    #[cold]
    fn count_lost_write(&self) -> Res<()> {
        let count = self.conn_lost.get();
        if count >= SILENT_WRITES {
            let text = string("socket.send() raised exception.")?;
            state().logger.get(c"warning")?.call1(&text)?;
        }
        self.conn_lost.set(count + 1);
        Ok(())
    }

    pub fn writelines(&self, this: &Obj, list: &Obj) -> Res<()> {
        // Before 3.12 the pieces are joined and written.
        if !cfg!(Py_3_12) {
            let empty = crate::ffi::bytes(&[])?;
            let joined = empty.get(c"join")?.call1(list)?;
            return self.write(this, &joined);
        }
        if self.eof.get() {
            return Err(raise_runtime_error(
                "Cannot call writelines() after write_eof()",
            ));
        }
        if self.empty_waiter.is_set() {
            return Err(raise_runtime_error(
                "unable to writelines; sendfile is in progress",
            ));
        }
        if !list.truth()? {
            return Ok(());
        }
        let mut items = Vec::new();
        for item in crate::ffi::items(list)? {
            items.push(match kind_of(&item) {
                Some(Kind::Bytes) => item,
                // Every exporter of a buffer will do.
                _ => crate::ffi::memoryview(&item)?,
            });
        }
        let mut pieces = Vec::new();
        for item in items {
            pieces.push(match bytes_of(&item) {
                Some(_) => Data::Bytes(item),
                None => match View::of(&item) {
                    Ok(view) => Data::View(view),
                    Err(Raised) if self.conn_lost.get() == 0 => {
                        return self.fatal_raised(this, "Fatal write error on socket transport");
                    }
                    Err(Raised) => {
                        drop(take_exception());
                        continue;
                    }
                },
            });
        }
        self.send_pieces(this, pieces, true)
    }

    /// Several `bytes` at once, which is one system call if the kernel takes them.
    pub fn write_pieces(&self, this: &Obj, pieces: Vec<Obj>) -> Res<()> {
        self.send_pieces(this, pieces.into_iter().map(Data::Bytes).collect(), false)
    }

    /// `anew`: as asyncio's `writelines`, begin to watch even where the loop watches already; what it has seen is void then.
    fn send_pieces(&self, this: &Obj, pieces: Vec<Data>, anew: bool) -> Res<()> {
        if self.conn_lost.get() > 0 {
            return self.count_lost_write();
        }
        for piece in pieces {
            let empty = self.output.borrow_mut().push(piece, 0);
            drop(empty);
        }
        if self.output_size() == 0 {
            return Ok(());
        }
        self.writable(this)?;
        if self.output_size() > 0 {
            if anew {
                self.writing.end();
            }
            self.watch_writing(this)?;
            self.maybe_pause_protocol(this)?;
        }
        Ok(())
    }

    pub fn write_eof(&self) -> Res<()> {
        if self.closing.get() || self.eof.get() {
            return Ok(());
        }
        self.eof.set(true);
        if self.output_size() == 0 {
            self.shut_down()?;
        }
        Ok(())
    }

    fn shut_down(&self) -> Res<()> {
        self.io(|driver, id| driver.shutdown(id, Shutdown::Write))
            .map_err(|error| raise_os_error(&error))
    }

    pub fn watch_writing(&self, this: &Obj) -> Res<()> {
        if self.writing.is_on() {
            return Ok(());
        }
        let core = self.core();
        core.check_closed()?;
        #[cfg(Py_3_15)]
        self.write_context.set_opt(self.context.get());
        #[cfg(not(Py_3_15))]
        self.write_context.set(crate::ffi::copy_context()?);
        let job = Job::Net(this.clone(), Event::Writable);
        let replaced = core
            .add_writer(self.id(), job)
            .map_err(|e| raise_os_error(&e))?;
        self.writing.begin(core.turn());
        drop(replaced);
        Ok(())
    }

    pub fn unwatch_writing(&self) {
        if self.writing.end() {
            drop(self.core().remove_writer(self.id()));
            self.write_context.clear();
        }
    }

    /// The socket may be written to.
    pub fn writable_in_context(&self, this: &Obj) -> Res<()> {
        if !self.writing.hears(self.core().turn()) {
            return Ok(());
        }
        match self.write_context.get() {
            Some(context) => in_context(&context, || self.writable(this)),
            None => self.writable(this),
        }
    }

    pub fn writable(&self, this: &Obj) -> Res<()> {
        if self.conn_lost.get() > 0 {
            return Ok(());
        }
        if self.output_size() == 0 {
            self.unwatch_writing();
            return Ok(());
        }
        match self.send_output() {
            Ok(done) => drop(done),
            Err(error) if may_retry(&error) => return Ok(()),
            Err(error) => return self.sending_failed(this, &error),
        }
        self.maybe_resume_protocol(this)?;
        if self.output_size() > 0 {
            return Ok(());
        }
        self.unwatch_writing();
        if let Some(waiter) = self.empty_waiter.get() {
            any::set_result(&waiter, Obj::none())?;
        }
        if self.closing.get() {
            // The protocol may have ended the connection in `resume_writing`.
            if self.conn_lost.get() == 0 {
                self.conn_lost.set(1);
                self.call_connection_lost(this, &Obj::none())?;
            }
        } else if self.eof.get() {
            self.shut_down()?;
        }
        Ok(())
    }

    fn send_output(&self) -> io::Result<Vec<Piece>> {
        let mut output = self.output.borrow_mut();
        let count = {
            let slices: Vec<IoSlice<'_>> = output
                .pieces
                .iter()
                .take(PIECES_MAX)
                .map(|piece| IoSlice::new(piece.rest()))
                .collect();
            self.io(|driver, id| match slices.as_slice() {
                [one] => driver.send(id, one),
                several => driver.send_vectored(id, several),
            })?
        };
        Ok(output.advance(count))
    }

    #[cold]
    fn sending_failed(&self, this: &Obj, error: &io::Error) -> Res<()> {
        self.unwatch_writing();
        self.drop_output();
        let exception = os_error(error)?;
        self.fatal(
            this,
            exception.clone(),
            "Fatal write error on socket transport",
        )?;
        if let Some(waiter) = self.empty_waiter.get() {
            any::set_exception(&waiter, &exception)?;
        }
        Ok(())
    }

    // -------------------------------------------------------------- flow control

    #[inline]
    fn maybe_pause_protocol(&self, this: &Obj) -> Res<()> {
        if self.output_size() <= self.high_water.get() || self.protocol_paused.replace(true) {
            return Ok(());
        }
        self.tell_protocol(this, &state().names.pause_writing, "pause_writing")
    }

    #[inline]
    fn maybe_resume_protocol(&self, this: &Obj) -> Res<()> {
        if !self.protocol_paused.get() || self.output_size() > self.low_water.get() {
            return Ok(());
        }
        self.protocol_paused.set(false);
        self.tell_protocol(this, &state().names.resume_writing, "resume_writing")
    }

    fn tell_protocol(&self, this: &Obj, method: &Obj, name: &str) -> Res<()> {
        let protocol = self.protocol.get_or_none();
        if protocol.method0(method).is_ok() {
            return Ok(());
        }
        let Some(exception) = take_exception() else {
            return Ok(());
        };
        if ends_the_loop(&exception) {
            return Err(set_exception(exception));
        }
        let message = format!("protocol.{name}() failed");
        let more = [
            (&state().names.transport, this),
            (&state().names.protocol, &protocol),
        ];
        handle_exception(self.core(), &message, &exception, &more)
    }

    pub fn set_limits(&self, this: &Obj, high: Option<&Obj>, low: Option<&Obj>) -> Res<()> {
        let state = state();
        let (high, low) = (
            high.cloned().unwrap_or_else(Obj::none),
            low.cloned().unwrap_or_else(Obj::none),
        );
        // asyncio's own arithmetic, with its errors.
        let limits = state.simple_namespace.call0()?;
        let args = [limits.as_ptr(), high.as_ptr(), low.as_ptr()];
        state.set_write_buffer_limits.call(&args)?;
        let limit = |name| to_int_saturating(&limits.get(name)?);
        let (high, low) = (limit(c"_high_water")?, limit(c"_low_water")?);
        self.high_water.set(high as usize);
        self.low_water.set(low as usize);
        self.maybe_pause_protocol(this)
    }

    // -------------------------------------------------------------- for sendfile

    pub fn make_empty_waiter(&self) -> Res {
        if self.empty_waiter.is_set() {
            return Err(raise_runtime_error("Empty waiter is already set"));
        }
        let waiter = self.loop_.get_or_none().get(c"create_future")?.call0()?;
        self.empty_waiter.set(waiter.clone());
        if self.output_size() == 0 {
            any::set_result(&waiter, Obj::none())?;
        }
        Ok(waiter)
    }

    /// The connection is gone: whoever waits for the output to be sent waits in vain.
    pub fn wake_empty_waiter_lost(&self) -> Res<()> {
        let Some(waiter) = self.empty_waiter.get() else {
            return Ok(());
        };
        if any::is_done(&waiter)? {
            return Ok(());
        }
        let text = string("Connection is closed by peer")?;
        let error = Obj::of_type(crate::ffi::connection_error_type()).call1(&text)?;
        any::set_exception(&waiter, &error)
    }
}

#[cold]
fn wrong_type(data: &Obj) -> Raised {
    let class = Obj::of_type(data.type_ptr().cast());
    let shown = class.get(c"__name__").and_then(|name| repr(&name));
    let Ok(shown) = shown else { return Raised };
    // The wording changed in 3.14.
    raise_type_error(&if cfg!(Py_3_14) {
        format!("data argument must be a bytes, bytearray, or memoryview object, not {shown}")
    } else {
        format!("data argument must be a bytes-like object, not {shown}")
    })
}
