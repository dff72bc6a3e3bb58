//! The Node-API face of the crate: no logic, only values across the border. src/codec/native/addon.ts types it.
//! Every export catches panics: one that crossed the border would take the process down.

use napi::bindgen_prelude::{BufferSlice, Env, Float64Array};
use napi::{Error, Result, Status};
use napi_derive::napi;

use crate::decoder::{Decoder, Options};
use crate::encoder::Encoder;
use crate::error::{DecodeError, Kind};
use crate::framing::{Body, Framing};
use crate::kernel::KERNEL;
use crate::redis::Trim;
use crate::transport::{Compression, Transport};

// By another name because napi-derive takes a bare `&mut` for a class. The caller's arrays, lent for the call.
type BytesOut<'call> = &'call mut [u8];
type RecordsOut<'call> = &'call mut [i32];

#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Which scan kernel this build has: `sse2` or `swar`.
#[napi(catch_unwind)]
pub fn kernel() -> &'static str {
    KERNEL
}

#[napi(object)]
pub struct DecoderSettings {
    pub compression: String,
    pub body: String,
    pub framing: String,
    pub retention_ms: Option<f64>,
    pub max_length: Option<f64>,
    pub events: Vec<String>,
    pub wanted: Vec<bool>,
    pub shard: f64,
    pub max_message_bytes: f64,
    pub max_ratio: f64,
    pub max_window_log: u32,
}

#[napi]
pub struct NativeDecoder {
    open: Option<Decoder>,
    failure: Option<DecodeError>,
}

#[napi]
impl NativeDecoder {
    #[napi(constructor, catch_unwind)]
    pub fn new(settings: DecoderSettings) -> Result<Self> {
        let options = Options {
            compression: compression(&settings.compression)?,
            body: body(&settings.body)?,
            framing: framing(&settings)?,
            events: settings.events,
            wanted: settings.wanted,
            shard: settings.shard as u64,
            max_message_bytes: settings.max_message_bytes as usize,
            max_ratio: settings.max_ratio,
            max_window_log: settings.max_window_log,
        };
        if options.events.len() != options.wanted.len() {
            return Err(invalid("events and wanted differ in length"));
        }
        let decoder = Decoder::new(options).map_err(|error| invalid(&error.message))?;
        Ok(Self { open: Some(decoder), failure: None })
    }

    /// Returns how many control packets wait, or below 0 the kind of failure, for which `failure` has the sentence.
    /// A number, because an exception costs more than decoding an event.
    #[napi(catch_unwind)]
    pub fn push(&mut self, frame: &[u8]) -> Result<i32> {
        match self.decoder()?.push(frame) {
            Ok(control) => Ok(control as i32),
            Err(error) => {
                let code = match error.kind {
                    Kind::Transport => -1,
                    Kind::Json => -2,
                    Kind::Envelope => -3,
                    Kind::Limit => -4,
                };
                self.failure = Some(error);
                Ok(code)
            }
        }
    }

    #[napi(catch_unwind)]
    pub fn failure(&self) -> String {
        self.failure.as_ref().map_or_else(String::new, |failure| failure.message.clone())
    }

    #[napi(catch_unwind)]
    pub fn take_control(&mut self) -> Result<Vec<String>> {
        Ok(self.decoder()?.take_control())
    }

    #[napi(catch_unwind)]
    pub fn pending_bytes(&mut self) -> Result<f64> {
        Ok(self.decoder()?.waiting().pending_bytes() as f64)
    }

    #[napi(catch_unwind)]
    pub fn pending_events(&mut self) -> Result<f64> {
        Ok(self.decoder()?.waiting().pending_events() as f64)
    }

    #[napi(catch_unwind)]
    pub fn take(&mut self, bytes: BytesOut<'_>, records: RecordsOut<'_>) -> Result<i32> {
        Ok(self.decoder()?.take(bytes, records) as i32)
    }

    #[napi(catch_unwind)]
    pub fn last_sequence(&mut self) -> Result<f64> {
        Ok(self.decoder()?.last_sequence() as f64)
    }

