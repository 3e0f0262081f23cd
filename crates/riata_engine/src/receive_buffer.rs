//! Where the bytes of sockets are received.

use std::ops::{Deref, DerefMut};

const PAGE: usize = 4096;

/// Zeroed memory that begins with a page.
///
/// Some processors (AMD EPYC) take twice as long to copy to a place that is 1 to 31 bytes behind the start of a page, and 16
/// bytes behind it is where glibc puts each block that is large enough for pages of its own.
pub struct ReceiveBuffer {
    memory: Box<[u8]>,
    start: usize,
}

impl ReceiveBuffer {
    /// A buffer of `size` bytes.
    pub fn new(size: usize) -> Self {
        let memory = vec![0; size + PAGE - 1].into_boxed_slice();
        let start = memory.as_ptr().align_offset(PAGE);
        // The offset may be unknown in theory; then any place will do.
        let start = if start < PAGE { start } else { 0 };
        ReceiveBuffer { memory, start }
    }

    fn size(&self) -> usize {
        self.memory.len() - (PAGE - 1)
    }
}

impl Deref for ReceiveBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.size()]
    }
}

impl DerefMut for ReceiveBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let size = self.size();
        &mut self.memory[self.start..self.start + size]
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, ReceiveBuffer};

    #[test]
    fn begins_with_a_page_and_has_its_size() {
        for size in [0, 1, PAGE, 256 * 1024] {
            let mut buffer = ReceiveBuffer::new(size);
            assert_eq!(buffer.len(), size);
            assert_eq!(buffer.as_ptr().addr() % PAGE, 0);
            buffer.fill(1);
        }
    }
}
