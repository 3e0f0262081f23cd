//! What the program has written and nobody has encrypted yet.

use std::collections::VecDeque;

use crate::core::buffer::{View, bytes_of, exact_bytes_of};
use crate::ffi::{Obj, Res, bytes, with_memoryview};

/// What fits into one TLS record.
pub const RECORD: usize = 16 * 1024;

/// Pieces in the order of the writes. Only immutable data is kept: the program may change its own buffers.
#[derive(Default)]
pub struct Backlog {
    pieces: VecDeque<Piece>,
    size: usize,
}

enum Data {
    Bytes(Obj),
    /// Small pieces that waited together, joined so that they become one record.
    Joined(Vec<u8>),
    /// No bytes at all: encrypting it raises the error that it deserves.
    Wrong(Obj),
}

pub struct Piece {
    data: Data,
    done: usize,
}

impl Backlog {
    pub fn size(&self) -> usize {
        self.size
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn pop(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.size -= piece.len();
        Some(piece)
    }

    /// Put back what a piece has left.
    pub fn put_back(&mut self, piece: Piece) {
        self.size += piece.len();
        self.pieces.push_front(piece);
    }

    pub fn push(&mut self, piece: Piece) {
        self.size += piece.len();
        if let (Some(last), Some(bytes)) = (self.pieces.back_mut(), piece.bytes()) {
            if last.len() + bytes.len() <= RECORD && last.append(bytes) {
                return;
            }
        }
        self.pieces.push_back(piece);
    }
}

impl Piece {
    /// `None` when there is nothing in it.
    pub fn of(data: &Obj) -> Option<Piece> {
        let data = match exact_bytes_of(data) {
            Some(_) => Data::Bytes(data.clone()),
            None => match View::of(data) {
                Ok(view) => Data::Joined(view.bytes().to_vec()),
                Err(_) => {
                    drop(crate::ffi::take_exception());
                    Data::Wrong(data.clone())
                }
            },
        };
        let piece = Piece { data, done: 0 };
        (piece.len() > 0 || matches!(piece.data, Data::Wrong(_))).then_some(piece)
    }

    fn bytes(&self) -> Option<&[u8]> {
        let whole = match &self.data {
            Data::Bytes(object) => bytes_of(object)?,
            Data::Joined(joined) => joined,
            Data::Wrong(_) => return None,
        };
        Some(&whole[self.done..])
    }

    pub fn len(&self) -> usize {
        self.bytes().map_or(0, <[u8]>::len)
    }

    pub fn skip(&mut self, count: usize) {
        self.done += count;
    }

    fn append(&mut self, bytes: &[u8]) -> bool {
        match &mut self.data {
            Data::Joined(joined) => {
                joined.extend_from_slice(bytes);
                true
            }
            Data::Bytes(_) => {
                let Some(own) = self.bytes() else {
                    return false;
                };
                let mut joined = Vec::with_capacity(own.len() + bytes.len());
                joined.extend_from_slice(own);
                joined.extend_from_slice(bytes);
                *self = Piece {
                    data: Data::Joined(joined),
                    done: 0,
                };
                true
            }
            Data::Wrong(_) => false,
        }
    }

    /// Show what is left to `body`, as an object, but no more than a record: OpenSSL would encrypt all of it, into a BIO
    /// that keeps the memory. `views`: `body` is known to keep nothing of what it gets.
    pub fn show<T>(&self, views: bool, body: impl FnOnce(&Obj) -> Res<T>) -> Res<T> {
        let Some(rest) = self.bytes() else {
            return match &self.data {
                Data::Bytes(object) | Data::Wrong(object) => body(object),
                Data::Joined(joined) => body(&bytes(joined)?),
            };
        };
        let record = &rest[..rest.len().min(RECORD)];
        match &self.data {
            Data::Bytes(object)
                if bytes_of(object).is_some_and(|whole| whole.len() == record.len()) =>
            {
                body(object)
            }
            _ if views => with_memoryview(record, body),
            _ => body(&bytes(record)?),
        }
    }
}
