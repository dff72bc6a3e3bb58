//! What an event looks like to a broker: bodies and what surrounds them.

mod connection;

use connection::*;
use spectacles_native::framing::{Body, Framing};
use spectacles_native::redis::Trim;

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
    const TAIL: &[u8] = b"\r\n$2\r\nid\r\n$2\r\n:2\r\n";
    for body in [Body::Json, Body::Msgpack] {
        for len in (0..130).chain([990, 1000, 1150, 9_990, 10_010, 11_500, 120_000]) {
            let mut decoder = with(|options| {
                options.framing = Framing::Redis(Trim::Keep);
                options.body = body;
            });
            // The length is guessed from the text's, which space behind the body makes wrong.
            let space = " ".repeat(len % 7 * 100);
            let message = format!(r#"{{"t":"WANTED","s":2,"op":0,"d":["{}"]{space}}}"#, "x".repeat(len));
            decoder.push(message.as_bytes()).unwrap();
            let bytes = taken_bytes(&mut decoder);
            let length_at = b"*7\r\n$4\r\nXADD\r\n$6\r\nWANTED\r\n$1\r\n*\r\n$4\r\ndata\r\n$".len();
            let digits_len = bytes[length_at..].iter().position(|byte| *byte == b'\r').unwrap();
            let length: usize =
                std::str::from_utf8(&bytes[length_at..length_at + digits_len]).unwrap().parse().unwrap();
            let (value, tail) = bytes[length_at + digits_len + 2..].split_at(length);
            assert_eq!(tail, TAIL, "{len}");
            match body {
                Body::Json => assert_eq!(value, format!("[\"{}\"]", "x".repeat(len)).as_bytes()),
                _ => assert_eq!(rmpv::decode::read_value(&mut &value[..]).unwrap()[0].as_str().unwrap().len(), len),
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
        let bytes = taken_bytes(&mut decoder);
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
