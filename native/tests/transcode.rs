//! The kernel's values: edge cases one by one, then seeded random texts against serde_json.

mod oracle;

use oracle::{check, transcode};
use spectacles_native::kernel::{Fault, MAX_DEPTH, PADDING, Padded, Scanner};

fn hex(text: &str) -> String {
    let bytes = transcode(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn integers_take_the_shortest_form_and_stay_exact_to_64_bits() {
    for (text, expected) in [
        ("0", "00"),
        ("127", "7f"),
        ("128", "cc80"),
        ("256", "cd0100"),
        ("65536", "ce00010000"),
        ("4294967296", "cf0000000100000000"),
        ("9007199254740993", "cf0020000000000001"),
        ("18446744073709551615", "cfffffffffffffffff"),
        ("18446744073709551616", "cb43f0000000000000"),
        ("-1", "ff"),
        ("-32", "e0"),
        ("-33", "d0df"),
        ("-128", "d080"),
        ("-129", "d1ff7f"),
        ("-32769", "d2ffff7fff"),
        ("-2147483649", "d3ffffffff7fffffff"),
        ("-9223372036854775808", "d38000000000000000"),
        ("-9223372036854775809", "cbc3e0000000000000"),
    ] {
        assert_eq!(hex(text), expected, "{text}");
    }
}

#[test]
fn what_is_written_as_a_fraction_or_power_stays_a_double() {
    for (text, value) in [
        ("1.0", 1.0),
        ("-0", -0.0),
        ("-0.0", -0.0),
        ("0e5", 0.0),
        ("1e400", f64::INFINITY),
        ("-1E+400", f64::NEG_INFINITY),
        ("5e-324", 5e-324),
        ("0.1", 0.1),
        ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
    ] {
        let expected: String =
            std::iter::once(0xcb).chain(f64::to_be_bytes(value)).map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex(text), expected, "{text}");
    }
}

#[test]
fn strings_are_unescaped_and_lone_surrogates_replaced() {
    for (text, expected) in [
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u20ac\ud83d\ude00""#, "Aé€😀"),
        (r#""\uD83D""#, "\u{fffd}"),
        (r#""\udE00\ud83d""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\u0000""#, "\0"),
    ] {
        let packed = transcode(text.as_bytes()).unwrap();
        assert_eq!(rmpv::decode::read_value(&mut packed.as_slice()).unwrap().as_str(), Some(expected), "{text}");
    }
}

#[test]
fn strings_of_every_length_around_a_header_or_block_are_whole() {
    for len in (0..300).chain([65_534, 65_535, 65_536, 70_000]) {
        for escape in [None, Some(0), Some(len / 2), Some(len)] {
            let mut inside = "x".repeat(len);
            if let Some(at) = escape {
                inside.insert_str(at, "\\n");
            }
            check(format!("\"{inside}\"").as_bytes());
            check(format!("[\"{inside}\",{{\"{inside}\":1}}]").as_bytes());
        }
    }
}

#[test]
fn containers_of_every_size_around_a_header_are_whole() {
    for len in (0..40).chain([65_534, 65_535, 65_536, 65_537]) {
        check(format!("[{}]", vec!["-0"; len].join(",")).as_bytes());
        check(format!("[[{}],1]", vec!["9e9"; len].join(",")).as_bytes());
        let entries: Vec<String> = (0..len).map(|index| format!("\"{index}\":{index}")).collect();
        check(format!("{{\"a\":{{{}}},\"b\":[]}}", entries.join(",")).as_bytes());
    }
}

#[test]
fn the_output_never_outgrows_its_room() {
    // The worst growth there is, in as many open containers as there can be; the room is checked in debug builds.
    let open = 200;
    let mut text = String::new();
    for _ in 0..open {
        text.push('[');
        text.push_str(&"-0,".repeat(70));
    }
    text.push_str("-0");
    text.push_str(&"]".repeat(open));
    check(text.as_bytes());
}

#[test]
fn containers_may_lie_256_deep_and_no_deeper() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    assert!(transcode(&nested(MAX_DEPTH as usize)).is_ok());
    assert_eq!(transcode(&nested(MAX_DEPTH as usize + 1)), Err(Fault::Depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)).into_bytes();
    assert!(transcode(&objects(MAX_DEPTH as usize)).is_ok());
    assert_eq!(transcode(&objects(MAX_DEPTH as usize + 1)), Err(Fault::Depth));
}

#[test]
fn what_json_parse_refuses_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "01",
        "-",
        "-01",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "[1}",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{1:1}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "'a'",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"\u{1f}\"",
        "\"\t\"",
        "1 2",
        "{}{}",
        "\u{feff}{}",
        "\0",
        "[1,\0]",
        "\"\0\"",
        "\u{a0}1",
        "/**/1",
        "tru e",
    ] {
        assert!(transcode(text.as_bytes()).is_err(), "accepted {text:?}");
        check(text.as_bytes());
    }
}

