//! Pipes: the reading and writing of asyncio's own pipe transports.
//!
//! Mirrors `asyncio.unix_events._UnixReadPipeTransport._read_ready` and `_UnixWritePipeTransport.write`. What is rare (a queue
//! of unwritten data, a closed transport, data that is not `bytes`) is left to asyncio's own method.

use std::io;

use riata_engine::Driver as _;

use super::{fatal_error, log_info, native};
use crate::core::buffer::{exact_bytes_of, extend_bytearray};
use crate::errors::{may_retry, os_error};
use crate::event_loop::LoopCore;
use crate::ffi::{Obj, Res, bytes, int, length, to_int};
use crate::state::state;

/// Read once.
pub fn read(this: &Obj) -> Res<()> {
    let names = &state().names;
    let loop_ = this.attr(&names.loop_attr)?;
    let Some((core, id)) = native(&loop_, &this.attr(&names.fileno_attr)?)? else {
        return Ok(());
    };
    let read = core.net.with_buffer(|buffer| {
        core.driver(|driver| driver.read(id, buffer))
            .map(|count| (count > 0).then(|| bytes(&buffer[..count])))
    });
    match read {
        Ok(Some(data)) => {
            let protocol = this.attr(&names.protocol_attr)?;
            protocol.method1(&names.data_received, &data?).map(drop)
        }
        Ok(None) => ended(this, &loop_, core),
        Err(error) if may_retry(&error) => Ok(()),
        Err(error) => fatal_error(
            this,
            &os_error(&error)?,
            "Fatal read error on pipe transport",
        ),
    }
}

/// The other end is closed.
fn ended(this: &Obj, loop_: &Obj, core: &LoopCore) -> Res<()> {
    let names = &state().names;
    log_info(core, "%r was closed by peer", &[this])?;
    this.set_attr(&names.closing_attr, &Obj::bool(true))?;
    let fd = this.attr(&names.fileno_attr)?;
    loop_.get(c"_remove_reader")?.call1(&fd)?;
    let eof_received = this.attr(&names.protocol_attr)?.attr(&names.eof_received)?;
    loop_.method1(&names.call_soon, &eof_received)?;
    let lost = this.get(c"_call_connection_lost")?;
    loop_
        .method2(&names.call_soon, &lost, &Obj::none())
        .map(drop)
}

/// Write, or leave it to asyncio's own method when there is more to it than that.
pub fn write(this: &Obj, data: &Obj) -> Res {
    let loop_ = this.attr(&state().names.loop_attr)?;
    match write_now(&loop_, this, data)? {
        Some(Ok(written)) => {
            if let Some(rest) = exact_bytes_of(data).and_then(|content| content.get(written..)) {
                if !rest.is_empty() {
                    write_later(&loop_, this, rest)?;
                }
            }
            Ok(Obj::none())
        }
        Some(Err(error)) if !may_retry(&error) => {
            let names = &state().names;
            let lost = to_int(&this.attr(&names.conn_lost)?)?;
            this.set_attr(&names.conn_lost, &int(lost + 1)?)?;
            let exception = os_error(&error)?;
            fatal_error(this, &exception, "Fatal write error on pipe transport")?;
            Ok(Obj::none())
        }
        // When the pipe is full asyncio's method finds it so again, and waits.
        Some(Err(_)) | None => {
            let method = &state().derived_transports.mirrored.pipe_write;
            method.call(&[this.as_ptr(), data.as_ptr()])
        }
    }
}

/// What the system call returned; `None` when none was made.
fn write_now(loop_: &Obj, this: &Obj, data: &Obj) -> Res<Option<io::Result<usize>>> {
    let names = &state().names;
    let Some(content) = exact_bytes_of(data).filter(|content| !content.is_empty()) else {
        return Ok(None);
    };
    if this.attr(&names.conn_lost)?.truth()?
        || this.attr(&names.closing_attr)?.truth()?
        || length(&this.attr(&names.buffer_attr)?)? > 0
    {
        return Ok(None);
    }
    let end = native(loop_, &this.attr(&names.fileno_attr)?)?;
    Ok(end.map(|(core, id)| core.driver(|driver| driver.write(id, content))))
}

/// Keep what did not fit.
fn write_later(loop_: &Obj, this: &Obj, rest: &[u8]) -> Res<()> {
    let names = &state().names;
    let (fd, write_ready) = (this.attr(&names.fileno_attr)?, this.get(c"_write_ready")?);
    let arguments = [fd.as_ptr(), write_ready.as_ptr()];
    loop_.get(c"_add_writer")?.call(&arguments)?;
    let buffer = this.attr(&names.buffer_attr)?;
    match extend_bytearray(&buffer, rest) {
        Some(extended) => extended.map(drop)?,
        // Somebody has put another kind of buffer there.
        None => {
            buffer.get(c"extend")?.call1(&bytes(rest)?)?;
        }
    }
    this.get(c"_maybe_pause_protocol")?.call0().map(drop)
}
