//! What an event looks like to the broker: its body and what surrounds it (src/codec/encoding.ts). All that depends on
//! the event's name alone is prepared once.

use crate::events::EventIndex;
use crate::kernel::{Fault, Padded, Scanner, Span};
use crate::msgpack;
use crate::redis::{Commands, Trim};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Msgpack,
    Json,
    Discordjs,
}

#[derive(Clone, Copy, Debug)]
pub enum Framing {
    Bare,
    Stdio,
    Redis(Trim),
}

/// One event's prepared parts.
struct Prepared {
    /// Before the body.
    head: Vec<u8>,
    /// In discord.js' form, from the body's start to the sequence.
    body_head: Vec<u8>,
}

pub struct Frames {
    body: Body,
    stdio: bool,
    redis: Option<Commands>,
    events: Vec<Prepared>,
    /// In discord.js' form, what follows `d`.
    body_tail: Vec<u8>,
}

/// Where an event's `d` comes from.
pub enum Data<'s, 'a> {
    /// The scan stands before it and takes it in passing.
    Next(&'s mut Scanner<'a>),
    /// It was scanned before; none: the payload has no `d`.
    Scanned(Option<Span>),
}

/// The depth of `d`: within the payload.
pub const DATA_DEPTH: u32 = 1;

impl Frames {
    pub fn new(body: Body, framing: Framing, shard: u64, names: &[String]) -> Self {
        let redis = match framing {
            Framing::Redis(trim) => Some(Commands::new(trim)),
            Framing::Bare | Framing::Stdio => None,
        };
        let stdio = matches!(framing, Framing::Stdio);
        let events = names
            .iter()
            .map(|name| Prepared {
                head: match &redis {
                    Some(commands) => commands.head(name.as_bytes()),
                    None if stdio => stdio_head(body, name),
                    None => Vec::new(),
                },
                body_head: if body == Body::Discordjs { discordjs_head(name) } else { Vec::new() },
            })
            .collect();
        let mut body_tail = Vec::new();
        if body == Body::Discordjs {
            msgpack::string(&mut body_tail, b"shardId");
            msgpack::unsigned(&mut body_tail, shard);
        }
        Self { body, stdio, redis, events, body_tail }
    }

    pub fn set_session(&mut self, session: &str) {
        if let Some(redis) = &mut self.redis {
            redis.set_session(session);
        }
    }

    pub fn set_time(&mut self, unix_ms: u64) {
        if let Some(redis) = &mut self.redis {
            redis.set_time(unix_ms);
        }
    }

    /// Appends one finished event. After a fault `out` may hold a part of it.
    #[inline]
    pub fn write(
        &self,
        event: EventIndex,
        sequence: u64,
        input: Padded<'_>,
        data: Data<'_, '_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let prepared = &self.events[event];
        let Some(redis) = &self.redis else {
            out.extend_from_slice(&prepared.head);
            self.write_body(prepared, sequence, input, data, out)?;
            if self.stdio && self.body == Body::Json {
                out.extend_from_slice(b"}\n");
            }
            return Ok(());
        };
        let mark = redis.open(&prepared.head, self.expected_bytes(input, &data), out);
        self.write_body(prepared, sequence, input, data, out)?;
        redis.close(&mark, sequence, out);
        Ok(())
    }

    /// About how long the body gets: JSON of a Discord event shrinks to some 85 % as MessagePack.
    fn expected_bytes(&self, input: Padded<'_>, data: &Data<'_, '_>) -> usize {
        let json_len = match data {
            Data::Next(scan) => input.text().len() - scan.position(),
            Data::Scanned(span) => span.map_or(4, |span| span.end - span.start),
        };
        match self.body {
            Body::Json => json_len,
            Body::Msgpack | Body::Discordjs => json_len - json_len / 8,
        }
    }

    #[inline]
    fn write_body(
        &self,
        prepared: &Prepared,
        sequence: u64,
        input: Padded<'_>,
        data: Data<'_, '_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        match self.body {
            Body::Msgpack => write_msgpack(input, data, out),
            Body::Json => self.write_json(input, data, out),
            Body::Discordjs => {
                out.extend_from_slice(&prepared.body_head);
                msgpack::unsigned(out, sequence);
                msgpack::string(out, b"d");
                write_msgpack(input, data, out)?;
                out.extend_from_slice(&self.body_tail);
                Ok(())
            }
        }
    }

    fn write_json(&self, input: Padded<'_>, data: Data<'_, '_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let span = match data {
            Data::Next(scan) => Some(scan.skip(DATA_DEPTH)?),
            Data::Scanned(span) => span,
        };
        let start = out.len();
        out.extend_from_slice(span.map_or(b"null", |span| input.slice(span)));
        if self.stdio {
            // A raw line break is only ever white space between tokens; within strings JSON escapes it.
            for byte in &mut out[start..] {
                if matches!(*byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
        }
        Ok(())
    }
}

#[inline]
fn write_msgpack(input: Padded<'_>, data: Data<'_, '_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    match data {
        Data::Next(scan) => scan.transcode(DATA_DEPTH, out),
        Data::Scanned(Some(span)) => Scanner::new(input, span.start).transcode(DATA_DEPTH, out),
        Data::Scanned(None) => {
            out.push(msgpack::NIL);
            Ok(())
        }
    }
}

/// `{"event":…,"data":` as JSON, or the same map's start as MessagePack.
fn stdio_head(body: Body, name: &str) -> Vec<u8> {
    let mut head = Vec::new();
    if body == Body::Json {
        head.extend_from_slice(b"{\"event\":");
        json_string(&mut head, name);
        head.extend_from_slice(b",\"data\":");
    } else {
        msgpack::small_map(&mut head, 2);
        msgpack::string(&mut head, b"event");
        msgpack::string(&mut head, name.as_bytes());
        msgpack::string(&mut head, b"data");
    }
    head
}

/// `{payload: {op: 0, t, s:` as MessagePack.
fn discordjs_head(name: &str) -> Vec<u8> {
    let mut head = Vec::new();
    msgpack::small_map(&mut head, 2);
    msgpack::string(&mut head, b"payload");
    msgpack::small_map(&mut head, 4);
    msgpack::string(&mut head, b"op");
    msgpack::unsigned(&mut head, 0);
    msgpack::string(&mut head, b"t");
    msgpack::string(&mut head, name.as_bytes());
    msgpack::string(&mut head, b"s");
    head
}

fn json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for char in text.chars() {
        match char {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\0'..='\x1f' => out.extend_from_slice(format!("\\u{:04x}", u32::from(char)).as_bytes()),
            _ => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}
