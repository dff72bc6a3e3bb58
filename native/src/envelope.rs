//! The outer object of a gateway payload: `{op, d, s, t}` in any order, further keys ignored, the last of equal keys
//! valid, as JSON.parse has it.

use crate::error::{DecodeError, Kind};
use crate::framing::DATA_DEPTH;
use crate::kernel::{Fault, Padded, Scanner, Span};

/// The largest integer that a double tells from its neighbours.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
const DISPATCH: f64 = 0.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Op,
    Sequence,
    Type,
    Data,
    Other,
}

impl Field {
    fn of(key: &[u8]) -> Self {
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

/// Where each field's value lies; the last one where a key repeats.
#[derive(Default)]
pub struct Envelope {
    op: Option<Span>,
    sequence: Option<Span>,
    kind: Option<Span>,
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
    /// Reads a payload to its end.
    pub fn scan(scan: &mut Scanner<'_>) -> Result<Self, Fault> {
        let mut envelope = Self::default();
        let mut more = scan.open()?;
        while more {
            let field = Field::of(scan.key()?);
            let span = Some(scan.skip(DATA_DEPTH)?);
            match field {
                Field::Op => envelope.op = span,
                Field::Sequence => envelope.sequence = span,
                Field::Type => envelope.kind = span,
                Field::Data => envelope.data = span,
                Field::Other => {}
            }
            more = scan.more()?;
        }
        Ok(envelope)
    }

    /// What the payload is.
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

/// The start of a dispatch as Discord writes each: `{"t":"…","s":…,"op":0,"d":`, to be told at a glance. Whatever looks
/// different in the least is left to `Envelope`.
pub struct UsualHead<'a> {
    pub name: &'a [u8],
    pub sequence: u64,
    /// Where `d` begins.
    pub data_at: usize,
}

impl<'a> UsualHead<'a> {
    #[inline]
    pub fn of(text: &'a [u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"{\"t\":\"")?;
        let name_len = rest.iter().position(|byte| !matches!(byte, b'A'..=b'Z' | b'_'))?;
        let (name, rest) = rest.split_at(name_len);
        let rest = rest.strip_prefix(b"\",\"s\":")?;
        let digits_len = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = rest.split_at(digits_len);
        let rest = rest.strip_prefix(b",\"op\":0,\"d\":")?;
        Some(Self { name, sequence: plain_digits(digits)?, data_at: text.len() - rest.len() })
    }
}

/// None where the field is absent or null; an error where `read` finds no value of its type.
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

fn sequence(text: &[u8]) -> Option<u64> {
    let value = number(text).filter(|value| value.fract() == 0.0 && (0.0..=MAX_SAFE_INTEGER).contains(value))?;
    Some(value as u64)
}

/// A JSON integer of at most 15 digits, all of which a double holds.
#[inline]
fn plain_digits(digits: &[u8]) -> Option<u64> {
    match digits {
        [b'0', _, ..] | [] => None,
        _ if digits.len() > 15 => None,
        _ => Some(digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))),
    }
}

/// The value of a JSON number; none for any other checked value.
fn number(text: &[u8]) -> Option<f64> {
    match text {
        [b'-' | b'0'..=b'9', ..] => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// The value of a JSON string; none for any other checked value.
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
