//! Ciphertext in, the program's data out.
//!
//! Asking OpenSSL for what is not there raises `SSLWantReadError`, which costs as much as decrypting a small record. So it is
//! read while the BIO or OpenSSL has something, and the error is left for records that have not come whole.

use super::backlog::RECORD;
use super::state::{Flow, State};
use super::{Mode, Session, classes};
use crate::core::buffer::bytes_of;
use crate::ffi::{Obj, Raised, Res, bytes, length, memoryview, tail, with_memoryview};
use crate::net::streams;
use crate::state::state;

/// What goes into the BIO at a time: a BIO keeps the memory that it once needed.
const FEED: usize = RECORD + 1024;

/// Decrypted pieces of one event.
#[derive(Default)]
struct Decrypted {
    first: Option<Obj>,
    more: Vec<Obj>,
}

impl Decrypted {
    fn push(&mut self, piece: Obj) {
        if self.first.is_none() {
            self.first = Some(piece);
        } else {
            self.more.push(piece);
        }
    }

    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.first
            .iter()
            .chain(&self.more)
            .filter_map(|piece| bytes_of(piece))
    }

    /// All of it as one `bytes`.
    fn into_bytes(self) -> Res<Option<Obj>> {
        if self.more.is_empty() {
            return Ok(self.first);
        }
        let joined: Vec<&[u8]> = self.slices().collect();
        bytes(&joined.concat()).map(Some)
    }
}

impl Session {
    /// The transport below has received.
    #[inline]
    pub fn received(&self, this: &Obj, data: &[u8]) -> Res<()> {
        if self.state.get() == State::Wrapped {
            return self.do_read(this, data);
        }
        self.feed(data)?;
        match self.state.get() {
            State::DoHandshake => self.do_handshake(this),
            State::Flushing => self.do_flush(this),
            State::Shutdown => self.do_shutdown(this),
            State::Wrapped | State::Unwrapped => Ok(()),
        }
    }

    fn feed(&self, mut data: &[u8]) -> Res<()> {
        while !data.is_empty() {
            data = &data[self.feed_some(data)?..];
        }
        Ok(())
    }

