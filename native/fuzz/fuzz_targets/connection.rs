//! A decoder for fuzzing, and all that can be seen of what it did.

use spectacles_native::decoder::{Decoder, Options};
use spectacles_native::framing::{Body, Framing};
use spectacles_native::redis::Trim;
use spectacles_native::transport::Compression;

pub fn decoder(compression: Compression, body: Body) -> Decoder {
    Decoder::new(Options {
        compression,
        body,
        framing: Framing::Redis(Trim::Keep),
        events: ["READY", "A", "B"].map(String::from).to_vec(),
        wanted: vec![true, true, false],
        shard: 0,
        max_message_bytes: 1024 * 1024,
        max_ratio: 200.0,
        max_window_log: 21,
    })
    .expect("the options are valid")
}

#[allow(dead_code)] // Not every target looks at it.
pub struct Outcome {
    /// Control packets, events, their records and the last sequence.
    pub decoded: (Vec<String>, Vec<u8>, Vec<i32>, u64),
    pub refused: bool,
}

#[allow(dead_code)]
pub fn outcome<'a>(decoder: &mut Decoder, frames: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut refused = false;
    for frame in frames {
        refused |= decoder.push(frame).is_err();
    }
    let mut bytes = vec![0; decoder.waiting().pending_bytes()];
    let mut records = vec![0; decoder.waiting().pending_events() * 5];
    decoder.take(&mut bytes, &mut records);
    assert_eq!(decoder.waiting().pending_bytes(), 0);
    Outcome { decoded: (decoder.take_control(), bytes, records, decoder.last_sequence()), refused }
}

/// Any bytes as a connection's frames, cut where they hold 0x0a: no crash, and nothing decoded after a failure.
#[allow(dead_code)]
pub fn survives(compression: Compression, bytes: &[u8]) {
    for body in [Body::Msgpack, Body::Json, Body::Discordjs] {
        let mut decoder = decoder(compression, body);
        let mut failed = false;
        for frame in bytes.split(|byte| *byte == 0x0a) {
            let before = decoder.last_sequence();
            let result = decoder.push(frame);
            assert!(!failed || (result.is_err() && decoder.last_sequence() == before));
            failed |= result.is_err();
        }
        decoder.reset();
        assert!(decoder.push(b"").is_ok());
    }
}
