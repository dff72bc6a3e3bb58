//! The outer object of a gateway payload: `{op, d, s, t}` in any order, further keys ignored, the last of equal keys
//! valid, as JSON.parse has it.

use crate::error::{DecodeError, Kind};
use crate::kernel::{Fault, Padded, Scanner, Span};

/// The largest integer that a double tells from its neighbours.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
const DISPATCH: f64 = 0.0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Op,
    Sequence,
    Type,
    Data,
    Other,
}

impl Field {
    #[inline]
    pub fn of(key: &[u8]) -> Self {
        match key {
            b"op" => Self::Op,
            b"s" => Self::Sequence,
            b"t" => Self::Type,
            b"d" => Self::Data,
            _ if key.contains(&b'\\') => match unescape(key).as_str() {
                "op" => Self::Op,
                "s" => Self::Sequence,
                "t" => Self::Type,
                "d" => Self::Data,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// Where each field's value lies, as far as the scan has come.
#[derive(Default)]
pub struct Envelope {
    pub op: Option<Span>,
    pub sequence: Option<Span>,
    pub kind: Option<Span>,
    pub data: Option<Span>,
}

/// What a payload is.
pub enum Payload<'a> {
    Dispatch { name: Name<'a>, sequence: u64 },
    Control,
}

/// An event's name: nearly always as it is written.
pub enum Name<'a> {
    Plain(&'a [u8]),
    Unescaped(String),
}

impl Name<'_> {
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Plain(text) => text,
            Self::Unescaped(text) => text.as_bytes(),
        }
    }
}

impl Envelope {
    #[inline]
    pub fn set(&mut self, field: Field, span: Span) {
        match field {
            Field::Op => self.op = Some(span),
            Field::Sequence => self.sequence = Some(span),
            Field::Type => self.kind = Some(span),
            Field::Data => self.data = Some(span),
            Field::Other => {}
        }
    }

    /// Whether all that decides about `d` has been seen.
    #[inline]
    pub fn decides(&self) -> bool {
        self.op.is_some() && self.sequence.is_some() && self.kind.is_some()
    }

    /// What the payload is, by the fields seen so far.
    #[inline]
    pub fn payload<'a>(&self, input: Padded<'a>) -> Result<Payload<'a>, DecodeError> {
        let op = self.op.and_then(|span| number(input.slice(span))).filter(|op| op.fract() == 0.0);
        let op = op.ok_or_else(|| wrong("op", "an integer", input, self.op))?;
        let sequence = value_of(input, self.sequence, sequence)
            .map_err(|()| wrong("s", "a non-negative safe integer or null", input, self.sequence))?;
        let name = value_of(input, self.kind, string).map_err(|()| wrong("t", "a string or null", input, self.kind))?;
        if op != DISPATCH {
            return Ok(Payload::Control);
        }
        let sequence = sequence.ok_or_else(|| wrong("s", "an integer in a dispatch", input, self.sequence))?;
        let name = name.ok_or_else(|| wrong("t", "a string in a dispatch", input, self.kind))?;
        Ok(Payload::Dispatch { name, sequence })
    }
}

/// None where the field is absent or null; an error where `read` finds no value of its type.
#[inline]
fn value_of<'a, T>(
    input: Padded<'a>,
    span: Option<Span>,
    read: impl FnOnce(&'a [u8]) -> Option<T>,
) -> Result<Option<T>, ()> {
    match span.map(|span| input.slice(span)) {
        None | Some(b"null") => Ok(None),
        Some(text) => read(text).map(Some).ok_or(()),
    }
}

/// The string at `key` of the object at `from`; the last one where the key repeats.
pub fn string_field(input: Padded<'_>, from: Span, key: &str, depth: u32) -> Option<String> {
    let mut scan = Scanner::new(input, from.start);
    let mut found = None;
    if !scan.open().ok()? {
        return None;
    }
    loop {
        let name = scan.key().ok()?;
        let span = scan.skip(depth + 1).ok()?;
        if name == key.as_bytes() || (name.contains(&b'\\') && unescape(name) == key) {
            found = Some(span);
        }
        if !scan.more().ok()? {
            break;
        }
    }
    match string(input.slice(found?))? {
        Name::Plain(text) => String::from_utf8(text.to_vec()).ok(),
        Name::Unescaped(text) => Some(text),
    }
}

#[inline]
fn sequence(text: &[u8]) -> Option<u64> {
    if text.len() <= 15 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')));
    }
    number(text)
        .filter(|value| value.fract() == 0.0 && (0.0..=MAX_SAFE_INTEGER).contains(value))
        .map(|value| value as u64)
}

/// The value of a JSON number; none for any other checked value.
#[inline]
fn number(text: &[u8]) -> Option<f64> {
    match text {
        [digit @ b'0'..=b'9'] => Some(f64::from(digit - b'0')),
        [b'-' | b'0'..=b'9', ..] => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// The value of a JSON string; none for any other checked value.
#[inline]
fn string(text: &[u8]) -> Option<Name<'_>> {
    match text {
        [b'"', inner @ .., b'"'] if inner.contains(&b'\\') => Some(Name::Unescaped(unescape(inner))),
        [b'"', inner @ .., b'"'] => Some(Name::Plain(inner)),
        _ => None,
    }
}

/// The value of a checked string's inside. Rare: Discord escapes neither its keys nor its event names.
#[cold]
fn unescape(inner: &[u8]) -> String {
    let mut quoted = Vec::with_capacity(inner.len() + 2 + crate::kernel::PADDING);
    quoted.push(b'"');
    quoted.extend_from_slice(inner);
    quoted.push(b'"');
    let len = quoted.len();
    quoted.resize(len + crate::kernel::PADDING, 0);
    let mut packed = Vec::new();
    let mut scan = Scanner::new(Padded::new(&quoted, len), 0);
    let header_len = match scan.transcode(1, &mut packed).map(|()| packed.first()) {
        Ok(Some(0xd9)) => 2,
        Ok(Some(0xda)) => 3,
        Ok(Some(0xdb)) => 5,
        Ok(_) => 1,
        Err(Fault::Incomplete | Fault::Invalid | Fault::Depth) => return String::new(),
    };
    String::from_utf8_lossy(&packed[header_len..]).into_owned()
}

#[cold]
fn wrong(key: &str, expected: &str, input: Padded<'_>, found: Option<Span>) -> DecodeError {
    const SHOWN_BYTES: usize = 32;
    let found = match found {
        None => "nothing".to_owned(),
        Some(span) => {
            let text = input.slice(span);
            String::from_utf8_lossy(&text[..text.len().min(SHOWN_BYTES)]).into_owned()
        }
    };
    DecodeError::new(
        Kind::Envelope,
        format!("Cannot read a gateway payload: \"{key}\" must be {expected}, not {found}."),
    )
}
