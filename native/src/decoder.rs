//! One connection's decoder: bytes in; events, encoded for the broker, and control packets out.
//!
//! Where a message ends is told by its text, in all three transports alike: a payload is one JSON object, complete
//! where its bracket closes. So it makes no difference whether a message is one frame, many, or shares one; zlib's
//! `00 00 ff ff`, which compressed data can also hold by chance, is not needed. A cut message makes invalid JSON
//! with the start of the next one, since `{` fits nowhere after a payload's prefix that could also end it.

use std::mem;

use crate::envelope::{Envelope, Field, Payload, string_field};
use crate::error::{DecodeError, Kind};
use crate::events::{EventIndex, Events};
use crate::framing::{Body, DATA_DEPTH, Data, Frames, Framing};
use crate::kernel::{Fault, MAX_DEPTH, Padded, Scanner};
use crate::outline::Outline;
use crate::text::Text;
use crate::transport::{Compression, Transport};
use crate::waiting::Waiting;

/// Control packets that may wait to be taken.
const MAX_CONTROL: usize = 1024;
/// Below this size of a message the ratio is not looked at.
const RATIO_FROM_BYTES: usize = 1024 * 1024;
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
    /// Compressed bytes that the waiting text came from.
    compressed_bytes: usize,
    messages: Messages,
    max_message_bytes: usize,
    max_ratio: f64,
    failure: Option<DecodeError>,
}

/// A message of which only a part is there.
struct Half {
    outline: Outline,
    /// The kernel looks again at this size at the latest: so that text that is no JSON is found out soon, and yet no
    /// byte is scanned more than a few times.
    look_again_at: usize,
}

/// Why a message was not decoded.
enum Undecoded {
    Incomplete,
    Failed(DecodeError),
}

impl From<DecodeError> for Undecoded {
    fn from(error: DecodeError) -> Self {
        Self::Failed(error)
    }
}

