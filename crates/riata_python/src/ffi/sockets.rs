//! The descriptor inside a Python socket, without a call.

use super::*;

/// Where `_socket.socket` keeps its descriptor: in the first field, an `int`. Nothing is assumed: [`SocketLayout::find`] looks on
/// while a socket is opened and closed.
pub struct SocketLayout {
    class: *mut ffi::PyTypeObject,
}

impl SocketLayout {
    /// `None` when this Python did not show it.
    pub fn find() -> Res<Option<SocketLayout>> {
        let class = import(c"_socket")?.get(c"socket")?;
        let layout = SocketLayout {
            class: class.as_ptr().cast(),
        };
        // Where no socket can be made there is nothing to look at.
        let Ok(sock) = class.call0() else {
            drop(take_exception());
            return Ok(None);
        };
        let number = to_int(&sock.get(c"fileno")?.call0()?)?;
        let open = layout.read(&sock).map(i64::from);
        sock.get(c"close")?.call0()?;
        let closed = layout.read(&sock);
        let agrees = number >= 0 && open == Some(number) && closed == Some(-1);
        Ok(agrees.then(|| {
            std::mem::forget(class); // it lives as long as the layout, for ever
            layout
        }))
    }

    /// The descriptor of a socket, -1 once it is closed; `None` for what is no `_socket.socket`.
    #[inline]
    pub fn read(&self, sock: &Obj) -> Option<i32> {
        if !sock.is_instance_of(self.class) {
            return None;
        }
        // SAFETY: an instance of the class is larger than its head, and `find` has seen the descriptor right behind it.
        Some(unsafe { *sock.as_ptr().add(1).cast::<i32>() })
    }
}
