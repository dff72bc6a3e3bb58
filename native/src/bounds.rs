//! The bounds on one message's text: against messages without end, and few bytes that decompress to gigabytes.

use crate::error::{DecodeError, Kind};

/// Below this size of a message the ratio is not looked at: a run of one letter compresses very well.
const RATIO_FROM_BYTES: usize = 1024 * 1024;

pub struct Bounds {
    pub max_message_bytes: usize,
    /// The most bytes of text for one compressed byte.
    pub max_ratio: f64,
    /// What the text at hand was compressed to.
    pub compressed_bytes: usize,
}

impl Bounds {
    /// # Errors
    /// When a message is longer than it may be.
    #[inline]
    pub fn check(&self, message_len: usize) -> Result<(), DecodeError> {
        if message_len > self.max_message_bytes {
            return Err(self.too_large(message_len));
        }
        if message_len > RATIO_FROM_BYTES && message_len as f64 > self.max_ratio * self.compressed_bytes as f64 {
            return Err(self.too_dense(message_len));
        }
        Ok(())
    }

    #[cold]
    fn too_large(&self, message_len: usize) -> DecodeError {
        let most = self.max_message_bytes;
        DecodeError::new(
            Kind::Limit,
            format!("Cannot decode a message of {message_len} bytes or more: at most {most} are allowed."),
        )
    }

    #[cold]
    fn too_dense(&self, message_len: usize) -> DecodeError {
        DecodeError::new(
            Kind::Limit,
            format!(
                "Cannot decode a message of {message_len} bytes from {} compressed ones: at most {} for one are allowed.",
                self.compressed_bytes, self.max_ratio
            ),
        )
    }
}
