//! What becomes of a message: an event, encoded in the same pass that finds its envelope; a control packet; or nothing
//! but a count.

use crate::bounds::Bounds;
use crate::envelope::{Envelope, Payload, UsualHead, string_field};
use crate::error::{DecodeError, Kind};
use crate::events::{EventIndex, Events};
use crate::framing::{DATA_DEPTH, Data, Frames};
use crate::kernel::{Fault, MAX_DEPTH, Padded, Scanner};
use crate::waiting::Waiting;

/// Control packets that may wait to be taken.
const MAX_CONTROL: usize = 1024;

pub struct Messages {
    pub frames: Frames,
    pub events: Events,
    pub waiting: Waiting,
    /// Control packets that wait to be taken.
    pub control: Vec<String>,
    pub last_sequence: u64,
}

/// Why a message was not decoded.
pub enum Undecoded {
    Incomplete,
    Failed(DecodeError),
}

impl From<DecodeError> for Undecoded {
    fn from(error: DecodeError) -> Self {
        Self::Failed(error)
    }
}

impl Messages {
    pub fn new(frames: Frames, events: Events) -> Self {
        Self { frames, events, waiting: Waiting::default(), control: Vec::new(), last_sequence: 0 }
    }

    /// Decodes the message that `input` starts with.
    /// @returns its length.
    #[inline]
    pub fn decode(&mut self, input: Padded<'_>, bounds: &Bounds) -> Result<usize, Undecoded> {
        let mark = self.waiting.mark();
        let result = match self.usual(input, bounds) {
            Ok(None) => {
                self.waiting.roll_back(mark);
                self.any(input, bounds)
            }
            Ok(Some(len)) => Ok(len),
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.waiting.roll_back(mark);
        }
        result
    }

    /// An event as Discord writes it: all that decides about `d` comes before it, so one pass checks and encodes it.
    /// @returns the message's length; none when it is anything else.
    #[inline]
    fn usual(&mut self, input: Padded<'_>, bounds: &Bounds) -> Result<Option<usize>, Undecoded> {
        let Some(UsualHead { name, sequence, data_at }) = UsualHead::of(input.text()) else { return Ok(None) };
        let Some(event) = self.events.find(name).filter(|_| !is_session_event(name)) else { return Ok(None) };
        let mark = self.waiting.mark();
        let mut scan = Scanner::new(input, data_at);
        let scanned = if self.events.wanted(event) {
            self.frames.write(event, sequence, input, Data::Next(&mut scan), self.waiting.buffer()?)
        } else {
            scan.skip(DATA_DEPTH).map(drop)
        };
        let more = scanned.and_then(|()| scan.more()).map_err(|fault| fault_at(input, &scan, fault))?;
        if more {
            // Another key, perhaps one that stands for an earlier one.
            return Ok(None);
        }
        let len = scan.position();
        bounds.check(len)?;
        check_utf8(&input.text()[..len])?;
        self.count(Some(event), sequence, mark);
        Ok(Some(len))
    }

    /// Any message: its fields are found first, and then looked at.
    fn any(&mut self, input: Padded<'_>, bounds: &Bounds) -> Result<usize, Undecoded> {
        let mut scan = Scanner::new(input, 0);
        let envelope = Envelope::scan(&mut scan).map_err(|fault| fault_at(input, &scan, fault))?;
        let len = scan.position();
        bounds.check(len)?;
        check_utf8(&input.text()[..len])?;
        self.decide(input, &envelope, len)?;
        Ok(len)
    }

    #[inline]
    fn count(&mut self, event: Option<EventIndex>, sequence: u64, mark: usize) {
        if let Some(event) = event.filter(|event| self.events.wanted(*event)) {
            self.waiting.commit(mark, event, sequence);
        }
        self.events.count(event);
        self.last_sequence = sequence;
    }

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
        let event = self.events.find(name);
        if let Some(event) = event.filter(|event| self.events.wanted(*event)) {
            self.frames
                .write(event, sequence, input, Data::Scanned(envelope.data), self.waiting.buffer()?)
                .map_err(|fault| fault_at(input, &Scanner::new(input, 0), fault))?;
        }
        self.count(event, sequence, mark);
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
        b'"' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
            DecodeError::new(Kind::Envelope, "Cannot read a gateway payload: the message is no JSON object.")
        }
        first => DecodeError::new(Kind::Json, format!("Cannot parse a message: it starts with byte 0x{first:02x}.")),
    }
}
