//! Where TLS records end in the ciphertext.
//!
//! Each begins with five bytes in the clear, of which the last two are the length of the rest. To know whether a record has
//! come whole saves asking OpenSSL, whose answer for one that has not is an exception. What does not look like records is
//! left to OpenSSL to complain about.

const HEADER: usize = 5;
/// Kinds of records: change of cipher, alert, handshake, data, heartbeat.
const KINDS: std::ops::RangeInclusive<u8> = 20..=24;
/// The longest ciphertext that a version of TLS allows.
const LONGEST: usize = 16 * 1024 + 2048;

/// How far the stream of received bytes has come.
#[derive(Copy, Clone, Default)]
pub struct Records {
    header: [u8; HEADER],
    /// Bytes of the last record that have come, its header included; zero at a boundary.
    tail: usize,
    /// Bytes that its body has to come; counts once the header is complete.
    missing: usize,
    lost: bool,
}

impl Records {
    /// Bytes after the last boundary; `None` when no boundary is known.
    pub fn tail(&self) -> Option<usize> {
        (!self.lost).then_some(self.tail)
    }

    /// Take from the front of `data`, which is not empty: as many whole records as fit into `most` bytes, else one however
    /// long, else all there is. Returns how many bytes that is.
    pub fn take(&mut self, data: &[u8], most: usize) -> usize {
        let mut taken = 0;
        while taken < data.len() && !self.lost {
            let mut next = *self;
            let step = next.step(&data[taken..]);
            if taken > 0 && taken + step > most && self.tail == 0 {
                return taken;
            }
            *self = next;
            taken += step;
        }
        if self.lost {
            return data.len().min(most);
        }
        taken
    }

    /// Go to the end of the record, or as far as the data goes.
    fn step(&mut self, data: &[u8]) -> usize {
        let mut used = 0;
        if self.tail < HEADER {
            used = data.len().min(HEADER - self.tail);
            self.header[self.tail..self.tail + used].copy_from_slice(&data[..used]);
            self.tail += used;
            if self.tail < HEADER {
                return used;
            }
            self.missing = usize::from(u16::from_be_bytes([self.header[3], self.header[4]]));
            if !KINDS.contains(&self.header[0]) || self.missing > LONGEST {
                self.lost = true;
                return used;
            }
        }
        let body = self.missing.min(data.len() - used);
        self.missing -= body;
        self.tail = if self.missing == 0 {
            0
        } else {
            self.tail + body
        };
        used + body
    }
}
