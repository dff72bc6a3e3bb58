//! Any text as messages: however the stream is cut into frames, and whichever transport carries it, the same comes out.
#![no_main]

mod connection;

use connection::{decoder, outcome};
use spectacles_native::encoder::Encoder;
use spectacles_native::framing::Body;
use spectacles_native::transport::Compression;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((cut, text)) = input.split_first() else { return };
    let size = 1 + usize::from(*cut);
    let whole = outcome(&mut decoder(Compression::None, Body::Msgpack), [text].into_iter());
    for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
        let mut stream = Vec::new();
        Encoder::new(compression).and_then(|mut encoder| encoder.encode(text, &mut stream)).expect("compresses");
        let pieces = outcome(&mut decoder(compression, Body::Msgpack), stream.chunks(size));
        assert_eq!(whole.decoded, pieces.decoded, "{compression:?} in pieces of {size}");
        // A text that has gone wrong may wait for more to be found out, but none is refused that is right as a whole.
        assert!(whole.refused || !pieces.refused, "{compression:?} in pieces of {size}");
    }
});
