//! One connection's decoder: bytes in; events, encoded for the broker, and control packets out.
//!
//! Where a message ends is told by its text, in all three transports alike: a payload is one JSON object, complete
//! where its bracket closes. So it makes no difference whether a message is one frame, many, or shares one; zlib's
//! `00 00 ff ff`, which compressed data can also hold by chance, is not needed. A cut message makes invalid JSON
//! with the start of the next one, since `{` fits nowhere after a payload's prefix that could also end it.

use std::mem;

use crate::bounds::Bounds;
use crate::error::{DecodeError, Kind};
use crate::events::Events;
use crate::framing::{Body, Frames, Framing};
use crate::messages::{Messages, Undecoded};
use crate::outline::Outline;
use crate::text::Text;
use crate::transport::{Compression, Transport};
use crate::waiting::Waiting;

/// The largest `max_message_bytes`: the output it can become, on top of all that may wait, must fit an i32.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024 * 1024;

pub struct Options {
    pub compression: Compression,
    pub body: Body,
    pub framing: Framing,
    pub events: Vec<String>,
    /// Which of `events` are published.
    pub wanted: Vec<bool>,
    pub shard: u64,
    pub max_message_bytes: usize,
    pub max_ratio: f64,
    pub max_window_log: u32,
}

pub struct Decoder {
    transport: Transport,
    text: Text,
    half: Option<Half>,
    bounds: Bounds,
    messages: Messages,
    failure: Option<DecodeError>,
}

/// A message of which only a part is there.
struct Half {
    outline: Outline,
    /// The kernel looks again at this size at the latest: so that text that is no JSON is found out soon, and yet no
    /// byte is scanned more than a few times.
    look_again_at: usize,
}

impl Decoder {
    pub fn new(options: Options) -> Result<Self, DecodeError> {
        Ok(Self {
            transport: Transport::new(options.compression, options.max_window_log)?,
            text: Text::new(),
            half: None,
            bounds: Bounds {
                max_message_bytes: options.max_message_bytes.clamp(1, MAX_MESSAGE_BYTES),
                max_ratio: options.max_ratio,
                compressed_bytes: 0,
            },
            messages: Messages::new(
                Frames::new(options.body, options.framing, options.shard, &options.events),
                Events::new(&options.events, &options.wanted),
            ),
            failure: None,
        })
    }

    /// Decodes what one frame brings.
    /// @returns how many control packets wait.
    pub fn push(&mut self, frame: &[u8]) -> Result<usize, DecodeError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        match self.decode(frame) {
            Ok(()) => Ok(self.messages.control.len()),
            Err(error) => {
                self.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    fn decode(&mut self, frame: &[u8]) -> Result<(), DecodeError> {
        let mut rest = frame;
        loop {
            let room = self.text.room();
            let room_len = room.len();
            let step = self.transport.step(rest, room)?;
            self.text.filled(step.written);
            self.bounds.compressed_bytes += step.read;
            rest = &rest[step.read..];
            if step.written < room_len {
                if rest.is_empty() {
                    break;
                }
                if step.read == 0 && step.written == 0 {
                    return Err(DecodeError::new(
                        Kind::Transport,
                        "Cannot decompress a frame: the stream makes no progress.",
                    ));
                }
                continue;
            }
            self.make_room()?;
        }
        self.decode_messages()
    }

    /// Called when the text fills its buffer.
    #[cold]
    fn make_room(&mut self) -> Result<(), DecodeError> {
        if self.text.len() > self.bounds.max_message_bytes {
            self.decode_messages()?;
        }
        self.bounds.check(self.text.len())?;
        // One byte more than a message may have shows that it is too long.
        self.text.grow(self.bounds.max_message_bytes + 1);
        Ok(())
    }

    /// Decodes every message that is complete.
    #[inline]
    fn decode_messages(&mut self) -> Result<(), DecodeError> {
        while self.skip_space() {
            if let Some(half) = &mut self.half {
                let complete = half.outline.advance(self.text.as_slice());
                if !complete && self.text.len() < half.look_again_at {
                    return Ok(());
                }
            }
            match self.messages.decode(self.text.padded(), &self.bounds) {
                Ok(len) => {
                    self.half = None;
                    self.text.consume(len);
                    if self.text.is_empty() {
                        self.bounds.compressed_bytes = 0;
                    }
                }
                Err(Undecoded::Incomplete) => {
                    let text = self.text.as_slice();
                    let half = self.half.get_or_insert_with(|| Half { outline: Outline::default(), look_again_at: 0 });
                    half.outline.advance(text);
                    half.look_again_at = text.len() * 2;
                    return Ok(());
                }
                Err(Undecoded::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Passes white space between messages; false: nothing is left.
    #[inline]
    fn skip_space(&mut self) -> bool {
        if self.half.is_none() {
            let space =
                self.text.as_slice().iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
            self.text.consume(space);
        }
        !self.text.is_empty()
    }

    pub fn control_waiting(&self) -> usize {
        self.messages.control.len()
    }

    /// The control packets that wait, as JSON text, oldest first.
    pub fn take_control(&mut self) -> Vec<String> {
        mem::take(&mut self.messages.control)
    }

    pub fn waiting(&self) -> &Waiting {
        &self.messages.waiting
    }

    pub fn take(&mut self, bytes: &mut [u8], records: &mut [i32]) -> usize {
        self.messages.waiting.take(bytes, records)
    }

    pub fn last_sequence(&self) -> u64 {
        self.messages.last_sequence
    }

    pub fn resume(&mut self, session: &str, sequence: u64) {
        self.messages.frames.set_session(session);
        self.messages.last_sequence = sequence;
    }

    pub fn set_time(&mut self, unix_ms: u64) {
        self.messages.frames.set_time(unix_ms);
    }

    pub fn counts(&self) -> &[f64] {
        self.messages.events.counts()
    }

    pub fn reset(&mut self) {
        self.transport.reset();
        self.text.clear();
        self.half = None;
        self.bounds.compressed_bytes = 0;
        self.failure = None;
    }
}
