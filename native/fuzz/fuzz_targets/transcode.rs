//! Any text: the kernel and serde_json see the same value in it, or neither sees one.
#![no_main]

#[path = "../../tests/oracle/mod.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|text: &[u8]| oracle::check(text));
