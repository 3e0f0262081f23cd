//! The program's data in, ciphertext out.

use super::backlog::{Piece, RECORD};
use super::state::{Flow, State};
use super::{Session, classes};
use crate::core::buffer::kind_of;
use crate::ffi::{Obj, Raised, Res, length};
use crate::state::state;

/// Ciphertext is taken from the BIO when it is more than this: a BIO keeps the memory that it once needed.
const TAKE: usize = RECORD / 2;
/// How many writes after the end are silent (`asyncio.constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES`).
const SILENT_WRITES: u32 = 5;

impl Session {
    /// Count a write after the end; whether it is one.
    fn is_lost_write(&self) -> Res<bool> {
        if !self.state.get().is_over() {
            return Ok(false);
        }
        let count = self.conn_lost.get();
        if count >= SILENT_WRITES {
            classes::warn("SSL connection is closed")?;
        }
        self.conn_lost.set(count.saturating_add(1));
        Ok(true)
    }

    pub fn write(&self, this: &Obj, data: &Obj) -> Res<()> {
        if self.is_lost_write()? {
            return Ok(());
        }
        self.keep(data);
        self.written(this)
    }

    pub fn writelines(&self, this: &Obj, list: &Obj) -> Res<()> {
        if self.is_lost_write()? {
            return Ok(());
        }
        let items = crate::ffi::items(list)?;
        for data in items {
            self.keep(&data);
            if kind_of(&data).is_none() {
                // asyncio counts what it keeps, and there meets what has no length.
                length(&data)?;
            }
        }
        self.written(this)
    }

    pub fn keep(&self, data: &Obj) {
        if let Some(piece) = Piece::of(data) {
            self.backlog.borrow_mut().push(piece);
        }
    }

    #[inline]
    fn written(&self, this: &Obj) -> Res<()> {
        if self.state.get() != State::Wrapped {
            return Ok(());
        }
        self.do_write_or_end(this)
    }

    /// As [`do_write`](Self::do_write); an error ends the connection.
    pub fn do_write_or_end(&self, this: &Obj) -> Res<()> {
        self.do_write(this)
            .or_else(|Raised| self.fatal_raised(this, "Fatal error on SSL protocol"))
    }

    /// Encrypt the backlog, and hand the ciphertext over, in one go.
    ///
    /// While the transport below takes no more, plaintext waits as it is. But at the end of a connection all is encrypted:
    /// the goodbye comes after it.
    pub fn do_write(&self, this: &Obj) -> Res<()> {
        let open = !self.writing_paused.get();
        if (open || self.state.get() != State::Wrapped) && !self.encrypting.replace(true) {
            let mut ciphertext = Vec::new();
            let encrypted = self.encrypt(open.then_some(&mut ciphertext));
            self.encrypting.set(false);
            // What was encrypted before an error belongs to earlier writes, and goes out.
            match encrypted {
                Ok(()) => self.lower_write_all(ciphertext)?,
                Err(raised) => {
                    crate::ffi::aside(|| self.lower_write_all(ciphertext))?;
                    return Err(raised);
                }
            }
        }
        self.control_app_writing(this)
    }

    /// `taken` gets the ciphertext, if it is to leave the BIO.
    fn encrypt(&self, mut taken: Option<&mut Vec<Obj>>) -> Res<()> {
        let io = self.io.get_or_none();
        let mut waiting = 0;
        loop {
            let next = self.backlog.borrow_mut().pop();
            let Some(mut piece) = next else { break };
            let write = |data: &Obj| io.method1(&state().names.write, data);
            let written = piece
                .show(self.exact, write)
                .and_then(|count| crate::ffi::to_int(&count));
            match written {
                Ok(count) => {
                    waiting += count as usize;
                    piece.skip(count as usize);
                    if piece.len() > 0 {
                        self.backlog.borrow_mut().put_back(piece);
                    }
                }
                Err(Raised) => {
                    self.backlog.borrow_mut().put_back(piece);
                    if classes::classes()?.raised_again() {
                        break;
                    }
                    return Err(Raised);
                }
            }
            if let Some(taken) = &mut taken {
                if waiting >= TAKE {
                    waiting = 0;
                    taken.extend(self.take_outgoing()?);
                }
            }
        }
        if let Some(taken) = taken {
            taken.extend(self.take_outgoing()?);
        }
        Ok(())
    }

    fn take_outgoing(&self) -> Res<Option<Obj>> {
        let data = self.outgoing.get_or_none().method0(&state().names.read)?;
        Ok((length(&data)? > 0).then_some(data))
    }

    pub fn process_outgoing(&self, this: &Obj) -> Res<()> {
        if !self.writing_paused.get() {
            if let Some(data) = self.take_outgoing()? {
                self.lower_write(&data)?;
            }
        }
        self.control_app_writing(this)
    }

    // -------------------------------------------------------------- flow control

    pub fn write_buffer_size(&self) -> Res<usize> {
        let outgoing = classes::pending(&self.outgoing.get_or_none())?;
        Ok(outgoing + self.backlog.borrow().size())
    }

    pub fn control_app_writing(&self, this: &Obj) -> Res<()> {
        // While the transport below takes all, none is left in the BIO.
        let size = if self.writing_paused.get() {
            self.write_buffer_size()?
        } else {
            self.backlog.borrow().size()
        };
        let names = &state().names;
        let (method, message) = match self.app_writing.reached(size) {
            None => return Ok(()),
            Some(Flow::Pause) => (&names.pause_writing, "protocol.pause_writing() failed"),
            Some(Flow::Resume) => (&names.resume_writing, "protocol.resume_writing() failed"),
        };
        match self.app.get_or_none().method0(method) {
            Ok(_) => Ok(()),
            Err(Raised) => self.report_flow(this, message),
        }
    }

    /// The transport below has room again.
    pub fn lower_resume_writing(&self, this: &Obj) -> Res<()> {
        self.writing_paused.set(false);
        if self.state.get() == State::Wrapped && !self.backlog.borrow().is_empty() {
            return self.do_write_or_end(this);
        }
        self.process_outgoing(this)
    }
}
