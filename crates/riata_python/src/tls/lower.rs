//! The transport below: a native one is called directly, any other by asyncio's names.

use super::Session;
use crate::core::buffer::bytes_of;
use crate::core::transport::Transport;
use crate::ffi::{Obj, Raised, Res, bytes, take_exception};
use crate::state::state;

impl Session {
    pub fn lower_write(&self, data: &Obj) -> Res<()> {
        let Some(lower) = self.lower.get() else {
            return Ok(());
        };
        match Transport::of(&lower) {
            Some(transport) => transport.write(&lower, data),
            None => lower.method1(&state().names.write, data).map(drop),
        }
    }

    /// Several pieces in one write.
    pub fn lower_write_all(&self, mut pieces: Vec<Obj>) -> Res<()> {
        if pieces.len() <= 1 {
            return match pieces.pop() {
                Some(piece) => self.lower_write(&piece),
                None => Ok(()),
            };
        }
        let Some(lower) = self.lower.get() else {
            return Ok(());
        };
        if let Some(transport) = Transport::of(&lower) {
            return transport.write_pieces(&lower, pieces);
        }
        let slices: Vec<&[u8]> = pieces.iter().filter_map(bytes_of).collect();
        self.lower_write(&bytes(&slices.concat())?)
    }

    /// End it now, for this reason (`None` for none).
    pub fn lower_force_close(&self, exception: &Obj) -> Res<()> {
        let Some(lower) = self.lower.get() else {
            return Ok(());
        };
        if let Some(transport) = Transport::of(&lower) {
            return transport.force_close(&lower, exception.clone());
        }
        let names = &state().names;
        match lower.attr(&names.force_close) {
            Ok(method) => method.call1(exception).map(drop),
            // Not one of asyncio's: it has what its interface promises.
            Err(Raised) => {
                drop(take_exception());
                lower.method0(&names.abort).map(drop)
            }
        }
    }

    pub fn lower_pause_reading(&self) -> Res<()> {
        let Some(lower) = self.lower.get() else {
            return Ok(());
        };
        match Transport::of(&lower) {
            Some(transport) => transport.pause_reading(&lower),
            None => lower.method0(&state().names.pause_reading).map(drop),
        }
    }

    pub fn lower_resume_reading(&self) -> Res<()> {
        let Some(lower) = self.lower.get() else {
            return Ok(());
        };
        match Transport::of(&lower) {
            Some(transport) => transport.resume_reading(&lower),
            None => lower.method0(&state().names.resume_reading).map(drop),
        }
    }

    pub fn lower_is_closing(&self) -> Res<bool> {
        let Some(lower) = self.lower.get() else {
            return Ok(false);
        };
        match Transport::of(&lower) {
            Some(transport) => Ok(transport.closing.get()),
            None => lower.get(c"is_closing")?.call0()?.truth(),
        }
    }
}
