//! From `connection_made` below to `connection_made` above.

use pyo3::prelude::*;

use super::state::{App, State};
use super::{Session, cancel, classes};
use crate::ffi::{
    Obj, Raised, Res, connection_aborted, dict_set, float, is_plain_exception, set_exception,
    string, take_exception,
};
use crate::state::state;

fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.str().map(|text| text.to_string())
}

impl Session {
    pub fn start_handshake(&self, this: &Obj) -> Res<()> {
        if self.debug() {
            self.log("%r starts SSL handshake", &[this])?;
            let now = self.with_core(|core| core.map_or(0.0, |core| core.time()));
            self.handshake_start.set(now);
        }
        self.set_state(State::DoHandshake)?;
        let timer = self.call_later(this, &self.handshake_timeout, c"_check_handshake_timeout")?;
        self.handshake_timer.set(timer);
        self.do_handshake(this)
    }

    pub fn check_handshake_timeout(&self, this: &Obj) -> Res<()> {
        if self.state.get() != State::DoHandshake {
            return Ok(());
        }
        let seconds = self.handshake_timeout.get_or_none();
        let shown = crate::ffi::attached(|py| text(&seconds.bound(py)))?;
        let exception = connection_aborted(&format!(
            "SSL handshake is taking longer than {shown} seconds: aborting the connection"
        ))?;
        self.fatal(this, &exception, "Fatal error on transport")
    }

    pub fn do_handshake(&self, this: &Obj) -> Res<()> {
        let done = self
            .ssl_object
            .get_or_none()
            .method0(&state().names.do_handshake);
        match done {
            Ok(_) => self.handshake_complete(this, None),
            Err(Raised) => {
                let classes = classes::classes()?;
                if classes.raised_again() {
                    self.process_outgoing(this)
                } else if classes.raised_ssl_error() {
                    let exception = take_exception();
                    self.handshake_complete(this, exception)
                } else {
                    Err(Raised)
                }
            }
        }
    }

    pub fn handshake_complete(&self, this: &Obj, failed: Option<Obj>) -> Res<()> {
        cancel(&self.handshake_timer)?;
        let ssl_object = self.ssl_object.get_or_none();
        let checked = match failed {
            None => self
                .set_state(State::Wrapped)
                .and_then(|()| ssl_object.get(c"getpeercert")?.call0()),
            Some(exception) => Err(set_exception(exception)),
        };
        let certificate = match checked {
            Ok(certificate) => certificate,
            Err(Raised) => return self.handshake_failed(this),
        };
        if self.debug() {
            let now = self.with_core(|core| core.map_or(0.0, |core| core.time()));
            let took = float((now - self.handshake_start.get()) * 1e3)?;
            self.log("%r: SSL handshake took %.1f ms", &[this, &took])?;
        }
        let extra = self.extra.get_or_none();
        dict_set(&extra, &string("peercert")?, &certificate)?;
        for name in ["cipher", "compression"] {
            let method = ssl_object.attr(&string(name)?)?;
            dict_set(&extra, &string(name)?, &method.call0()?)?;
        }
        dict_set(&extra, &string("ssl_object")?, &ssl_object)?;
        if self.app_state.get() == App::Init {
            self.app_state.set(App::Made);
            let transport = self.app_transport.get_or_none();
            self.app
                .get_or_none()
                .method1(&state().names.connection_made, &transport)?;
        }
        self.wake_waiter(None)?;
        self.look_at_incoming()?;
        self.do_read(this, &[])
    }

    #[cold]
    fn handshake_failed(&self, this: &Obj) -> Res<()> {
        let Some(exception) = take_exception() else {
            return Ok(());
        };
        if !is_plain_exception(&exception) {
            return Err(set_exception(exception));
        }
        self.set_state(State::Unwrapped)?;
        let message = if classes::classes()?.is_certificate_error(&exception)? {
            "SSL handshake failed on verifying the certificate"
        } else {
            "SSL handshake failed"
        };
        self.fatal(this, &exception, message)?;
        self.wake_waiter(Some(&exception))
    }
}
