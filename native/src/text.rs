//! The decompressed text that waits to be decoded: usually one message, sometimes the part of one that has arrived.

use crate::kernel::{PADDING, Padded};

/// What a connection keeps between messages.
const USUAL_BYTES: usize = 16 * 1024;
/// A larger buffer is given back once the message that needed it is done.
const KEPT_BYTES: usize = 1024 * 1024;

/// `bytes[start..end]` is the text; `PADDING` bytes of the buffer stay free behind it.
pub struct Text {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Text {
    pub fn new() -> Self {
        Self { bytes: vec![0; USUAL_BYTES], start: 0, end: 0 }
    }

    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Where more text goes; `filled` says how much came.
    pub fn room(&mut self) -> &mut [u8] {
        let until = self.bytes.len() - PADDING;
        &mut self.bytes[self.end..until]
    }

    pub fn filled(&mut self, len: usize) {
        self.end += len;
        assert!(self.end + PADDING <= self.bytes.len());
    }

    /// Makes room for more: at the front if half the buffer is free there, else by doubling, to `max_bytes` of text.
    pub fn grow(&mut self, max_bytes: usize) {
        if self.start > self.bytes.len() / 2 || self.len() >= max_bytes {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.len());
            return;
        }
        let target = (self.bytes.len() * 2).min(self.start + max_bytes + PADDING);
        self.bytes.resize(target.max(self.bytes.len()), 0);
    }

    /// The text, ready for the kernel.
    pub fn padded(&mut self) -> Padded<'_> {
        self.bytes[self.end..self.end + PADDING].fill(0);
        Padded::new(&self.bytes[self.start..self.end + PADDING], self.end - self.start)
    }

    /// Forgets the first `len` bytes.
    pub fn consume(&mut self, len: usize) {
        self.start += len;
        assert!(self.start <= self.end);
        if self.start == self.end {
            self.clear();
        }
    }

    pub fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        if self.bytes.len() > KEPT_BYTES {
            self.bytes = vec![0; USUAL_BYTES];
        }
    }
}
