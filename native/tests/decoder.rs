//! The decoder as a whole: what frames become, however they are cut, in all three transports.

use spectacles_native::decoder::{Decoder, Options};
use spectacles_native::encoder::Encoder;
use spectacles_native::error::Kind;
use spectacles_native::framing::{Body, Framing};
use spectacles_native::redis::Trim;
use spectacles_native::transport::Compression;

const TRANSPORTS: [Compression; 3] = [Compression::None, Compression::Zlib, Compression::Zstd];
const READY: &str = r#"{"t":"READY","s":1,"op":0,"d":{"v":10,"session_id":"abc"}}"#;
const WANTED: &str = r#"{"t":"WANTED","s":2,"op":0,"d":{"id":"1","list":[1,2,3]}}"#;
const COUNTED: &str = r#"{"t":"COUNTED","s":3,"op":0,"d":{"x":[{}]}}"#;
const UNKNOWN: &str = r#"{"t":"UNKNOWN","s":4,"op":0,"d":null}"#;
const ACK: &str = r#"{"t":null,"s":null,"op":11,"d":null}"#;

fn options(compression: Compression) -> Options {
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

fn decoder(compression: Compression) -> Decoder {
    Decoder::new(options(compression)).unwrap()
}

fn with(change: impl FnOnce(&mut Options)) -> Decoder {
    let mut options = options(Compression::None);
    change(&mut options);
    Decoder::new(options).unwrap()
}

/// The frames of a connection that carries these messages, one each.
fn frames(compression: Compression, messages: &[&str]) -> Vec<Vec<u8>> {
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

fn taken(decoder: &mut Decoder) -> (Vec<String>, Vec<i32>) {
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

fn refused(decoder: &mut Decoder, frame: &str) -> Kind {
    decoder.push(frame.as_bytes()).expect_err(frame).kind
}

#[test]
fn a_message_a_frame() {
    for compression in TRANSPORTS {
        let mut decoder = decoder(compression);
        let waiting: Vec<usize> = frames(compression, &[READY, WANTED, COUNTED, UNKNOWN, ACK])
            .iter()
            .map(|frame| decoder.push(frame).unwrap())
            .collect();
        assert_eq!(waiting, [1, 1, 1, 1, 2]);
        assert_eq!(decoder.take_control(), [READY, ACK]);
        assert_eq!(decoder.counts(), [1.0, 1.0, 1.0, 1.0]);
        assert_eq!(decoder.last_sequence(), 4);
        assert_eq!(taken(&mut decoder), (vec![r#"{"id":"1","list":[1,2,3]}"#.into()], vec![1, 2, 0, 0, 25]));
    }
}

#[test]
fn frames_cut_anywhere_mean_the_same() {
    for compression in TRANSPORTS {
        let stream = frames(compression, &[READY, WANTED, WANTED, ACK, WANTED]).concat();
        for size in 1..=stream.len() {
            let mut decoder = decoder(compression);
            for piece in stream.chunks(size) {
                decoder.push(piece).unwrap();
            }
            assert_eq!(decoder.take_control(), [READY, ACK], "pieces of {size}");
            assert_eq!(taken(&mut decoder).0.len(), 3, "pieces of {size}");
        }
    }
}

#[test]
fn a_message_of_3_mb_arrives_whole_in_small_frames() {
    let long: String = (0..300_000).map(|index| format!("\"{index}é\",")).collect();
    let message = format!(r#"{{"t":"WANTED","s":9,"op":0,"d":[{long}0]}}"#);
    for compression in TRANSPORTS {
        let mut decoder = decoder(compression);
        for piece in frames(compression, &[&message, WANTED]).concat().chunks(1000) {
            decoder.push(piece).unwrap();
        }
        let (texts, _) = taken(&mut decoder);
        assert_eq!(texts, [format!("[{long}0]"), r#"{"id":"1","list":[1,2,3]}"#.into()]);
    }
}

#[test]
fn the_marker_bytes_within_compressed_data_end_nothing() {
    // Stored blocks keep their content as it is; "\u{0}\u{0}" cannot stand in JSON, but lengths and their complement can
    // be 00 00 ff ff: an empty stored block in the middle of a message.
    let (head, tail) = WANTED.split_at(20);
    let stored = |text: &str| {
        let len = text.len() as u16;
        [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), text.as_bytes()].concat()
    };
    let mut decoder = decoder(Compression::Zlib);
    let first = [&[0x78, 0x9c][..], &stored(head), &stored("")].concat();
    assert!(first.ends_with(&[0, 0, 0xff, 0xff]));
    assert_eq!(decoder.push(&first), Ok(0));
    assert_eq!(decoder.waiting().pending_events(), 0);
    assert_eq!(decoder.push(&[stored(tail), stored("")].concat()), Ok(0));
    assert_eq!(decoder.waiting().pending_events(), 1);
}

#[test]
fn the_envelope_may_be_in_any_order_with_other_keys_and_repeated_ones() {
    for message in [
        r#"{"d":[1],"op":0,"s":7,"t":"WANTED"}"#,
        r#" { "x" : {"op":9} , "s" : 7 , "d" : [1] , "op" : 0 , "t" : "WANTED" , "y" : [] } "#,
        r#"{"t":"COUNTED","s":1,"op":0,"d":[2],"t":"WANTED","s":7,"d":[1]}"#,
        r#"{"t":"WANTED","s":1,"op":0,"d":[2],"s":7,"d":[1]}"#,
        r#"{"t":"WANTED","s":7,"op":11,"op":0,"d":[2],"d":[1]}"#,
        r#"{"\u0074":"W\u0041NTED","\u0073":7.0,"\u006fp":0e0,"\u0064":[1]}"#,
        r#"{"op":"no","t":5,"s":null,"d":[1],"op":-0,"t":"WANTED","s":0.7e1}"#,
    ] {
        let mut decoder = decoder(Compression::None);
        decoder.push(message.as_bytes()).expect(message);
        assert_eq!(taken(&mut decoder), (vec!["[1]".into()], vec![1, 7, 0, 0, 3]), "{message}");
        assert_eq!(decoder.counts(), [0.0, 1.0, 0.0, 0.0], "{message}");
        assert_eq!(decoder.last_sequence(), 7);
    }
}

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

#[test]
fn taking_gives_whole_events_as_many_as_fit() {
    let mut decoder = decoder(Compression::None);
    for _ in 0..5 {
        decoder.push(WANTED.as_bytes()).unwrap();
    }
    let (mut bytes, mut records) = (vec![0; 60], vec![0; 100]);
    assert_eq!(decoder.take(&mut bytes[..24], &mut records), 0);
    assert_eq!(decoder.take(&mut bytes, &mut records[..9]), 1);
    assert_eq!(decoder.take(&mut bytes, &mut records), 2);
    assert_eq!(records[..10], [1, 2, 0, 0, 25, 1, 2, 0, 25, 25]);
    assert_eq!((decoder.waiting().pending_events(), decoder.waiting().pending_bytes()), (2, 50));
    decoder.push(WANTED.as_bytes()).unwrap();
    assert_eq!(taken(&mut decoder).0.len(), 3);
}

#[test]
fn a_sequence_past_32_bits_is_split() {
    let mut decoder = decoder(Compression::None);
    decoder.push(br#"{"t":"WANTED","s":9007199254740991,"op":0,"d":1}"#).unwrap();
    assert_eq!(taken(&mut decoder).1[1..3], [-1, 0x1f_ffff]);
}

#[test]
fn a_redis_command_is_finished() {
    let redis = |trim| with(|options| options.framing = Framing::Redis(trim));
    let mut decoder = redis(Trim::Age { retention_ms: 3_600_000 });
    decoder.set_time(1_700_000_000_000);
    decoder.resume("abc", 0);
    decoder.push(WANTED.as_bytes()).unwrap();
    assert_eq!(
        taken(&mut decoder).0,
        [
            "*10\r\n$4\r\nXADD\r\n$6\r\nWANTED\r\n$5\r\nMINID\r\n$1\r\n~\r\n$13\r\n1699996400000\r\n$1\r\n*\r\n$4\r\ndata\r\n\
          $25\r\n{\"id\":\"1\",\"list\":[1,2,3]}\r\n$2\r\nid\r\n$5\r\nabc:2\r\n"
        ]
    );
    let mut decoder = redis(Trim::Length { max: 1000 });
    decoder.push(WANTED.as_bytes()).unwrap();
    assert!(
        taken(&mut decoder).0[0]
            .starts_with("*10\r\n$4\r\nXADD\r\n$6\r\nWANTED\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$4\r\n1000\r\n$1\r\n*\r\n")
    );
    let mut decoder = redis(Trim::Keep);
    decoder.push(WANTED.as_bytes()).unwrap();
    assert!(taken(&mut decoder).0[0].starts_with("*7\r\n$4\r\nXADD\r\n$6\r\nWANTED\r\n$1\r\n*\r\n$4\r\ndata\r\n"));
}

#[test]
fn a_redis_body_of_any_length_gets_its_right_length() {
    for body in [Body::Json, Body::Msgpack] {
        for len in (0..130).chain([990, 1000, 1150, 9_990, 10_010, 11_500, 120_000]) {
            let mut decoder = with(|options| {
                options.framing = Framing::Redis(Trim::Keep);
                options.body = body;
            });
            let message =
                format!(r#"{{"t":"WANTED","s":2,"op":0,"d":["{}"]{}}}"#, "x".repeat(len), " ".repeat(len % 7 * 100));
            decoder.push(message.as_bytes()).unwrap();
            let text = &taken(&mut decoder).0[0];
            let (length, rest) = text.split_once("data\r\n$").unwrap().1.split_once("\r\n").unwrap();
            let mut bytes = vec![0; 0];
            std::io::Write::write_all(&mut bytes, rest.as_bytes()).unwrap();
            assert!(text.ends_with("\r\n$2\r\nid\r\n$2\r\n:2\r\n"), "{text}");
            if body == Body::Json {
                assert_eq!(length.parse::<usize>().unwrap(), len + 4);
                assert_eq!(rest.len(), len + 4 + "\r\n$2\r\nid\r\n$2\r\n:2\r\n".len());
            }
        }
    }
}

#[test]
fn a_stdio_line_stays_one_line() {
    let mut decoder = with(|options| options.framing = Framing::Stdio);
    decoder.push(b"{\"t\":\"WANTED\",\"s\":2,\"op\":0,\"d\":{\r\n \"a\":\t\"\\n\"\n}}").unwrap();
    assert_eq!(taken(&mut decoder).0, ["{\"event\":\"WANTED\",\"data\":{   \"a\":\t\"\\n\" }}\n"]);
}

#[test]
fn messagepack_bodies_have_their_surroundings() {
    let packed = |body, framing| {
        let mut decoder = with(|options| {
            options.framing = framing;
            options.body = body;
        });
        decoder.push(br#"{"t":"WANTED","s":300,"op":0,"d":[true]}"#).unwrap();
        let mut bytes = vec![0; decoder.waiting().pending_bytes()];
        decoder.take(&mut bytes, &mut [0; 5]);
        let mut rest = bytes.as_slice();
        let value = rmpv::decode::read_value(&mut rest).unwrap();
        assert!(rest.is_empty());
        value.to_string()
    };
    let discordjs = r#"{"payload": {"op": 0, "t": "WANTED", "s": 300, "d": [true]}, "shardId": 3}"#;
    assert_eq!(packed(Body::Msgpack, Framing::Bare), "[true]");
    assert_eq!(packed(Body::Msgpack, Framing::Stdio), r#"{"event": "WANTED", "data": [true]}"#);
    assert_eq!(packed(Body::Discordjs, Framing::Bare), discordjs);
    assert_eq!(packed(Body::Discordjs, Framing::Stdio), format!(r#"{{"event": "WANTED", "data": {discordjs}}}"#));
}

#[test]
fn ready_and_resumed_are_events_too_when_wanted() {
    let mut decoder = with(|options| {
        options.framing = Framing::Redis(Trim::Keep);
        options.wanted = vec![true, true, true];
    });
    decoder.resume("old", 9);
    assert_eq!(decoder.push(format!("{WANTED}{READY}{WANTED}").as_bytes()), Ok(1));
    let (texts, _) = taken(&mut decoder);
    let ids: Vec<&str> = texts.iter().map(|text| text.rsplit("\r\n").nth(1).unwrap()).collect();
    assert_eq!(ids, ["old:2", "abc:1", "abc:2"]);
    assert_eq!(decoder.take_control(), [READY]);
}

#[test]
fn the_last_session_id_of_ready_counts() {
    let mut decoder = with(|options| options.framing = Framing::Redis(Trim::Keep));
    decoder
        .push(br#"{"op":0,"s":1,"t":"READY","d":{"session_id":1,"x":{"session_id":"no"},"session\u005fid":"\u0061b"}}"#)
        .unwrap();
    decoder.push(WANTED.as_bytes()).unwrap();
    assert!(taken(&mut decoder).0[0].ends_with("\r\n$4\r\nab:2\r\n"));
}

#[test]
fn a_dispatch_without_data_has_null() {
    for (body, expected) in [(Body::Json, "null"), (Body::Msgpack, "\u{fffd}")] {
        let mut decoder = with(|options| options.body = body);
        decoder.push(br#"{"op":0,"s":1,"t":"WANTED"}"#).unwrap();
        assert_eq!(taken(&mut decoder).0, [expected]);
    }
}
