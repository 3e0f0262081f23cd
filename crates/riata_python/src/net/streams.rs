//! asyncio's streams, fed without Python code: only when protocol and reader are exactly asyncio's own, and neither the
//! classes nor the objects have another method by now.
//!
//! Does what `StreamReaderProtocol.data_received` and `StreamReader.feed_data` do, step by step.

use crate::core::buffer::extend_bytearray;
use crate::core::future::any::{is_cancelled, set_result};
use crate::core::transport::Transport;
use crate::ffi::{
    Obj, Raised, Res, bytes, function_of, import, is_false, raised_matches, take_exception,
    to_int_saturating,
};
use crate::state::state;

/// The classes, and the functions that they had when riata was loaded.
pub struct Classes {
    protocol: Obj,
    reader: Obj,
    data_received: Obj,
    feed_data: Obj,
    wakeup_waiter: Obj,
    /// The property by which a protocol finds its reader.
    stream_reader: Obj,
}

impl Classes {
    pub fn load() -> Res<Classes> {
        let module = import(c"asyncio.streams")?;
        let protocol = module.get(c"StreamReaderProtocol")?;
        let reader = module.get(c"StreamReader")?;
        Ok(Classes {
            data_received: protocol.get(c"data_received")?,
            stream_reader: protocol.get(c"_stream_reader")?,
            feed_data: reader.get(c"feed_data")?,
            wakeup_waiter: reader.get(c"_wakeup_waiter")?,
            protocol,
            reader,
        })
    }
}

/// Whether `protocol` may be fed natively. Asked when it is set.
pub fn is_plain_stream(protocol: &Obj) -> Res<bool> {
    let classes = &state().streams;
    Ok(classes.protocol.is(protocol.type_ptr().cast())
        && classes
            .protocol
            .get(c"_stream_reader")?
            .is(classes.stream_reader.as_ptr()))
}

/// Whether a method of an object is this function: nobody has replaced it, on the object or on its class.
fn is_own(object: &Obj, method: &Obj, function: &Obj) -> Res<bool> {
    Ok(function_of(&object.attr(method)?) == function.as_ptr())
}

/// The reader behind a protocol, if it is exactly asyncio's, can take data and has a buffer as it was made; and if both
/// would take data by asyncio's own methods.
pub fn reader_of(protocol: &Obj) -> Res<Option<Obj>> {
    let state = state();
    let (names, classes) = (&state.names, &state.streams);
    if !is_own(protocol, &names.data_received, &classes.data_received)? {
        return Ok(None);
    }
    let reference = protocol.attr(&names.reader_ref)?;
    if reference.is_none() {
        return Ok(None);
    }
    let reader = reference.call0()?;
    if !classes.reader.is(reader.type_ptr().cast())
        || !is_own(&reader, &names.feed_data, &classes.feed_data)?
    {
        return Ok(None);
    }
    let eof = reader.attr(&names.reader_eof)?;
    Ok(is_false(&eof).then_some(reader))
}

/// What became of received data.
pub enum Appended {
    /// It is in the reader's buffer, which holds so many bytes now.
    All(usize),
    /// The buffer is not a plain `bytearray`: hand the data over the usual way.
    Refused(Obj),
}

/// Put data into a reader's buffer. Runs no Python code.
///
/// Receiving straight into the buffer would save this copy, but its size is not known before, and making room for more than
/// comes costs more than the copy: 24 us against 15 per message of 16 KiB.
pub fn append(reader: &Obj, data: &[u8]) -> Res<Appended> {
    let buffer = reader.attr(&state().names.buffer_attr)?;
    match extend_bytearray(&buffer, data) {
        Some(size) => size.map(Appended::All),
        None => bytes(data).map(Appended::Refused),
    }
}

/// The rest of `feed_data`: wake who waits, and stop receiving when there is more than enough. `from` is the native
/// transport that the data came from, if it came straight from one.
pub fn fed(from: Option<(&Transport, &Obj)>, reader: &Obj, size: usize) -> Res<()> {
    let names = &state().names;
    let waiter = reader.attr(&names.reader_waiter)?;
    if !waiter.is_none() {
        if is_own(reader, &names.wakeup_waiter, &state().streams.wakeup_waiter)? {
            reader.set_attr(&names.reader_waiter, &Obj::none())?;
            wake(&waiter)?;
        } else {
            reader.method0(&names.wakeup_waiter)?;
        }
    }
    let limit = to_int_saturating(&reader.attr(&names.reader_limit)?)?;
    if i64::try_from(size).is_ok_and(|size| size <= limit.saturating_mul(2)) {
        return Ok(());
    }
    pause(from, reader)
}

fn wake(waiter: &Obj) -> Res<()> {
    match is_cancelled(waiter)? {
        true => Ok(()),
        false => set_result(waiter, Obj::none()),
    }
}

#[cold]
fn pause(from: Option<(&Transport, &Obj)>, reader: &Obj) -> Res<()> {
    let names = &state().names;
    let reads_from = reader.attr(&names.reader_transport)?;
    if reads_from.is_none() || reader.attr(&names.reader_paused)?.truth()? {
        return Ok(());
    }
    let paused = match from {
        Some((transport, this)) if reads_from.is(this.as_ptr()) => transport.pause_reading(this),
        _ => reads_from.method0(&names.pause_reading).map(drop),
    };
    match paused {
        Ok(()) => reader.set_attr(&names.reader_paused, &Obj::bool(true)),
        // The transport cannot be paused: asyncio forgets it, so as not to try again.
        Err(Raised) if raised_matches(crate::ffi::not_implemented_type()) => {
            drop(take_exception());
            reader.set_attr(&names.reader_transport, &Obj::none())
        }
        Err(raised) => Err(raised),
    }
}
