//! Discord's side of a connection: one message to flushed transport bytes. For the simulator and for tests.

use zlib_rs::{Deflate, DeflateFlush};
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use crate::transport::Compression;

const ZLIB_LEVEL: i32 = 6;
const ZLIB_WINDOW_BITS: u8 = 15;
const ZSTD_LEVEL: i32 = 3;

pub enum Encoder {
    None,
    Zlib(Deflate),
    Zstd(CCtx<'static>),
}

impl Encoder {
    pub fn new(compression: Compression) -> Result<Self, String> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Zlib => Self::Zlib(Deflate::new(ZLIB_LEVEL, true, ZLIB_WINDOW_BITS)),
            Compression::Zstd => {
                let mut context = CCtx::create();
                context.set_parameter(CParameter::CompressionLevel(ZSTD_LEVEL)).map_err(zstd_error)?;
                Self::Zstd(context)
            }
        })
    }

    /// Appends the compressed message to `out`, which must be empty.
    pub fn encode(&mut self, json: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::None => out.extend_from_slice(json),
            Self::Zlib(deflate) => encode_zlib(deflate, json, out)?,
            Self::Zstd(context) => encode_zstd(context, json, out)?,
        }
        Ok(())
    }
}

/// A flush is done once it leaves room in the output.
fn encode_zlib(deflate: &mut Deflate, json: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    out.resize(json.len() / 2 + 256, 0);
    let (mut read, mut written) = (0, 0);
    loop {
        let (total_in, total_out) = (deflate.total_in(), deflate.total_out());
        deflate
            .compress(&json[read..], &mut out[written..], DeflateFlush::SyncFlush)
            .map_err(|error| format!("Cannot compress a message: zlib says {}.", error.as_str()))?;
        read += (deflate.total_in() - total_in) as usize;
        written += (deflate.total_out() - total_out) as usize;
        if written < out.len() {
            out.truncate(written);
            return Ok(());
        }
        out.resize(out.len() * 2, 0);
    }
}

/// A flush is done once zstd says that nothing is left.
fn encode_zstd(context: &mut CCtx<'static>, json: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    out.resize(json.len() / 2 + 256, 0);
    let mut input = InBuffer::around(json);
    let mut written = 0;
    loop {
        let mut output = OutBuffer::around(&mut out[written..]);
        let left =
            context.compress_stream2(&mut output, &mut input, ZSTD_EndDirective::ZSTD_e_flush).map_err(zstd_error)?;
        written += output.pos();
        if left == 0 {
            out.truncate(written);
            return Ok(());
        }
        out.resize(out.len() * 2, 0);
    }
}

fn zstd_error(code: usize) -> String {
    format!("Cannot compress a message: zstd says {}.", zstd_safe::get_error_name(code))
}
