//! asyncio's streams, fed without Python code: only when protocol and reader are exactly asyncio's own, unpatched.
//!
//! Does what `StreamReaderProtocol.data_received` and `StreamReader.feed_data` do, step by step.

use crate::core::buffer::extend_bytearray;
use crate::core::future;
use crate::core::transport::Transport;
use crate::ffi::{
    Obj, Raised, Res, bytes, dict_get, import, is_false, raised_matches, take_exception,
    to_int_saturating,
};
use crate::state::state;

/// The classes, and the functions that they had when riata was loaded.
pub struct Classes {
    protocol: Obj,
    reader: Obj,
    /// `(name of the method, class, function)`.
    methods: Vec<(Obj, bool, Obj)>,
}

const OF_PROTOCOL: [&std::ffi::CStr; 2] = [c"data_received", c"_stream_reader"];
const OF_READER: [&std::ffi::CStr; 2] = [c"feed_data", c"_wakeup_waiter"];

impl Classes {
    pub fn load() -> Res<Classes> {
        let module = import(c"asyncio.streams")?;
        let protocol = module.get(c"StreamReaderProtocol")?;
        let reader = module.get(c"StreamReader")?;
        let mut methods = Vec::new();
        for (class, names, of_reader) in
            [(&protocol, OF_PROTOCOL, false), (&reader, OF_READER, true)]
        {
            for name in names {
                methods.push((crate::ffi::interned(name)?, of_reader, class.get(name)?));
            }
        }
        Ok(Classes {
            protocol,
            reader,
            methods,
        })
    }

    /// Whether somebody replaced a method of the classes since.
    fn patched(&self) -> Res<bool> {
        for (name, of_reader, function) in &self.methods {
            let class = if *of_reader {
                &self.reader
            } else {
                &self.protocol
            };
            if !class.attr(name)?.is(function.as_ptr()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether `protocol` may be fed natively. Asked when it is set.
pub fn is_plain_stream(protocol: &Obj) -> Res<bool> {
    let classes = &state().streams;
    if !classes.protocol.is(protocol.type_ptr().cast()) || classes.patched()? {
        return Ok(false);
    }
    let attributes = protocol.get(c"__dict__")?;
    Ok(dict_get(&attributes, &state().names.data_received)?.is_none())
}

/// The reader behind a protocol, if it is exactly asyncio's, can take data and has a buffer as it was made.
pub fn reader_of(protocol: &Obj) -> Res<Option<Obj>> {
    let names = &state().names;
    let reference = protocol.attr(&names.reader_ref)?;
    if reference.is_none() {
        return Ok(None);
    }
    let reader = reference.call0()?;
    if !state().streams.reader.is(reader.type_ptr().cast()) {
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
    let buffer = reader.attr(&state().names.reader_buffer)?;
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
        reader.set_attr(&names.reader_waiter, &Obj::none())?;
        wake(&waiter)?;
    }
    let limit = to_int_saturating(&reader.attr(&names.reader_limit)?)?;
    if i64::try_from(size).is_ok_and(|size| size <= limit.saturating_mul(2)) {
        return Ok(());
    }
    pause(from, reader)
}

fn wake(waiter: &Obj) -> Res<()> {
    if let Some(future) = future::exact(waiter) {
        return if future.is_cancelled() {
            Ok(())
        } else {
            future.set_result(waiter, Obj::none())
        };
    }
    if !waiter.get(c"cancelled")?.call0()?.truth()? {
        waiter.get(c"set_result")?.call1(&Obj::none())?;
    }
    Ok(())
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
