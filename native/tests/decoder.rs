//! What frames become, however they are cut, in all three transports.

mod connection;

use connection::*;
use spectacles_native::transport::Compression;

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
