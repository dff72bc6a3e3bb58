//! What can be wrong with a connection's bytes, as the kinds of `DecodeErrorKind` in src/codec/decoder.ts.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Broken compression.
    Transport,
    /// Not JSON.
    Json,
    /// JSON, but no gateway payload.
    Envelope,
    /// A bound was passed.
    Limit,
}

/// Why nothing more can be decoded from a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    pub kind: Kind,
    pub message: String,
}

impl DecodeError {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}