impl Decoder {
    pub fn new(options: Options) -> Result<Self, DecodeError> {
        Ok(Self {
            transport: Transport::new(options.compression, options.max_window_log)?,
            text: Text::new(),
            half: None,
            compressed_bytes: 0,
            messages: Messages {
                frames: Frames::new(options.body, options.framing, options.shard, &options.events),
                events: Events::new(&options.events, &options.wanted),
                waiting: Waiting::default(),
                control: Vec::new(),
                last_sequence: 0,
            },
            max_message_bytes: options.max_message_bytes.clamp(1, MAX_MESSAGE_BYTES),
            max_ratio: options.max_ratio,
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
            self.compressed_bytes += step.read;
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
        if self.text.len() > self.max_message_bytes {
            self.decode_messages()?;
            self.check_size(self.text.len())?;
        }
        self.check_ratio(self.text.len())?;
        // One byte more than a message may have shows that it is too long.
        self.text.grow(self.max_message_bytes + 1);
        Ok(())
    }

    fn check_size(&self, message_len: usize) -> Result<(), DecodeError> {
        if message_len <= self.max_message_bytes {
            return Ok(());
        }
        Err(DecodeError::new(
            Kind::Limit,
            format!(
                "Cannot decode a message of {message_len} bytes or more: at most {} are allowed.",
                self.max_message_bytes
            ),
        ))
    }

    fn check_ratio(&self, message_len: usize) -> Result<(), DecodeError> {
        if message_len <= RATIO_FROM_BYTES || message_len as f64 <= self.max_ratio * self.compressed_bytes as f64 {
            return Ok(());
        }
        Err(DecodeError::new(
            Kind::Limit,
            format!(
                "Cannot decode a message of {message_len} bytes from {} compressed ones: at most {} for one are allowed.",
                self.compressed_bytes, self.max_ratio
            ),
        ))
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
            match self.messages.decode(self.text.padded()) {
                Ok(len) => {
                    self.check_size(len)?;
                    self.check_ratio(len)?;
                    self.half = None;
                    self.text.consume(len);
                    if self.text.is_empty() {
                        self.compressed_bytes = 0;
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
        self.compressed_bytes = 0;
        self.failure = None;
    }
}

/// What becomes of complete messages.
struct Messages {
    frames: Frames,
    events: Events,
    waiting: Waiting,
    control: Vec<String>,
    last_sequence: u64,
}

/// A dispatch as it was found, before it counts.
struct Dispatch {
    event: Option<EventIndex>,
    sequence: u64,
}

impl Messages {
    /// Decodes the message that `input` starts with.
    /// @returns its length.
    #[inline]
    fn decode(&mut self, input: Padded<'_>) -> Result<usize, Undecoded> {
        let mark = self.waiting.mark();
        let result = match self.scan(input, true) {
            // A key that was taken for the last of its kind came again: once more, looking before leaping.
            Ok(None) => {
                self.waiting.roll_back(mark);
                self.scan(input, false).map(|len| len.unwrap_or(0))
            }
            Ok(Some(len)) => Ok(len),
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.waiting.roll_back(mark);
        }
        result
    }

    /// One pass over the message. `eager`: `d` is encoded as soon as what comes before it says how.
    /// @returns the message's length; none when an eager pass turned out to be wrong.
    #[inline]
    fn scan(&mut self, input: Padded<'_>, eager: bool) -> Result<Option<usize>, Undecoded> {
        let mark = self.waiting.mark();
        let mut scan = Scanner::new(input, 0);
        let mut envelope = Envelope::default();
        let mut encoded: Option<Dispatch> = None;
        let mut more = scan.open().map_err(|fault| fault_at(input, &scan, fault))?;
        while more {
            let field = Field::of(scan.key().map_err(|fault| fault_at(input, &scan, fault))?);
            if encoded.is_some() && field != Field::Other {
                return Ok(None);
            }
            let dispatch = if eager && field == Field::Data { self.plain_dispatch(input, &envelope) } else { None };
            let scanned = match dispatch {
                Some(dispatch) => {
                    let result = self.encode(input, &dispatch, Data::Next(&mut scan))?;
                    encoded = Some(dispatch);
                    result
                }
                None => scan.skip(DATA_DEPTH).map(|span| envelope.set(field, span)),
            };
            more = scanned.and_then(|()| scan.more()).map_err(|fault| fault_at(input, &scan, fault))?;
        }
        let len = scan.position();
        check_utf8(&input.text()[..len])?;
        match encoded {
            Some(dispatch) => self.count(dispatch, mark),
            None => self.decide(input, &envelope, len)?,
        }
        Ok(Some(len))
    }

    /// The dispatch that the fields so far make, unless it needs a second look.
    #[inline]
    fn plain_dispatch(&self, input: Padded<'_>, envelope: &Envelope) -> Option<Dispatch> {
        if !envelope.decides() {
            return None;
        }
        match envelope.payload(input) {
            Ok(Payload::Dispatch { name, sequence }) if !is_session_event(name.as_bytes()) => {
                Some(Dispatch { event: self.events.find(name.as_bytes()), sequence })
            }
            _ => None,
        }
    }

    /// Writes a dispatch to the waiting events if somebody wants it, and passes its `d` in any case.
    #[inline]
    fn encode(
        &mut self,
        input: Padded<'_>,
        dispatch: &Dispatch,
        data: Data<'_, '_>,
    ) -> Result<Result<(), Fault>, DecodeError> {
        Ok(match (dispatch.event, data) {
            (Some(event), data) if self.events.wanted(event) => {
                self.frames.write(event, dispatch.sequence, input, data, self.waiting.buffer()?)
            }
            (_, Data::Next(scan)) => scan.skip(DATA_DEPTH).map(drop),
            (_, Data::Scanned(_)) => Ok(()),
        })
    }

    #[inline]
    fn count(&mut self, dispatch: Dispatch, mark: usize) {
        if let Some(event) = dispatch.event.filter(|event| self.events.wanted(*event)) {
            self.waiting.commit(mark, event, dispatch.sequence);
        }
        self.events.count(dispatch.event);
        self.last_sequence = dispatch.sequence;
    }

    /// A message whose `d` came before the fields that say what it is, or that the protocol has to see.
    fn decide(&mut self, input: Padded<'_>, envelope: &Envelope, len: usize) -> Result<(), Undecoded> {
        let Payload::Dispatch { name, sequence } = envelope.payload(input)? else {
            return Ok(self.control(input, len)?);
        };
        let name = name.as_bytes();
        if name == b"READY" {
            let session = envelope.data.and_then(|data| string_field(input, data, "session_id", DATA_DEPTH));
            let session = session.ok_or_else(|| {
                DecodeError::new(Kind::Envelope, "Cannot read a gateway payload: READY must carry a string session_id.")
            })?;
            self.frames.set_session(&session);
        }
        if is_session_event(name) {
            self.control(input, len)?;
        }
        let mark = self.waiting.mark();
        let dispatch = Dispatch { event: self.events.find(name), sequence };
        self.encode(input, &dispatch, Data::Scanned(envelope.data))?
            .map_err(|fault| fault_at(input, &Scanner::new(input, 0), fault))?;
        self.count(dispatch, mark);
        Ok(())
    }

    fn control(&mut self, input: Padded<'_>, len: usize) -> Result<(), DecodeError> {
        if self.control.len() == MAX_CONTROL {
            return Err(DecodeError::new(
                Kind::Limit,
                format!("Cannot hold more control packets: {MAX_CONTROL} wait to be taken."),
            ));
        }
        self.control.push(String::from_utf8_lossy(&input.text()[..len]).into_owned());
        Ok(())
    }
}

/// READY and RESUMED are the protocol's too, and READY brings the session that its own `id` is made of.
#[inline]
fn is_session_event(name: &[u8]) -> bool {
    matches!(name, b"READY" | b"RESUMED")
}

#[inline]
fn check_utf8(text: &[u8]) -> Result<(), DecodeError> {
    simdutf8::basic::from_utf8(text).map(drop).map_err(|_| {
        let valid = std::str::from_utf8(text).err().map_or(0, |error| error.valid_up_to());
        DecodeError::new(
            Kind::Json,
            format!("Cannot parse a message: invalid UTF-8 at byte {valid} of {}.", text.len()),
        )
    })
}

#[cold]
fn fault_at(input: Padded<'_>, scan: &Scanner<'_>, fault: Fault) -> Undecoded {
    let at = scan.position();
    let starts_an_object = input.text().first() == Some(&b'{');
    match fault {
        Fault::Depth => Undecoded::Failed(DecodeError::new(
            Kind::Limit,
            format!(
                "Cannot parse a message: at byte {at} more than {MAX_DEPTH} arrays and objects lie within one another."
            ),
        )),
        _ if !starts_an_object => not_an_object(input.text()).into(),
        Fault::Incomplete => Undecoded::Incomplete,
        Fault::Invalid => Undecoded::Failed(DecodeError::new(
            Kind::Json,
            format!(
                "Cannot parse a message: unexpected byte 0x{:02x} at {at} of {}.",
                input.text()[at],
                input.text().len()
            ),
        )),
    }
}

/// The start of no payload. What starts like another JSON value is not looked at further.
fn not_an_object(text: &[u8]) -> DecodeError {
    match text.first().copied().unwrap_or_default() {
        b'"' | b'[' | b'-' | b'0'..=b'9' | b'a'..=b'z' => {
            DecodeError::new(Kind::Envelope, "Cannot read a gateway payload: the message is no JSON object.")
        }
        first => DecodeError::new(Kind::Json, format!("Cannot parse a message: it starts with byte 0x{first:02x}.")),
    }
}
