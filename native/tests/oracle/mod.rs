//! What the kernel is compared with, in tests and in fuzzing: serde_json's reading of the same text, and rmpv's of the
//! MessagePack that the kernel wrote.

use std::collections::HashMap;

use rmpv::Value as Packed;
use serde_json::Value as Json;
use spectacles_native::kernel::{Fault, PADDING, Padded, Scanner};

/// Transcodes a text that should be one value, with nothing behind it but white space.
pub fn transcode(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut padded = text.to_vec();
    // A number at the very end could go on; a space says that it does not.
    padded.push(b' ');
    let len = padded.len();
    padded.resize(len + PADDING, 0);
    let mut out = Vec::new();
    let mut scan = Scanner::new(Padded::new(&padded, len), 0);
    scan.transcode(0, &mut out)?;
    let mut skip = Scanner::new(Padded::new(&padded, len), 0);
    skip.skip(0).expect("what can be transcoded can be skipped");
    assert_eq!(scan.position(), skip.position());
    if padded[scan.position()..len].iter().all(|byte| b" \n\r\t".contains(byte)) {
        Ok(out)
    } else {
        Err(Fault::Invalid)
    }
}

/// Asserts that both see the same value in `text`, or that both see none.
pub fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        // The decoder checks UTF-8 by itself; here it only must not crash.
        let _ = transcode(text);
        return;
    };
    let ours = transcode(text.as_bytes());
    match (serde_json::from_str::<Json>(text), ours) {
        (Ok(json), Ok(packed)) => {
            let mut rest = packed.as_slice();
            let value = rmpv::decode::read_value(&mut rest).expect("MessagePack");
            assert!(rest.is_empty(), "bytes follow the value");
            assert!(same(&json, &value), "{text}\n{json}\n{value}");
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(fault)) => assert_eq!(fault, Fault::Depth, "refused: {text}"),
        (Err(error), Ok(_)) => assert!(only_serde_refuses(&error), "accepted: {text} ({error})"),
    }
}

/// What JSON.parse takes and serde_json does not.
fn only_serde_refuses(error: &serde_json::Error) -> bool {
    let reason = error.to_string();
    ["surrogate", "unexpected end of hex escape", "number out of range", "recursion limit"]
        .iter()
        .any(|known| reason.contains(known))
}

fn same(json: &Json, packed: &Packed) -> bool {
    match (json, packed) {
        (Json::Null, Packed::Nil) => true,
        (Json::Bool(a), Packed::Boolean(b)) => a == b,
        (Json::String(a), Packed::String(b)) => Some(a.as_str()) == b.as_str(),
        (Json::Number(a), Packed::Integer(b)) => {
            a.is_u64() && a.as_u64() == b.as_u64() || a.is_i64() && a.as_i64() == b.as_i64()
        }
        (Json::Number(a), Packed::F64(b)) => a.is_f64() && a.as_f64().map(f64::to_bits) == Some(b.to_bits()),
        (Json::Array(a), Packed::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        // A repeated key stands twice in the MessagePack; the last one counts, there as here.
        (Json::Object(a), Packed::Map(b)) => {
            let last: HashMap<_, _> = b.iter().map(|(name, value)| (name.as_str(), value)).collect();
            last.len() == a.len()
                && a.iter().all(|(key, value)| last.get(&Some(key.as_str())).is_some_and(|packed| same(value, packed)))
        }
        _ => false,
    }
}