#[test]
fn white_space_is_allowed_between_all_tokens() {
    check(b" \n\t\r{ \"a\" : [ 1 , \"b\" , { } , [ ] , null ] , \"c\" : -0.5e-3 } \n");
}

#[test]
fn every_beginning_of_a_value_is_incomplete_and_not_wrong() {
    let text = br#"{"a":[1,-2.5e+3,"x\u00e9\ud83d\ude00\\",true,false,null,{}],"bcdefghijklmnopqrstuvwxyz0123456789":{"d":[]}}"#;
    for len in 0..text.len() {
        let mut start = text[..len].to_vec();
        start.resize(len + PADDING, 0);
        let input = Padded::new(&start, len);
        assert_eq!(Scanner::new(input, 0).skip(0), Err(Fault::Incomplete), "skip at {len}");
        let mut out = vec![1, 2, 3];
        assert_eq!(Scanner::new(input, 0).transcode(0, &mut out), Err(Fault::Incomplete), "transcode at {len}");
        assert_eq!(out, [1, 2, 3], "the output is as before");
    }
}

#[test]
fn random_texts_mean_the_same_as_to_serde_json() {
    let mut random = Random(0x5eed);
    for _ in 0..3_000 {
        let mut text = String::new();
        random.value(&mut text, 5);
        check(text.as_bytes());
        let mut broken = text.into_bytes();
        for _ in 0..1 + random.below(3) {
            let at = random.below(broken.len());
            match random.below(3) {
                0 => broken[at] = b"\"\\{}[]:,0-.eE truefalsn\n\x01"[random.below(25)],
                1 => drop(broken.remove(at)),
                _ => broken.truncate(at + 1),
            }
            if broken.is_empty() {
                break;
            }
        }
        check(&broken);
    }
}

/// xorshift64*: the same texts every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn space(&mut self, out: &mut String) {
        if self.below(8) == 0 {
            out.push_str([" ", "\n", "\t", "\r\n  "][self.below(4)]);
        }
    }

    fn value(&mut self, out: &mut String, depth: usize) {
        self.space(out);
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 => out.push_str(["null", "true", "false"][self.below(3)]),
            1 => out.push_str(&(self.below(1 << 20) as i64 - (1 << 19)).to_string()),
            2 => out.push_str(&(self.below(usize::MAX) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string()),
            3 => out.push_str(
                ["-0", "1.0", "0.1e-7", "-12.5E+3", "123456789012345678901234567890", "1e308"][self.below(6)],
            ),
            4 | 5 => self.string(out),
            6 => self.list(out, '[', ']', |random, out| random.value(out, depth - 1)),
            _ => self.list(out, '{', '}', |random, out| {
                random.space(out);
                random.string(out);
                random.space(out);
                out.push(':');
                random.value(out, depth - 1);
                random.space(out);
            }),
        }
        self.space(out);
    }

    fn list(&mut self, out: &mut String, open: char, close: char, mut entry: impl FnMut(&mut Self, &mut String)) {
        out.push(open);
        let len = if self.below(10) == 0 { 14 + self.below(5) } else { self.below(5) };
        for index in 0..len {
            if index > 0 {
                out.push(',');
            }
            entry(self, out);
        }
        if len == 0 {
            self.space(out);
        }
        out.push(close);
    }

    fn string(&mut self, out: &mut String) {
        out.push('"');
        let len = if self.below(6) == 0 { self.below(300) } else { self.below(36) };
        for _ in 0..len {
            match self.below(40) {
                0 => {
                    out.push_str(["\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\u0000"][self.below(7)])
                }
                1 => out.push_str(["é", "€", "😀"][self.below(3)]),
                _ => out.push((b'a' + self.below(26) as u8) as char),
            }
        }
        out.push('"');
    }
}
