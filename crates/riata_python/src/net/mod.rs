//! Sockets: transports, servers and socket calls.
//!
//! The loop hands [`Event`]s to [`run`], which finds the object that they are for.

use pyo3::prelude::*;
use riata_engine::SocketId;

use crate::event_loop::LoopCore;
use crate::ffi::{Obj, Res};

/// What can happen to an object of this module in a turn of the loop.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Event {
    Readable,
    Writable,
}

/// What a loop keeps for its sockets.
#[derive(Default)]
pub struct NetState {}

/// Deliver an event.
pub fn run(_core: &LoopCore, _object: &Obj, _event: Event) -> Res<()> {
    Ok(())
}

/// The loop closes.
pub fn close_all(_core: &LoopCore) {}

/// Refuse to watch a descriptor that a transport uses.
pub fn check_no_transport(_core: &LoopCore, _id: SocketId, _fd: &Bound<'_, PyAny>) -> PyResult<()> {
    Ok(())
}
