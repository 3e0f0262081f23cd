//! Datagrams: the receiving and sending of asyncio's own datagram transport, for sockets of the families that the engine
//! knows.
//!
//! Mirrors `asyncio.selector_events._SelectorDatagramTransport._read_ready` and `sendto`. What is rare (a queue of unsent
//! datagrams, a closed transport, a name to be resolved, data that is not `bytes`) is left to asyncio's own method.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use riata_engine::{Driver as _, SocketAddr, SocketId, UnixAddr};

use super::{address, fatal_error, native};
use crate::core::buffer::exact_bytes_of;
use crate::errors::{may_retry, os_error};
use crate::event_loop::LoopCore;
use crate::ffi::{
    Obj, Raised, Res, bytes, ends_the_loop, exact_size, exact_text, length, set_exception,
    take_exception, to_int, tuple_items,
};
use crate::state::state;

/// `_target` of a transport whose socket is connected. Else it is the family of the socket, or -1 where datagrams go to
/// one address without a connection, which is left to asyncio.
const CONNECTED: i32 = 0;

/// `None` when it has been closed, or is not of a loop of ours.
fn endpoint<'a>(loop_: &'a Obj, this: &Obj) -> Res<Option<(&'a LoopCore, SocketId)>> {
    let sock = this.attr(&state().names.sock)?;
    if sock.is_none() {
        return Ok(None);
    }
    // Not `_sock_fd`: the socket knows when somebody else has closed it.
    native(loop_, &sock.method0(&state().names.fileno)?)
}

/// Receive one datagram.
pub fn receive(this: &Obj) -> Res<()> {
    let names = &state().names;
    if this.attr(&names.conn_lost)?.truth()? {
        return Ok(());
    }
    let loop_ = this.attr(&names.loop_attr)?;
    let Some((core, id)) = endpoint(&loop_, this)? else {
        let method = &state().derived_transports.mirrored.datagram_read_ready;
        return method.call1(this).map(drop);
    };
    let received = core.net.with_buffer(|buffer| {
        core.driver(|driver| driver.recv_from(id, buffer))
            .map(|(count, sender)| (bytes(&buffer[..count]), sender))
    });
    let (data, sender) = match received {
        Ok(received) => received,
        Err(error) if may_retry(&error) => return Ok(()),
        Err(error) => return error_received(this, &error),
    };
    let arguments = data.and_then(|data| Ok((data, core.net.senders.show(sender)?)));
    match arguments {
        Ok((data, sender)) => {
            let protocol = this.attr(&names.protocol_attr)?;
            protocol
                .method2(&names.datagram_received, &data, &sender)
                .map(drop)
        }
        Err(Raised) => fatal_raised(this, "Fatal read error on datagram transport"),
    }
}

/// Send a datagram, or leave it to asyncio's own method when there is more to it than that.
pub fn send_to(this: &Obj, data: &Obj, address: Option<&Obj>) -> Res {
    match send_now(this, data, address)? {
        Some(Ok(_)) => Ok(Obj::none()),
        Some(Err(error)) if !may_retry(&error) => {
            error_received(this, &error).map(|()| Obj::none())
        }
        // When the socket is full asyncio's method finds it so again, and waits.
        Some(Err(_)) | None => {
            let none = Obj::none();
            let address = address.unwrap_or(&none);
            let method = &state().derived_transports.mirrored.datagram_sendto;
            method.call(&[this.as_ptr(), data.as_ptr(), address.as_ptr()])
        }
    }
}

/// What the system call returned; `None` when none was made.
fn send_now(this: &Obj, data: &Obj, address: Option<&Obj>) -> Res<Option<io::Result<usize>>> {
    let names = &state().names;
    let Some(content) = exact_bytes_of(data).filter(|content| !content.is_empty()) else {
        return Ok(None);
    };
    if this.attr(&names.conn_lost)?.truth()? || length(&this.attr(&names.buffer_attr)?)? > 0 {
        return Ok(None);
    }
    let target = to_int(&this.attr(&names.target_attr)?)? as i32;
    let address = match (target, address.filter(|address| !address.is_none())) {
        (CONNECTED, None) => None,
        (libc::AF_INET | libc::AF_INET6, Some(address)) => match numeric(target, address) {
            Some(address) => Some(address),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let loop_ = this.attr(&names.loop_attr)?;
    let Some((core, id)) = endpoint(&loop_, this)? else {
        return Ok(None);
    };
    Ok(Some(core.driver(|driver| match address {
        Some(address) => driver.send_to(id, content, &address),
        None => driver.send(id, content),
    })))
}

/// An address that needs no look-up: `(host, port)` with the host in numbers, for IPv6 with or without flow and scope.
fn numeric(family: i32, address: &Obj) -> Option<SocketAddr> {
    let items = tuple_items(address)?;
    let (host, port) = (items.first()?, items.get(1)?);
    let host = exact_text(host)?;
    let port = u16::try_from(exact_size(port)?).ok()?;
    let number = |index: usize| match items.get(index) {
        Some(item) => exact_size(item).and_then(|number| u32::try_from(number).ok()),
        None => Some(0),
    };
    if family == libc::AF_INET && items.len() == 2 {
        let host: Ipv4Addr = host.parse().ok()?;
        return Some(SocketAddr::V4(SocketAddrV4::new(host, port)));
    }
    if family == libc::AF_INET6 && items.len() <= 4 {
        let host: Ipv6Addr = host.parse().ok()?;
        // Python refuses a flow of more than 20 bits.
        let flow = number(2).filter(|flow| *flow < 1 << 20)?;
        let address = SocketAddrV6::new(host, port, flow, number(3)?);
        return Some(SocketAddr::V6(address));
    }
    None
}

fn error_received(this: &Obj, error: &io::Error) -> Res<()> {
    let names = &state().names;
    let protocol = this.attr(&names.protocol_attr)?;
    protocol
        .method1(&names.error_received, &os_error(error)?)
        .map(drop)
}

fn fatal_raised(this: &Obj, message: &str) -> Res<()> {
    let Some(exception) = take_exception() else {
        return Ok(());
    };
    if ends_the_loop(&exception) {
        return Err(set_exception(exception));
    }
    fatal_error(this, &exception, message)
}

/// The last senders as Python shows them: most datagrams come from where one of the last few came from.
#[derive(Default)]
pub struct Senders {
    known: RefCell<Vec<(SocketAddr, Obj)>>,
    /// The one to be forgotten next.
    oldest: Cell<usize>,
}

/// How many senders are remembered: few enough to look through them.
const SENDERS: usize = 8;

impl Senders {
    fn show(&self, sender: SocketAddr) -> Res {
        if let Some((_, shown)) = self
            .known
            .borrow()
            .iter()
            .find(|(known, _)| *known == sender)
        {
            return Ok(shown.clone());
        }
        // A socket without a name; `getsockname` would show it as an empty text.
        if sender == SocketAddr::Unix(UnixAddr::Unnamed) {
            return Ok(Obj::none());
        }
        let shown = address::to_python(&sender)?;
        let entry = (sender, shown.clone());
        let mut known = self.known.borrow_mut();
        if known.len() < SENDERS {
            known.push(entry);
            return Ok(shown);
        }
        let oldest = self.oldest.get();
        self.oldest.set((oldest + 1) % SENDERS);
        let forgotten = std::mem::replace(&mut known[oldest], entry);
        drop(known);
        drop(forgotten);
        Ok(shown)
    }
}
