//! A connection for tests: its messages, its decoder, and what comes out of it.
#![allow(dead_code)] // Each test file uses a part.

use spectacles_native::decoder::{Decoder, Options};
use spectacles_native::encoder::Encoder;
use spectacles_native::error::Kind;
use spectacles_native::framing::{Body, Framing};
use spectacles_native::transport::Compression;

pub const TRANSPORTS: [Compression; 3] = [Compression::None, Compression::Zlib, Compression::Zstd];
pub const READY: &str = r#"{"t":"READY","s":1,"op":0,"d":{"v":10,"session_id":"abc"}}"#;
pub const WANTED: &str = r#"{"t":"WANTED","s":2,"op":0,"d":{"id":"1","list":[1,2,3]}}"#;
pub const COUNTED: &str = r#"{"t":"COUNTED","s":3,"op":0,"d":{"x":[{}]}}"#;
pub const UNKNOWN: &str = r#"{"t":"UNKNOWN","s":4,"op":0,"d":null}"#;
pub const ACK: &str = r#"{"t":null,"s":null,"op":11,"d":null}"#;

pub fn options(compression: Compression) -> Options {
    Options {
        compression,
        body: Body::Json,
        framing: Framing::Bare,
        events: ["READY", "WANTED", "COUNTED"].map(String::from).to_vec(),
        wanted: vec![false, true, false],
        shard: 3,
        max_message_bytes: 64 * 1024 * 1024,
        max_ratio: 500.0,
        max_window_log: 23,
    }
}

pub fn decoder(compression: Compression) -> Decoder {
    Decoder::new(options(compression)).unwrap()
}

pub fn with(change: impl FnOnce(&mut Options)) -> Decoder {
    let mut options = options(Compression::None);
    change(&mut options);
    Decoder::new(options).unwrap()
}

/// The frames of a connection that carries these messages, one each.
pub fn frames(compression: Compression, messages: &[&str]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(compression).unwrap();
    messages
        .iter()
        .map(|message| {
            let mut frame = Vec::new();
            encoder.encode(message.as_bytes(), &mut frame).unwrap();
            frame
        })
        .collect()
}

pub fn taken(decoder: &mut Decoder) -> (Vec<String>, Vec<i32>) {
    let mut bytes = vec![0; decoder.waiting().pending_bytes()];
    let mut records = vec![0; decoder.waiting().pending_events() * 5];
    let count = decoder.take(&mut bytes, &mut records);
    assert_eq!(decoder.waiting().pending_events(), 0);
    assert_eq!(decoder.waiting().pending_bytes(), 0);
    let events = records.chunks(5).take(count);
    let texts = events.map(|record| {
        let start = record[3] as usize;
        String::from_utf8_lossy(&bytes[start..start + record[4] as usize]).into_owned()
    });
    (texts.collect(), records.clone())
}

pub fn taken_bytes(decoder: &mut Decoder) -> Vec<u8> {
    let mut bytes = vec![0; decoder.waiting().pending_bytes()];
    assert_eq!(decoder.take(&mut bytes, &mut [0; 5]), 1);
    bytes
}

pub fn refused(decoder: &mut Decoder, frame: &str) -> Kind {
    decoder.push(frame.as_bytes()).expect_err(frame).kind
}
