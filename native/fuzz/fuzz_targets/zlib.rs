//! Any bytes as a connection's frames, cut where they hold 0x0a: no crash, and nothing decoded after a failure.
#![no_main]

mod connection;

use spectacles_native::framing::Body;
use spectacles_native::transport::Compression;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for body in [Body::Msgpack, Body::Json, Body::Discordjs] {
        let mut decoder = connection::decoder(Compression::Zlib, body);
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
});