    /// Put the front of `data` into the BIO, up to the end of a record if there is one; returns how much.
    fn feed_some(&self, data: &[u8]) -> Res<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let mut records = self.records.get();
        let count = records.take(data, FEED.saturating_sub(self.waiting.get()));
        self.records.set(records);
        let data = &data[..count];
        let incoming = self.incoming.get_or_none();
        let write = |view: &Obj| incoming.method1(&state().names.write, view);
        with_memoryview(data, write)?;
        self.waiting.set(self.waiting.get() + count);
        Ok(count)
    }

    /// Whether OpenSSL has decrypted bytes, or the BIO a whole record (or what may be one).
    fn may_read(&self) -> bool {
        let tail = self.records.get().tail().unwrap_or(0);
        self.decrypted.get() > 0 || self.waiting.get() > tail
    }

    /// Others than `do_read` have read from the BIO.
    pub fn look_at_incoming(&self) -> Res<()> {
        self.waiting
            .set(classes::pending(&self.incoming.get_or_none())?);
        Ok(())
    }

    /// Take `data`, and give the program what can be read.
    pub fn do_read(&self, this: &Obj, data: &[u8]) -> Res<()> {
        if !matches!(self.state.get(), State::Wrapped | State::Flushing) {
            return self.feed(data);
        }
        self.read_and_answer(this, data)
            .or_else(|Raised| self.fatal_raised(this, "Fatal error on SSL protocol"))
    }

    fn read_and_answer(&self, this: &Obj, data: &[u8]) -> Res<()> {
        if self.app_reading_paused.get() {
            self.feed(data)?;
        } else {
            if self.mode.get() == Mode::Buffered {
                self.feed(data)?;
                self.read_buffered(this)?;
            } else {
                self.read_copied(this, data)?;
            }
            if self.backlog.borrow().is_empty() {
                self.process_outgoing(this)?;
            } else {
                self.do_write(this)?;
            }
        }
        self.control_reading()
    }

    fn read_copied(&self, this: &Obj, data: &[u8]) -> Res<()> {
        let mut decrypted = Decrypted::default();
        let mut open = true;
        let mut rest = data;
        loop {
            rest = &rest[self.feed_some(rest)?..];
            open = open && self.read_records(&mut decrypted)?;
            if rest.is_empty() {
                break;
            }
        }
        if decrypted.first.is_some() {
            self.deliver(decrypted)?;
        }
        if !open {
            self.call_eof_received(this)?;
            self.start_shutdown(this)?;
        }
        Ok(())
    }

    /// Read all that is there; false when the peer has said goodbye.
    fn read_records(&self, decrypted: &mut Decrypted) -> Res<bool> {
        let io = self.io.get_or_none();
        loop {
            if !self.may_read() {
                return Ok(true);
            }
            let (waiting, known) = (self.waiting.get(), self.decrypted.get());
            // No record holds more than the ciphertext that it came in.
            let most = known.max(waiting + self.swallowed.get()).min(RECORD);
            let piece = match io.method1(&state().names.read, &classes::size(most)?) {
                Ok(piece) => piece,
                Err(Raised) => {
                    self.nothing_more()?;
                    return Ok(true);
                }
            };
            let count = length(&piece)?;
            self.has_read(&io, most, count)?;
            if count == 0 {
                return Ok(false);
            }
            decrypted.push(piece);
        }
    }

    /// After a read of `count` bytes, of `most` that were asked for.
    fn has_read(&self, io: &Obj, most: usize, count: usize) -> Res<()> {
        self.swallowed.set(0);
        self.look_at_incoming()?;
        // Less than was asked for: the record is at its end.
        let known = if count < most && self.exact {
            0
        } else {
            crate::ffi::to_int(&io.method0(&state().names.pending)?)? as usize
        };
        self.decrypted.set(known);
        Ok(())
    }

    /// After a read that raised: `Ok` when a record has not come whole.
    #[cold]
    fn nothing_more(&self) -> Res<()> {
        if !classes::classes()?.raised_again() {
            return Err(Raised);
        }
        let before = self.waiting.get();
        self.look_at_incoming()?;
        let taken = before.saturating_sub(self.waiting.get());
        self.swallowed.set(self.swallowed.get() + taken);
        self.decrypted.set(0);
        // What OpenSSL leaves in the BIO when it wants more is of no use before more comes.
        self.waiting.set(0);
        Ok(())
    }

    fn deliver(&self, decrypted: Decrypted) -> Res<()> {
        let app = self.app.get_or_none();
        if self.mode.get() == Mode::Stream {
            if let Some(reader) = streams::reader_of(&app)? {
                return feed_reader(&app, &reader, decrypted);
            }
        }
        match decrypted.into_bytes()? {
            Some(data) => app.method1(&state().names.data_received, &data).map(drop),
            None => Ok(()),
        }
    }

    fn read_buffered(&self, this: &Obj) -> Res<()> {
        if !self.may_read() {
            return Ok(());
        }
        let (names, io, app) = (
            &state().names,
            self.io.get_or_none(),
            self.app.get_or_none(),
        );
        let hint = classes::size(self.waiting.get())?;
        let buffer = app.method1(&names.get_buffer, &hint)?;
        let room = length(&buffer)?;
        // asyncio slices what it got, which for a bytearray is a copy: the data would be lost.
        let view = memoryview(&buffer)?;
        let (mut filled, mut open) = (0, true);
        // At least once: no room at all reads nothing, which ends the connection, as in asyncio.
        loop {
            let wanted = classes::size(room - filled)?;
            let target = if filled == 0 {
                buffer.clone()
            } else {
                tail(&view, filled)?
            };
            match io.method(&names.read, &[wanted.as_ptr(), target.as_ptr()]) {
                Ok(count) => {
                    let count = crate::ffi::to_int(&count)? as usize;
                    self.has_read(&io, room - filled, count)?;
                    if count == 0 {
                        open = false;
                        break;
                    }
                    filled += count;
                }
                Err(Raised) => {
                    self.nothing_more()?;
                    break;
                }
            }
            if filled >= room || !self.may_read() {
                break;
            }
        }
        drop(view);
        if open && filled == room {
            self.call_soon(&this.get(c"_do_read")?, &[])?;
        }
        if filled > 0 {
            app.method1(&names.buffer_updated, &classes::size(filled)?)?;
        }
        if !open {
            self.call_eof_received(this)?;
            self.start_shutdown(this)?;
        }
        Ok(())
    }

    // -------------------------------------------------------------- flow control

    pub fn pause_reading(&self) {
        self.app_reading_paused.set(true);
    }

    pub fn resume_reading(&self, this: &Obj) -> Res<()> {
        if !self.app_reading_paused.replace(false) {
            return Ok(());
        }
        self.call_soon(&this.get(c"_resume")?, &[])
    }

    /// Go on, with the program listening again.
    pub fn resume(&self, this: &Obj) -> Res<()> {
        match self.state.get() {
            State::Wrapped => self.do_read(this, &[]),
            State::Flushing => self.do_flush(this),
            State::Shutdown => self.do_shutdown(this),
            State::DoHandshake | State::Unwrapped => Ok(()),
        }
    }

    /// Pause the transport below when too much waits, and let it go on when that is read.
    pub fn control_reading(&self) -> Res<()> {
        // The beginning of a record does not count: more must come before it can be read.
        let size = if self.may_read() {
            self.waiting.get()
        } else {
            0
        };
        match self.reading.reached(size) {
            None => Ok(()),
            Some(Flow::Pause) => self.lower_pause_reading(),
            Some(Flow::Resume) => self.lower_resume_reading(),
        }
    }
}

/// asyncio's own stream: its reader's buffer takes the data without Python code.
fn feed_reader(app: &Obj, reader: &Obj, decrypted: Decrypted) -> Res<()> {
    let mut size = 0;
    let mut fed = 0;
    for slice in decrypted.slices() {
        match streams::append(reader, slice)? {
            streams::Appended::All(new) => {
                size = new;
                fed += 1;
            }
            streams::Appended::Refused(_) => break,
        }
    }
    if fed == 0 {
        return match decrypted.into_bytes()? {
            Some(data) => app.method1(&state().names.data_received, &data).map(drop),
            None => Ok(()),
        };
    }
    streams::fed(None, reader, size)
}
