//! The end of a connection: in order, at once, or because the other side ended it.

use super::state::{App, State};
use super::{Session, cancel, classes};
use crate::ffi::{
    Obj, Raised, Res, connection_reset, ends_the_loop, is_plain_exception, set_exception, string,
    take_exception,
};
use crate::state::state;

impl Session {
    /// `close()`: send what is kept, say goodbye, wait for the peer's, close.
    pub fn start_shutdown(&self, this: &Obj) -> Res<()> {
        if self.state.get().is_over() {
            return Ok(());
        }
        self.mark_closed();
        if self.state.get() == State::DoHandshake {
            return self.abort(&Obj::none());
        }
        self.set_state(State::Flushing)?;
        self.start_shutdown_timer(this)?;
        self.do_flush(this)
    }

    fn start_shutdown_timer(&self, this: &Obj) -> Res<()> {
        let timer = self.call_later(this, &self.shutdown_timeout, c"_check_shutdown_timeout")?;
        self.shutdown_timer.set(timer);
        Ok(())
    }

    pub fn check_shutdown_timeout(&self) -> Res<()> {
        if !matches!(self.state.get(), State::Flushing | State::Shutdown) {
            return Ok(());
        }
        let text = string("SSL shutdown timed out")?;
        let exception = state().timeout_error.call1(&text)?;
        self.lower_force_close(&exception)
    }

    pub fn do_flush(&self, this: &Obj) -> Res<()> {
        self.do_read(this, &[])?;
        if !self.backlog.borrow().is_empty() {
            self.do_write_or_end(this)?;
        }
        self.set_state(State::Shutdown)?;
        self.do_shutdown(this)
    }

    pub fn do_shutdown(&self, this: &Obj) -> Res<()> {
        if !self.eof_received.get() {
            let said = self.ssl_object.get_or_none().method0(&state().names.unwrap);
            if let Err(Raised) = said {
                let classes = classes::classes()?;
                return if classes.raised_again() {
                    self.process_outgoing(this)
                } else if classes.raised_ssl_error() {
                    self.shutdown_failed(this)
                } else {
                    Err(Raised)
                };
            }
        }
        self.process_outgoing(this)?;
        self.call_eof_received(this)?;
        // The transport below sends first what it keeps, which a peer that does not read delays for ever: the time limit
        // holds until the connection is lost.
        if !self.shutdown_timer.is_set() {
            self.start_shutdown_timer(this)?;
        }
        match self.lower.get() {
            Some(lower) => {
                let close = lower.attr(&state().names.close)?;
                self.call_soon(&close, &[])
            }
            None => Ok(()),
        }
    }

    #[cold]
    fn shutdown_failed(&self, this: &Obj) -> Res<()> {
        let exception = take_exception();
        cancel(&self.shutdown_timer)?;
        match exception {
            Some(exception) => self.fatal(this, &exception, "Fatal error on transport"),
            None => Ok(()),
        }
    }

    pub fn abort(&self, exception: &Obj) -> Res<()> {
        self.set_state(State::Unwrapped)?;
        self.lower_force_close(exception)
    }

    /// The transport that the program sees does not complain any more when it is dropped.
    fn mark_closed(&self) {
        if let Some(transport) = self.app_transport.get() {
            super::app_transport::mark_closed(&transport);
        }
    }

    // -------------------------------------------------------------- what the transport below says

    pub fn lower_eof(&self, this: &Obj) -> Res<bool> {
        self.eof_received.set(true);
        self.answer_eof(this).or_else(|Raised| {
            let Some(exception) = take_exception() else {
                return Ok(false);
            };
            if is_plain_exception(&exception) {
                if let Some(lower) = self.lower.get() {
                    lower.method0(&state().names.close)?;
                }
            }
            Err(set_exception(exception))
        })
    }

    fn answer_eof(&self, this: &Obj) -> Res<bool> {
        self.log("%r received EOF", &[this])?;
        match self.state.get() {
            State::DoHandshake => {
                self.handshake_complete(this, Some(connection_reset()?))?;
            }
            State::Wrapped => {
                self.set_state(State::Flushing)?;
                if self.app_reading_paused.get() {
                    return Ok(true);
                }
                self.do_flush(this)?;
            }
            State::Flushing => {
                self.do_write(this)?;
                self.set_state(State::Shutdown)?;
                self.do_shutdown(this)?;
            }
            State::Shutdown => self.do_shutdown(this)?,
            State::Unwrapped => {}
        }
        Ok(false)
    }

    pub fn call_eof_received(&self, this: &Obj) -> Res<()> {
        if self.app_state.get() != App::Made {
            return Ok(());
        }
        self.app_state.set(App::Eof);
        let told = self
            .app
            .get_or_none()
            .method0(&state().names.eof_received)
            .and_then(|keep_open| keep_open.truth())
            .and_then(|keep_open| {
                if !keep_open {
                    return Ok(());
                }
                classes::warn("returning true from eof_received() has no effect when using ssl")
            });
        match told {
            Ok(()) => Ok(()),
            Err(Raised) => match take_exception() {
                Some(exception) if ends_the_loop(&exception) => Err(set_exception(exception)),
                Some(exception) => self.fatal(this, &exception, "Error calling eof_received()"),
                None => Ok(()),
            },
        }
    }

    pub fn connection_lost(&self, exception: &Obj) -> Res<()> {
        let forgotten = self.backlog.take();
        drop(forgotten);
        self.outgoing.get_or_none().method0(&state().names.read)?;
        self.conn_lost.set(self.conn_lost.get() + 1);
        self.mark_closed();
        if self.state.get() != State::DoHandshake
            && matches!(self.app_state.get(), App::Made | App::Eof)
        {
            self.app_state.set(App::Lost);
            let lost = self
                .app
                .get_or_none()
                .attr(&state().names.connection_lost)?;
            self.call_soon(&lost, &[exception])?;
        }
        self.set_state(State::Unwrapped)?;
        self.lower.clear();
        self.app_transport.clear();
        self.app.clear();
        self.wake_waiter((!exception.is_none()).then_some(exception))?;
        cancel(&self.shutdown_timer)?;
        cancel(&self.handshake_timer)
    }
}
