//! Any bytes as the frames of a connection with the compression zlib.
#![no_main]

mod connection;

use spectacles_native::transport::Compression;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| connection::survives(Compression::Zlib, bytes));
