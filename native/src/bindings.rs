//! The Node-API face of the crate: no logic, only values across the border. src/codec/native/addon.ts types it.
//! Every export catches panics: one that crossed the border would take the process down.

use std::cell::RefCell;
use std::rc::Rc;

use napi::bindgen_prelude::{BufferSlice, Env, Float64Array, Function};
use napi::{Error, Result, Status};
use napi_derive::napi;

use crate::decoder::{Decoder, Options};
use crate::encoder::Encoder;
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

/// What `push` returns besides the events that wait, all below 0.
mod outcome {
    use crate::error::Kind;

    pub const CONTROL_WAITS: f64 = -5.0;

    pub fn of_failure(kind: Kind) -> f64 {
        match kind {
            Kind::Transport => -1.0,
            Kind::Json => -2.0,
            Kind::Envelope => -3.0,
            Kind::Limit => -4.0,
        }
    }
}

/// `push` returns `events * EVENTS_UNIT + bytes` of what waits: bytes stay below it, and the whole below 2^53.
const EVENTS_UNIT: f64 = 2_147_483_648.0;

#[napi]
pub struct NativeDecoder {
    shared: Rc<RefCell<OpenDecoder>>,
}

struct OpenDecoder {
    decoder: Option<Decoder>,
    failure: String,
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
        Ok(Self { shared: Rc::new(RefCell::new(OpenDecoder { decoder: Some(decoder), failure: String::new() })) })
    }

    /// The function that takes frames. Not a method, for napi tracks the borrows of a method's object at 0.15 µs a call;
    /// and it returns one number, for an exception, or asking for each count, costs as much as decoding.
    #[napi(catch_unwind)]
    pub fn push_function<'env>(&self, env: &'env Env) -> Result<Function<'env, (), f64>> {
        let shared = Rc::clone(&self.shared);
        // Panics are caught by the closure's trampoline. As a buffer: asked for as a typed array, the frame would get an
        // ArrayBuffer object of its own, which costs a fifth of a microsecond.
        env.create_function_from_closure("push", move |call| {
            let frame: BufferSlice<'_> = call.get(0)?;
            shared.borrow_mut().push(&frame)
        })
    }

    /// The sentence for the last failure.
    #[napi(catch_unwind)]
    pub fn failure(&self) -> String {
        self.shared.borrow().failure.clone()
    }

    #[napi(catch_unwind)]
    pub fn control_waiting(&self) -> Result<u32> {
        self.with(|decoder| decoder.control_waiting() as u32)
    }

    #[napi(catch_unwind)]
    pub fn take_control(&self) -> Result<Vec<String>> {
        self.with(Decoder::take_control)
    }

    #[napi(catch_unwind)]
    pub fn pending_bytes(&self) -> Result<f64> {
        self.with(|decoder| decoder.waiting().pending_bytes() as f64)
    }

    #[napi(catch_unwind)]
    pub fn pending_events(&self) -> Result<f64> {
        self.with(|decoder| decoder.waiting().pending_events() as f64)
    }

    #[napi(catch_unwind)]
    pub fn take(&self, bytes: BytesOut<'_>, records: RecordsOut<'_>) -> Result<u32> {
        self.with(|decoder| decoder.take(bytes, records) as u32)
    }

    #[napi(catch_unwind)]
    pub fn last_sequence(&self) -> Result<f64> {
        self.with(|decoder| decoder.last_sequence() as f64)
    }

    #[napi(catch_unwind)]
    pub fn resume(&self, session_id: String, sequence: f64) -> Result<()> {
        self.with(|decoder| decoder.resume(&session_id, sequence as u64))
    }

    #[napi(catch_unwind)]
    pub fn set_time(&self, unix_ms: f64) -> Result<()> {
        self.with(|decoder| decoder.set_time(unix_ms as u64))
    }

    #[napi(catch_unwind)]
    pub fn counts(&self) -> Result<Float64Array> {
        self.with(|decoder| Float64Array::new(decoder.counts().to_vec()))
    }

    #[napi(catch_unwind)]
    pub fn reset(&self) -> Result<()> {
        self.with(Decoder::reset)
    }

    #[napi(catch_unwind)]
    pub fn close(&self) -> Result<()> {
        self.with(|_| ())?;
        self.shared.borrow_mut().decoder = None;
        Ok(())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Decoder) -> T) -> Result<T> {
        self.shared.borrow_mut().open().map(act)
    }
}

impl OpenDecoder {
    fn push(&mut self, frame: &[u8]) -> Result<f64> {
        let decoder = self.open()?;
        match decoder.push(frame) {
            Ok(0) => {
                let waiting = decoder.waiting();
                Ok(waiting.pending_events() as f64 * EVENTS_UNIT + waiting.pending_bytes() as f64)
            }
            Ok(_) => Ok(outcome::CONTROL_WAITS),
            Err(error) => {
                self.failure = error.message;
                Ok(outcome::of_failure(error.kind))
            }
        }
    }

    fn open(&mut self) -> Result<&mut Decoder> {
        self.decoder.as_mut().ok_or_else(|| invalid("Cannot use the decoder: it was closed."))
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
        let encoder = self.open.as_mut().ok_or_else(closed_encoder)?;
        self.compressed.clear();
        encoder.encode(json, &mut self.compressed).map_err(|error| invalid(&error))?;
        BufferSlice::copy_from(env, &self.compressed)
    }

    #[napi(catch_unwind)]
    pub fn close(&mut self) -> Result<()> {
        self.compressed = Vec::new();
        self.open.take().map(drop).ok_or_else(closed_encoder)
    }
}

/// Decompression alone, in a call of the same shape as a decoder's `push`: what `bun run bench codec` compares with.
#[napi(catch_unwind)]
pub fn bare_inflate<'env>(env: &'env Env, compression_name: String) -> Result<Function<'env, (), f64>> {
    const OUTPUT_BYTES: usize = 256 * 1024;
    const MAX_WINDOW_LOG: u32 = 23;
    let transport = Transport::new(compression(&compression_name)?, MAX_WINDOW_LOG);
    let state = RefCell::new((transport.map_err(|error| invalid(&error.message))?, vec![0; OUTPUT_BYTES]));
    env.create_function_from_closure("inflate", move |call| {
        let (transport, output) = &mut *state.borrow_mut();
        let mut rest: &[u8] = call.get(0)?;
        let mut total = 0;
        loop {
            let step = transport.step(rest, output).map_err(|error| invalid(&error.message))?;
            rest = &rest[step.read..];
            total += step.written;
            if rest.is_empty() && step.written < output.len() {
                return Ok(total as f64);
            }
        }
    })
}

fn closed_encoder() -> Error {
    invalid("Cannot use the encoder: it was closed.")
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