    #[napi(catch_unwind)]
    pub fn resume(&mut self, session_id: String, sequence: f64) -> Result<()> {
        self.decoder()?.resume(&session_id, sequence as u64);
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn set_time(&mut self, unix_ms: f64) -> Result<()> {
        self.decoder()?.set_time(unix_ms as u64);
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn counts(&mut self) -> Result<Float64Array> {
        Ok(Float64Array::new(self.decoder()?.counts().to_vec()))
    }

    #[napi(catch_unwind)]
    pub fn reset(&mut self) -> Result<()> {
        self.failure = None;
        self.decoder()?.reset();
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.open = None;
    }

    fn decoder(&mut self) -> Result<&mut Decoder> {
        self.open.as_mut().ok_or_else(|| invalid("Cannot use a decoder that was closed."))
    }
}

#[napi]
pub struct NativeEncoder {
    open: Option<Encoder>,
    compressed: Vec<u8>,
}

#[napi]
impl NativeEncoder {
    #[napi(constructor, catch_unwind)]
    pub fn new(compression_name: String) -> Result<Self> {
        let encoder = Encoder::new(compression(&compression_name)?).map_err(|error| invalid(&error))?;
        Ok(Self { open: Some(encoder), compressed: Vec::new() })
    }

    #[napi(catch_unwind)]
    pub fn encode<'env>(&mut self, env: &'env Env, json: &[u8]) -> Result<BufferSlice<'env>> {
        let encoder = self.open.as_mut().ok_or_else(|| invalid("Cannot use an encoder that was closed."))?;
        self.compressed.clear();
        encoder.encode(json, &mut self.compressed).map_err(|error| invalid(&error))?;
        BufferSlice::copy_from(env, &self.compressed)
    }

    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.open = None;
        self.compressed = Vec::new();
    }
}

/// Decompression alone, in a call of the same shape as a decoder's: what `bun run bench codec` compares with.
#[napi]
pub struct BareInflate {
    transport: Transport,
    output: Vec<u8>,
}

#[napi]
impl BareInflate {
    #[napi(constructor, catch_unwind)]
    pub fn new(compression_name: String) -> Result<Self> {
        const OUTPUT_BYTES: usize = 256 * 1024;
        const MAX_WINDOW_LOG: u32 = 23;
        let transport = Transport::new(compression(&compression_name)?, MAX_WINDOW_LOG);
        Ok(Self { transport: transport.map_err(|error| invalid(&error.message))?, output: vec![0; OUTPUT_BYTES] })
    }

    /// Decompresses a frame over the last one; returns how many bytes came.
    #[napi(catch_unwind)]
    pub fn push(&mut self, frame: &[u8]) -> Result<f64> {
        let (mut rest, mut total) = (frame, 0);
        loop {
            let step = self.transport.step(rest, &mut self.output).map_err(|error| invalid(&error.message))?;
            rest = &rest[step.read..];
            total += step.written;
            if rest.is_empty() && step.written < self.output.len() {
                return Ok(total as f64);
            }
        }
    }
}

fn invalid(message: &str) -> Error {
    Error::new(Status::InvalidArg, message)
}

fn compression(name: &str) -> Result<Compression> {
    match name {
        "none" => Ok(Compression::None),
        "zlib" => Ok(Compression::Zlib),
        "zstd" => Ok(Compression::Zstd),
        _ => Err(invalid(&format!("Unknown compression {name}: use none, zlib or zstd."))),
    }
}

fn body(name: &str) -> Result<Body> {
    match name {
        "msgpack" => Ok(Body::Msgpack),
        "json" => Ok(Body::Json),
        "discordjs" => Ok(Body::Discordjs),
        _ => Err(invalid(&format!("Unknown body {name}: use msgpack, json or discordjs."))),
    }
}

fn framing(settings: &DecoderSettings) -> Result<Framing> {
    match settings.framing.as_str() {
        "bare" => Ok(Framing::Bare),
        "stdio" => Ok(Framing::Stdio),
        "redis" => Ok(Framing::Redis(match (settings.retention_ms, settings.max_length) {
            (Some(retention_ms), _) => Trim::Age { retention_ms: retention_ms as u64 },
            (None, Some(max)) => Trim::Length { max: max as u64 },
            (None, None) => Trim::Keep,
        })),
        name => Err(invalid(&format!("Unknown framing {name}: use bare, stdio or redis."))),
    }
}
