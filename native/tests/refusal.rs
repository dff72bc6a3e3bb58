//! What is refused, by which kind, and what stays of it.

mod connection;

use connection::*;
use spectacles_native::decoder::{Decoder, Options};
use spectacles_native::error::Kind;
use spectacles_native::transport::Compression;

#[test]
fn what_is_no_payload_is_refused_by_kind() {
    for (kind, messages) in [
        (
            Kind::Envelope,
            &[
                "[]",
                "1",
                "null",
                "\"x\"",
                "{}",
                r#"{"d":1}"#,
                r#"{"op":"0"}"#,
                r#"{"op":1.5}"#,
                r#"{"op":null}"#,
                r#"{"op":1e999}"#,
                r#"{"op":11,"s":"1"}"#,
                r#"{"op":11,"t":[]}"#,
                r#"{"op":0}"#,
                r#"{"op":0,"s":1}"#,
                r#"{"op":0,"t":"A"}"#,
                r#"{"op":0,"t":"A","s":-1}"#,
                r#"{"op":0,"t":"A","s":9007199254740992}"#,
                r#"{"op":0,"t":"A","s":"1"}"#,
                r#"{"op":0,"t":"A","s":null}"#,
                r#"{"op":0,"t":1,"s":1}"#,
                r#"{"op":0,"t":"READY","s":1,"d":{}}"#,
                r#"{"op":0,"t":"READY","s":1,"d":{"session_id":1}}"#,
                r#"{"op":0,"t":"READY","s":1,"d":[]}"#,
                r#"{"op":0,"t":"READY","s":1}"#,
            ][..],
        ),
        (
            Kind::Json,
            &[
                "}",
                "\u{feff}{}",
                "{]",
                "garbage",
                r#"{"op":11}x"#,
                r#"{"op":01}"#,
                r#"{"op":11,}"#,
                r#"{"op":11}]"#,
                "{\"op\":11,\"d\":\"\n\"}",
                r#"{"op":11,"d":tru}"#,
                r#"{"t":"COUNTED","s":1,"op":0,"d":[1,]}"#,
                "\0",
            ],
        ),
    ] {
        for message in messages {
            assert_eq!(refused(&mut decoder(Compression::None), message), kind, "{message}");
        }
    }
    let mut decoder = decoder(Compression::None);
    let error = decoder.push(b"{\"op\":11,\"d\":\"\xff\"}").unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (Kind::Json, "Cannot parse a message: invalid UTF-8 at byte 14 of 17.")
    );
}

#[test]
fn invalid_utf8_in_an_event_is_refused_and_leaves_nothing() {
    for message in [
        &b"{\"t\":\"WANTED\",\"s\":1,\"op\":0,\"d\":\"\xc3\"}"[..],
        b"{\"t\":\"COUNTED\",\"s\":1,\"op\":0,\"d\":\"\xed\xa0\x80\"}",
    ] {
        let mut decoder = decoder(Compression::None);
        assert_eq!(decoder.push(message).unwrap_err().kind, Kind::Json);
        assert_eq!(decoder.waiting().pending_bytes(), 0);
        assert_eq!(decoder.last_sequence(), 0);
    }
}

#[test]
fn a_cut_message_is_found_out_by_the_next_and_never_becomes_an_event() {
    for len in 1..WANTED.len() {
        let mut decoder = decoder(Compression::None);
        assert_eq!(decoder.push(&WANTED.as_bytes()[..len]), Ok(0), "cut at {len}");
        let mut failed = false;
        for _ in 0..8 {
            failed |= decoder.push(COUNTED.as_bytes()).is_err();
        }
        assert!(failed, "cut at {len}");
        assert_eq!(decoder.waiting().pending_events(), 0, "cut at {len}");
        assert_eq!(decoder.last_sequence(), 0, "cut at {len}");
    }
}

