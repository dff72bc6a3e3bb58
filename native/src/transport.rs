//! Transport compression: a connection's bytes to the text they carry. One context a connection, for its history is
//! part of the stream. Where messages begin and end is not decided here but by the text (see decoder.rs).

use zlib_rs::{Inflate, InflateFlush, Status};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use crate::error::{DecodeError, Kind};

const ZLIB_WINDOW_BITS: u8 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Zlib,
    Zstd,
}

pub enum Transport {
    None,
    Zlib(Inflate),
    Zstd(DCtx<'static>),
}

/// How far one `step` got.
pub struct Step {
    /// Bytes of the input that were used.
    pub read: usize,
    /// Bytes of the output that were filled.
    pub written: usize,
}

impl Transport {
    /// # Errors
    /// When zstd does not take `max_window_log`.
    pub fn new(compression: Compression, max_window_log: u32) -> Result<Self, DecodeError> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Zlib => Self::Zlib(Inflate::new(true, ZLIB_WINDOW_BITS)),
            Compression::Zstd => {
                let mut context = DCtx::create();
                context.set_parameter(DParameter::WindowLogMax(max_window_log)).map_err(zstd_error)?;
                Self::Zstd(context)
            }
        })
    }

    /// Decompresses from `input` into `output` until one of them is used up. What an input holds is out once a step
    /// leaves room in the output.
    #[inline]
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        match self {
            Self::None => {
                let len = input.len().min(output.len());
                output[..len].copy_from_slice(&input[..len]);
                Ok(Step { read: len, written: len })
            }
            Self::Zlib(inflate) => {
                let (read, written) = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(input, output, InflateFlush::SyncFlush).map_err(|error| {
                    DecodeError::new(
                        Kind::Transport,
                        format!("Cannot decompress a frame: zlib says {}.", error.as_str()),
                    )
                })?;
                let read = (inflate.total_in() - read) as usize;
                if status == Status::StreamEnd && read < input.len() {
                    return Err(DecodeError::new(
                        Kind::Transport,
                        "Cannot decompress a frame: bytes follow the end of the zlib stream.",
                    ));
                }
                Ok(Step { read, written: (inflate.total_out() - written) as usize })
            }
            Self::Zstd(context) => {
                let mut from = InBuffer::around(input);
                let mut to = OutBuffer::around(output);
                context.decompress_stream(&mut to, &mut from).map_err(zstd_error)?;
                Ok(Step { read: from.pos(), written: to.pos() })
            }
        }
    }

    /// Forgets the history, for a new connection.
    pub fn reset(&mut self) {
        match self {
            Self::None => {}
            Self::Zlib(inflate) => inflate.reset(true),
            // A session can always be reset; the window bound is a parameter and stays.
            Self::Zstd(context) => drop(context.reset(ResetDirective::SessionOnly)),
        }
    }
}

#[cold]
fn zstd_error(code: usize) -> DecodeError {
    let name = zstd_safe::get_error_name(code);
    let kind = if name.contains("too much memory") { Kind::Limit } else { Kind::Transport };
    DecodeError::new(kind, format!("Cannot decompress a frame: zstd says {name}."))
}
