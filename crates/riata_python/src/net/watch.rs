//! Whether the loop watches a socket for a transport, and since when.

use std::cell::Cell;

/// The turn of the loop in which the watch began, while there is one.
pub struct Watch(Cell<Option<u32>>);

impl Watch {
    pub const fn none() -> Watch {
        Watch(Cell::new(None))
    }

    #[inline]
    pub fn is_on(&self) -> bool {
        self.0.get().is_some()
    }

    /// Begin, or begin anew.
    pub fn begin(&self, turn: u32) {
        self.0.set(Some(turn));
    }

    /// End it; whether there was one.
    pub fn end(&self) -> bool {
        self.0.take().is_some()
    }

    /// Whether what is delivered in this turn is for this watch: the loop has seen it before the turn began, so it is not for
    /// one that began in it.
    #[inline]
    pub fn hears(&self, turn: u32) -> bool {
        self.0.get().is_some_and(|since| since != turn)
    }
}