#[test]
fn after_a_failure_only_a_reset_helps() {
    for compression in TRANSPORTS {
        let mut decoder = decoder(compression);
        decoder.resume("abc", 40);
        let good = frames(compression, &[WANTED]);
        decoder.push(&good[0]).unwrap();
        let error = decoder.push(b"\xff\xff garbage").unwrap_err();
        assert_eq!(decoder.push(&good[0]), Err(error));
        assert_eq!(decoder.waiting().pending_events(), 1, "what came before stays");
        decoder.reset();
        decoder.push(&good[0]).unwrap();
        assert_eq!(decoder.waiting().pending_events(), 2);
    }
}

#[test]
fn events_before_a_failure_in_the_same_frame_wait() {
    let mut decoder = decoder(Compression::None);
    assert_eq!(refused(&mut decoder, &format!("{WANTED}{WANTED}{{oops")), Kind::Json);
    assert_eq!(taken(&mut decoder).0.len(), 2);
}

#[test]
fn a_message_may_be_as_large_as_the_bound_and_no_larger() {
    let message = |len: usize| {
        let empty = r#"{"t":"WANTED","s":1,"op":0,"d":""}"#;
        empty.replace("\"\"}", &format!("\"{}\"}}", "x".repeat(len - empty.len())))
    };
    const BOUND: usize = 50_000;
    for compression in TRANSPORTS {
        let limited =
            |limit: usize| Decoder::new(Options { max_message_bytes: limit, ..options(compression) }).unwrap();
        let fits = message(BOUND);
        assert_eq!(fits.len(), BOUND);
        // Many that fit may share a frame.
        let many = frames(compression, &[fits.as_str(); 8]).concat();
        let mut decoder = limited(BOUND);
        decoder.push(&many).unwrap();
        assert_eq!(decoder.waiting().pending_events(), 8);
        for size in [1, 1000, many.len()] {
            let mut decoder = limited(BOUND - 1);
            let failures = many.chunks(size).filter_map(|piece| decoder.push(piece).err());
            assert!(failures.take(1).all(|error| error.kind == Kind::Limit), "pieces of {size}");
            assert_eq!(decoder.waiting().pending_events(), 0);
        }
    }
}

#[test]
fn a_bomb_is_refused_by_its_ratio_before_it_is_large() {
    let bomb = format!(r#"{{"t":"WANTED","s":1,"op":0,"d":"{}"}}"#, "a".repeat(40 * 1024 * 1024));
    for compression in [Compression::Zlib, Compression::Zstd] {
        let frame = frames(compression, &[&bomb]).remove(0);
        let mut strict = Decoder::new(Options { max_ratio: 100.0, ..options(compression) }).unwrap();
        assert_eq!(strict.push(&frame).unwrap_err().kind, Kind::Limit);
        let mut lax = Decoder::new(Options { max_ratio: 1e6, ..options(compression) }).unwrap();
        assert_eq!(lax.push(&frame), Ok(0));
        let under_1_mib = bomb.replace(&"a".repeat(39 * 1024 * 1024 + 4096), "");
        let mut strict = Decoder::new(Options { max_ratio: 1.5, ..options(compression) }).unwrap();
        assert_eq!(strict.push(&frames(compression, &[&under_1_mib])[0]), Ok(0));
    }
}

#[test]
fn a_zstd_window_over_the_bound_is_refused() {
    // Magic number, no content size, a window of 2^24.
    let header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (24 - 10) << 3, 0, 0, 0];
    assert_eq!(decoder(Compression::Zstd).push(&header).unwrap_err().kind, Kind::Limit);
    let header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (23 - 10) << 3, 0, 0, 0];
    assert_eq!(decoder(Compression::Zstd).push(&header), Ok(0));
}

#[test]
fn corrupt_compression_is_refused() {
    for compression in [Compression::Zlib, Compression::Zstd] {
        let mut decoder = decoder(compression);
        assert_eq!(decoder.push(b"plain text").unwrap_err().kind, Kind::Transport);
    }
}

#[test]
fn at_most_1024_control_packets_wait() {
    let mut decoder = decoder(Compression::None);
    for waiting in 1..=1024 {
        assert_eq!(decoder.push(ACK.as_bytes()), Ok(waiting));
    }
    assert_eq!(refused(&mut decoder, ACK), Kind::Limit);
    assert_eq!(decoder.take_control().len(), 1024);
}
