//! The scan and transcode kernel: one pass over JSON text that checks it and, where asked, writes it as MessagePack.
//! The only file with `unsafe`. Long because its safety rests on the two invariants below, which no other file can
//! touch and which a reader must be able to check in one place.
//!
//! INPUT: `PADDING` zero bytes follow `end`, and `at <= end`. A zero byte is never part of valid JSON outside or
//! inside a string, so every scan stops at it: `at` only moves past bytes seen to be non-zero, which lie before `end`.
//! Reads go at most `PADDING` bytes past `end`.
//!
//! OUTPUT: while `transcode` runs, `out` has room for `GROWTH` bytes for each input byte left, and `SLACK` more.
//! - No value is written in more than three times the bytes it was read from, its separator included: the worst are
//!   `-0,` (3 bytes to 9) and `9e9,`. A header that is widened adds 2 bytes after 16 entries, which were read from 32
//!   bytes or more, and 2 after 65,536; the last can exceed the factor, by 2 bytes for each open container.
//! - A string in the making may start 5 bytes late, and a copy may write `FIXED_COPY` bytes too many.
//!
//! So `SLACK` covers 2 * MAX_DEPTH + 5 + FIXED_COPY.

use std::marker::PhantomData;

/// Zero bytes that must follow the text.
pub const PADDING: usize = 64;
/// Containers that may lie within one another, the payload itself included.
pub const MAX_DEPTH: u32 = 256;

const GROWTH: usize = 3;
const SLACK: usize = 1024;
/// The longest string with a one-byte header, plus one.
const SHORT: usize = 32;
/// Up to this length a copy takes as many bytes, needed or not: the padding allows it.
const FIXED_COPY: usize = PADDING;
const REPLACEMENT: u32 = 0xfffd;

/// Why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text so far could be the start of valid JSON.
    Incomplete,
    /// The text cannot be JSON. `Scanner::position` says where.
    Invalid,
    /// More than `MAX_DEPTH` containers within one another.
    Depth,
}

type Scanned<T = ()> = Result<T, Fault>;

/// A place in the text, as byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// Text with `PADDING` zero bytes after it.
#[derive(Clone, Copy)]
pub struct Padded<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl<'a> Padded<'a> {
    /// The first `len` bytes of `bytes`.
    ///
    /// # Panics
    /// When `PADDING` zero bytes do not follow them.
    pub fn new(bytes: &'a [u8], len: usize) -> Self {
        assert!(bytes[len..len + PADDING].iter().fold(0, |all, byte| all | byte) == 0, "the text is not padded");
        Self { bytes, len }
    }

    pub fn text(&self) -> &'a [u8] {
        &self.bytes[..self.len]
    }

    pub fn slice(&self, span: Span) -> &'a [u8] {
        &self.bytes[span.start..span.end]
    }
}

#[derive(Clone, Copy)]
pub struct Scanner<'a> {
    start: *const u8,
    at: *const u8,
    end: *const u8,
    /// Null but while `transcode` runs.
    out: *mut u8,
    /// Where the room at `out` ends; checked in debug builds.
    out_end: *mut u8,
    text: PhantomData<&'a [u8]>,
}

/// What reads a message's outer structure.
impl<'a> Scanner<'a> {
    pub fn new(input: Padded<'a>, from: usize) -> Self {
        assert!(from <= input.len);
        let start = input.bytes.as_ptr();
        Self {
            start,
            // SAFETY: `from <= len`, and `len` bytes and the padding lie in one slice.
            at: unsafe { start.add(from) },
            // SAFETY: as above.
            end: unsafe { start.add(input.len) },
            out: std::ptr::null_mut(),
            out_end: std::ptr::null_mut(),
            text: PhantomData,
        }
    }

    /// The offset of the next byte; after a fault, of the byte that does not fit.
    pub fn position(&self) -> usize {
        // SAFETY: both point into the text.
        unsafe { self.at.offset_from_unsigned(self.start) }
    }

    /// Reads `{`. False: `}` was read too, the object is empty.
    pub fn open(&mut self) -> Scanned<bool> {
        self.expect(b'{')?;
        if self.token() != b'}' {
            return Ok(true);
        }
        self.bump();
        Ok(false)
    }

    /// Reads a key and its colon. The key is returned as it is written, with its escapes.
    pub fn key(&mut self) -> Scanned<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        self.string::<false>()?;
        // SAFETY: the string and its closing quote lie between `start` and `at`, within the text that 'a borrows.
        let key = unsafe { std::slice::from_raw_parts(start, self.at.offset_from_unsigned(start) - 1) };
        self.expect(b':')?;
        Ok(key)
    }

    /// After a value: true for `,`, false for `}`.
    pub fn more(&mut self) -> Scanned<bool> {
        self.comma_or(b'}')
    }

    /// Checks one value, which lies within `depth` containers.
    pub fn skip(&mut self, depth: u32) -> Scanned<Span> {
        self.token();
        let start = self.position();
        self.value::<false>(MAX_DEPTH - depth)?;
        Ok(Span { start, end: self.position() })
    }

    /// Checks one value, which lies within `depth` containers, and appends it to `out` as MessagePack.
    /// After a fault `out` is as before.
    pub fn transcode(&mut self, depth: u32, out: &mut Vec<u8>) -> Scanned {
        // SAFETY: `at <= end` (INPUT).
        let left = unsafe { self.end.offset_from_unsigned(self.at) };
        out.reserve(left * GROWTH + SLACK);
        let room = out.spare_capacity_mut().as_mut_ptr_range();
        (self.out, self.out_end) = (room.start.cast(), room.end.cast());
        self.token();
        let result = self.value::<true>(MAX_DEPTH - depth);
        if result.is_ok() {
            // SAFETY: `out` started at the vector's length, and all up to where it is now was written (OUTPUT).
            unsafe {
                let written = self.out.offset_from_unsigned(room.start.cast());
                out.set_len(out.len() + written);
            }
        }
        (self.out, self.out_end) = (std::ptr::null_mut(), std::ptr::null_mut());
        result
    }
}

/// The grammar. `WRITE` adds the MessagePack output.
///
/// A third of the speed is in keeping `at` and `out` in registers. So a container is scanned on a local copy of the
/// scanner, whose address goes to no function that is not inlined: those get a copy of their own (`apart`).
impl Scanner<'_> {
    #[inline(always)]
    fn apart<T>(&mut self, part: impl FnOnce(&mut Self) -> T) -> T {
        let mut copy = *self;
        let result = part(&mut copy);
        *self = copy;
        result
    }

    #[inline(always)]
    fn value<const WRITE: bool>(&mut self, depth: u32) -> Scanned {
        // Most values are strings, and Discord puts no space before them.
        if self.byte() == b'"' {
            self.bump();
            return self.string::<WRITE>();
        }
        match self.byte() {
            b'{' => self.apart(|scan| scan.object::<WRITE>(depth)),
            b'[' => self.apart(|scan| scan.array::<WRITE>(depth)),
            b'-' | b'0'..=b'9' => self.number::<WRITE>(),
            b't' => self.literal::<WRITE>(b"true", 0xc3),
            b'f' => self.literal::<WRITE>(b"false", 0xc2),
            b'n' => self.literal::<WRITE>(b"null", 0xc0),
            b' ' | b'\n' | b'\r' | b'\t' => self.apart(|scan| scan.value_after_space::<WRITE>(depth)),
            _ => Err(self.unexpected()),
        }
    }

    #[inline(never)]
    fn value_after_space<const WRITE: bool>(&mut self, depth: u32) -> Scanned {
        self.skip_space();
        self.value::<WRITE>(depth)
    }

    #[inline(never)]
    fn object<const WRITE: bool>(&mut self, depth: u32) -> Scanned {
        let mut scan = *self;
        let result = scan.object_here::<WRITE>(depth);
        *self = scan;
        result
    }

    #[inline(always)]
    fn object_here<const WRITE: bool>(&mut self, depth: u32) -> Scanned {
        let depth = depth.checked_sub(1).ok_or(Fault::Depth)?;
        let header = self.reserve_header::<WRITE>();
        self.bump();
        let mut count = 0u32;
        if self.token() == b'}' {
            self.bump();
        } else {
            loop {
                self.expect(b'"')?;
                self.widen_header::<WRITE>(header, count);
                self.string::<WRITE>()?;
                self.expect(b':')?;
                self.value::<WRITE>(depth)?;
                count += 1;
                if !self.comma_or(b'}')? {
                    break;
                }
            }
        }
        self.write_header::<WRITE>(header, count, 0x80, 0xde);
        Ok(())
    }

    #[inline(never)]
    fn array<const WRITE: bool>(&mut self, depth: u32) -> Scanned {
        let mut scan = *self;
        let result = scan.array_here::<WRITE>(depth);
        *self = scan;
        result
    }

    #[inline(always)]
    fn array_here<const WRITE: bool>(&mut self, depth: u32) -> Scanned {
        let depth = depth.checked_sub(1).ok_or(Fault::Depth)?;
        let header = self.reserve_header::<WRITE>();
        self.bump();
        let mut count = 0u32;
        if self.token() == b']' {
            self.bump();
        } else {
            loop {
                self.widen_header::<WRITE>(header, count);
                self.value::<WRITE>(depth)?;
                count += 1;
                if !self.comma_or(b']')? {
                    break;
                }
            }
        }
        self.write_header::<WRITE>(header, count, 0x90, 0xdc);
        Ok(())
    }

    /// Reads a string from after its opening quote. Copies while it scans: most strings are ids and names of fewer
    /// than 32 bytes, whose header is one byte.
    #[inline(always)]
    fn string<const WRITE: bool>(&mut self) -> Scanned {
        let mut len = 0;
        while len < SHORT {
            // SAFETY: INPUT, for no byte before `at + len` is zero. OUTPUT.
            let stop = unsafe {
                let block = Block::load(self.at.add(len));
                if WRITE {
                    self.check_room(1 + len + Block::WIDTH);
                    block.store(self.out.add(1 + len));
                }
                block.first_stop()
            };
            if let Some(stop) = stop {
                len += stop;
                // SAFETY: INPUT, as above.
                if unsafe { *self.at.add(len) } != b'"' {
                    return self.apart(|scan| scan.long_string::<WRITE>(len));
                }
                // SAFETY: OUTPUT: the header's byte was left free before the copy. INPUT: the byte passed is the quote.
                unsafe {
                    if WRITE {
                        *self.out = 0xa0 | len as u8;
                        self.out = self.out.add(1 + len);
                    }
                    self.at = self.at.add(len + 1);
                }
                return Ok(());
            }
            len += Block::WIDTH;
        }
        self.apart(|scan| scan.long_string::<WRITE>(len))
    }

    /// A string of which `len` bytes are known to be plain: scanned to its end first, so that its header is known
    /// before it is copied.
    #[inline(never)]
    fn long_string<const WRITE: bool>(&mut self, len: usize) -> Scanned {
        let len = self.plain_run(len);
        // SAFETY: INPUT, for no byte before `at + len` is zero.
        match unsafe { *self.at.add(len) } {
            b'"' => {
                if WRITE {
                    self.string_header(len);
                    self.copy(len);
                }
                // SAFETY: INPUT: the byte passed is the quote.
                self.at = unsafe { self.at.add(len + 1) };
                Ok(())
            }
            b'\\' => self.escaped_string::<WRITE>(len),
            _ => {
                // SAFETY: INPUT, as above.
                self.at = unsafe { self.at.add(len) };
                Err(self.unexpected())
            }
        }
    }

    /// A string with a backslash after `len` plain bytes. Its length shows only at its end, so it is written behind
    /// the longest header and moved back.
    #[inline(never)]
    fn escaped_string<const WRITE: bool>(&mut self, len: usize) -> Scanned {
        const LONGEST_HEADER: usize = 5;
        let header = self.out;
        if WRITE {
            // SAFETY: OUTPUT, whose slack holds the longest header.
            self.out = unsafe { self.out.add(LONGEST_HEADER) };
        }
        let mut run = len;
        loop {
            if WRITE {
                self.copy(run);
            }
            // SAFETY: INPUT: `plain_run` stops at the first zero.
            self.at = unsafe { self.at.add(run) };
            match self.byte() {
                b'"' => break self.bump(),
                b'\\' => {
                    let code = self.escape()?;
                    if WRITE {
                        let mut utf8 = [0; 4];
                        for byte in char::from_u32(code).unwrap_or('\u{fffd}').encode_utf8(&mut utf8).bytes() {
                            self.put(byte);
                        }
                    }
                }
                _ => return Err(self.unexpected()),
            }
            run = self.plain_run(0);
        }
        if WRITE {
            // SAFETY: OUTPUT: the text lies at `header + LONGEST_HEADER` up to `out`, and moves to lower addresses.
            unsafe {
                let text = header.add(LONGEST_HEADER);
                let len = self.out.offset_from_unsigned(text);
                self.out = header;
                self.string_header(len);
                std::ptr::copy(text, self.out, len);
                self.out = self.out.add(len);
            }
        }
        Ok(())
    }

    /// Reads an escape; a surrogate without its other half is U+FFFD.
    fn escape(&mut self) -> Scanned<u32> {
        self.bump();
        let simple = match self.byte() {
            b'u' => {
                self.bump();
                let unit = self.hex4()?;
                return Ok(self.surrogate(unit));
            }
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0c,
            same @ (b'"' | b'\\' | b'/') => same,
            _ => return Err(self.unexpected()),
        };
        self.bump();
        Ok(u32::from(simple))
    }

    /// The code point that starts with this UTF-16 unit; reads the second half where there is one.
    fn surrogate(&mut self, unit: u32) -> u32 {
        match unit {
            0xd800..=0xdbff => {
                let after = self.at;
                if self.byte() == b'\\' {
                    self.bump();
                    if self.byte() == b'u' {
                        self.bump();
                        if let Ok(low @ 0xdc00..=0xdfff) = self.hex4() {
                            return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        }
                    }
                }
                // What follows is read again, for what it is.
                self.at = after;
                REPLACEMENT
            }
            0xdc00..=0xdfff => REPLACEMENT,
            _ => unit,
        }
    }

    fn hex4(&mut self) -> Scanned<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.byte()).to_digit(16).ok_or_else(|| self.unexpected())?;
            unit = unit << 4 | digit;
            self.bump();
        }
        Ok(unit)
    }

    #[inline(always)]
    fn number<const WRITE: bool>(&mut self) -> Scanned {
        let start = self.at;
        let negative = self.byte() == b'-';
        if negative {
            self.bump();
        }
        let first_digit = self.at;
        let mut value = 0u64;
        match self.byte() {
            b'0' => self.bump(),
            b'1'..=b'9' => {
                while let digit @ b'0'..=b'9' = self.byte() {
                    value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
                    self.bump();
                }
            }
            _ => return Err(self.unexpected()),
        }
        if matches!(self.byte(), b'.' | b'e' | b'E') {
            return self.apart(|scan| scan.float::<WRITE>(start));
        }
        if self.at == self.end {
            // The next frame may go on with a digit.
            return Err(Fault::Incomplete);
        }
        if WRITE {
            // SAFETY: both point into the text.
            let digits = unsafe { self.at.offset_from_unsigned(first_digit) };
            match (negative, value) {
                // 19 digits always fit, more rarely do.
                _ if digits > 19 => self.apart(|scan| scan.huge_integer(start)),
                (false, _) => self.put_unsigned(value),
                (true, 1..=0x8000_0000_0000_0000) => self.put_negative(value.wrapping_neg() as i64),
                // -0, and what is below the range of an int64.
                (true, _) => self.put_double(-(value as f64)),
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn float<const WRITE: bool>(&mut self, start: *const u8) -> Scanned {
        if self.byte() == b'.' {
            self.bump();
            self.digits()?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.bump();
            if matches!(self.byte(), b'+' | b'-') {
                self.bump();
            }
            self.digits()?;
        }
        if self.at == self.end {
            return Err(Fault::Incomplete);
        }
        if WRITE {
            let value = self.parsed::<f64>(start).ok_or(Fault::Invalid)?;
            self.put_double(value);
        }
        Ok(())
    }

    fn digits(&mut self) -> Scanned {
        if !self.byte().is_ascii_digit() {
            return Err(self.unexpected());
        }
        while self.byte().is_ascii_digit() {
            self.bump();
        }
        Ok(())
    }

    /// An integer of 20 digits or more: exact where it fits 64 bits, else the nearest double.
    #[cold]
    fn huge_integer(&mut self, start: *const u8) {
        if let Some(value) = self.parsed::<u64>(start) {
            self.put_unsigned(value);
        } else {
            self.put_double(self.parsed::<f64>(start).unwrap_or(f64::NAN));
        }
    }

    /// The text from `start` to here, read by the standard library.
    fn parsed<T: std::str::FromStr>(&self, start: *const u8) -> Option<T> {
        // SAFETY: `start` was `at` a moment ago: both point into the text.
        let text = unsafe { std::slice::from_raw_parts(start, self.at.offset_from_unsigned(start)) };
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    #[inline(always)]
    fn literal<const WRITE: bool>(&mut self, word: &'static [u8], code: u8) -> Scanned {
        // SAFETY: INPUT: the padding covers the word; once it is equal, none of its bytes is zero.
        let found = unsafe { std::slice::from_raw_parts(self.at, word.len()) };
        if found != word {
            return Err(self.apart(|scan| scan.broken_literal(word)));
        }
        // SAFETY: as above.
        self.at = unsafe { self.at.add(word.len()) };
        if WRITE {
            self.put(code);
        }
        Ok(())
    }

    #[cold]
    fn broken_literal(&mut self, word: &[u8]) -> Fault {
        for letter in word {
            if self.byte() != *letter {
                break;
            }
            self.bump();
        }
        self.unexpected()
    }
}

/// Reading.
impl Scanner<'_> {
    #[inline(always)]
    fn byte(&self) -> u8 {
        // SAFETY: INPUT.
        unsafe { *self.at }
    }

    /// Moves past a byte that was seen to be non-zero.
    #[inline(always)]
    fn bump(&mut self) {
        debug_assert!(self.at < self.end);
        // SAFETY: INPUT.
        self.at = unsafe { self.at.add(1) };
    }

    /// Moves past white space; the byte after it.
    #[inline(always)]
    fn token(&mut self) -> u8 {
        let byte = self.byte();
        if byte > b' ' {
            return byte;
        }
        self.apart(Self::skip_space);
        self.byte()
    }

    #[inline(never)]
    fn skip_space(&mut self) {
        while matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.bump();
        }
    }

    /// Reads this byte, and white space before it.
    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Scanned {
        if self.byte() != byte && self.token() != byte {
            return Err(self.unexpected());
        }
        self.bump();
        Ok(())
    }

    /// After an entry: true for a comma, false for the container's end.
    #[inline(always)]
    fn comma_or(&mut self, end: u8) -> Scanned<bool> {
        if self.byte() == b',' {
            self.bump();
            return Ok(true);
        }
        match self.token() {
            b',' => {
                self.bump();
                Ok(true)
            }
            byte if byte == end => {
                self.bump();
                Ok(false)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// The offset from `at` of the first quote, backslash or control character at or after `from`.
    #[inline(always)]
    fn plain_run(&self, from: usize) -> usize {
        let mut len = from;
        loop {
            // SAFETY: INPUT, for no byte before `at + len` is zero.
            if let Some(stop) = unsafe { Block::load(self.at.add(len)) }.first_stop() {
                return len + stop;
            }
            len += Block::WIDTH;
        }
    }

    #[inline(always)]
    fn unexpected(&self) -> Fault {
        if self.at == self.end { Fault::Incomplete } else { Fault::Invalid }
    }
}

/// Writing MessagePack. Each needs `transcode` to have made room (OUTPUT).
impl Scanner<'_> {
    #[inline(always)]
    fn check_room(&self, len: usize) {
        debug_assert!(self.out_end as usize - self.out as usize >= len);
    }

    #[inline(always)]
    fn put(&mut self, byte: u8) {
        self.check_room(1);
        // SAFETY: OUTPUT.
        unsafe {
            *self.out = byte;
            self.out = self.out.add(1);
        }
    }

    #[inline(always)]
    fn put_with<const N: usize>(&mut self, code: u8, bytes: [u8; N]) {
        self.put(code);
        self.check_room(N);
        // SAFETY: OUTPUT; a byte array needs no alignment.
        unsafe {
            self.out.cast::<[u8; N]>().write(bytes);
            self.out = self.out.add(N);
        }
    }

    #[inline(always)]
    fn put_unsigned(&mut self, value: u64) {
        match value {
            0..=0x7f => self.put(value as u8),
            0x80..=0xff => self.put_with(0xcc, [value as u8]),
            0x100..=0xffff => self.put_with(0xcd, (value as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.put_with(0xce, (value as u32).to_be_bytes()),
            _ => self.put_with(0xcf, value.to_be_bytes()),
        }
    }

    #[inline(always)]
    fn put_negative(&mut self, value: i64) {
        match value {
            -0x20.. => self.put(value as u8),
            -0x80.. => self.put_with(0xd0, (value as i8).to_be_bytes()),
            -0x8000.. => self.put_with(0xd1, (value as i16).to_be_bytes()),
            -0x8000_0000.. => self.put_with(0xd2, (value as i32).to_be_bytes()),
            _ => self.put_with(0xd3, value.to_be_bytes()),
        }
    }

    #[inline(always)]
    fn put_double(&mut self, value: f64) {
        self.put_with(0xcb, value.to_be_bytes());
    }

    fn string_header(&mut self, len: usize) {
        match len {
            0..=0x1f => self.put(0xa0 | len as u8),
            0x20..=0xff => self.put_with(0xd9, [len as u8]),
            0x100..=0xffff => self.put_with(0xda, (len as u16).to_be_bytes()),
            _ => self.put_with(0xdb, (len as u32).to_be_bytes()),
        }
    }

    /// Copies `len` bytes from `at`, which stays.
    #[inline(always)]
    fn copy(&mut self, len: usize) {
        self.check_room(len);
        // SAFETY: INPUT, for the caller scanned them. OUTPUT. The text and the output are different allocations.
        unsafe {
            if len <= FIXED_COPY {
                // Hashes, timestamps and names: a known size is several times faster than asking memcpy.
                std::ptr::copy_nonoverlapping(self.at.cast::<[u8; FIXED_COPY]>(), self.out.cast(), 1);
            } else {
                std::ptr::copy_nonoverlapping(self.at, self.out, len);
            }
            self.out = self.out.add(len);
        }
    }

    /// Leaves a byte for a container's header.
    #[inline(always)]
    fn reserve_header<const WRITE: bool>(&mut self) -> *mut u8 {
        let header = self.out;
        if WRITE {
            self.check_room(1);
            // SAFETY: OUTPUT.
            self.out = unsafe { self.out.add(1) };
        }
        header
    }

    /// Before a container's entry number `count`: makes its header longer where that many need it.
    #[inline(always)]
    fn widen_header<const WRITE: bool>(&mut self, header: *mut u8, count: u32) {
        if WRITE && (count == 15 || count == 65_535) {
            self.apart(|scan| scan.shift_body(header, if count == 15 { 1 } else { 3 }));
        }
    }

    #[cold]
    fn shift_body(&mut self, header: *mut u8, header_len: usize) {
        self.check_room(2);
        // SAFETY: OUTPUT: the container's body lies from its header to `out`, with room for 2 bytes more behind it.
        unsafe {
            let body = header.add(header_len);
            std::ptr::copy(body, body.add(2), self.out.offset_from_unsigned(body));
            self.out = self.out.add(2);
        }
    }

    #[inline(always)]
    fn write_header<const WRITE: bool>(&mut self, header: *mut u8, count: u32, short: u8, long: u8) {
        if !WRITE {
            return;
        }
        // SAFETY: OUTPUT: `reserve_header` left 1 byte, `widen_header` made it 3 or 5.
        unsafe {
            match count {
                0..=15 => *header = short | count as u8,
                16..=65_535 => {
                    *header = long;
                    header.add(1).cast::<[u8; 2]>().write((count as u16).to_be_bytes());
                }
                _ => {
                    *header = long + 1;
                    header.add(1).cast::<[u8; 4]>().write(count.to_be_bytes());
                }
            }
        }
    }
}

/// Which kernel this build has.
pub const KERNEL: &str = if cfg!(all(target_arch = "x86_64", not(feature = "swar"))) { "sse2" } else { "swar" };

#[cfg(all(target_arch = "x86_64", not(feature = "swar")))]
use sse2::Block;
#[cfg(not(all(target_arch = "x86_64", not(feature = "swar"))))]
use swar::Block;

#[cfg(all(target_arch = "x86_64", not(feature = "swar")))]
mod sse2 {
    use std::arch::x86_64::*;

    /// 16 bytes of text. SSE2 is part of x86_64, so nothing is detected at run time.
    #[derive(Clone, Copy)]
    pub struct Block(__m128i);

    impl Block {
        pub const WIDTH: usize = 16;

        /// # Safety
        /// `WIDTH` bytes must be readable at `from`.
        #[inline(always)]
        pub unsafe fn load(from: *const u8) -> Self {
            // SAFETY: the caller's; an unaligned load.
            Self(unsafe { _mm_loadu_si128(from.cast()) })
        }

        /// # Safety
        /// `WIDTH` bytes must be writable at `to`.
        #[inline(always)]
        pub unsafe fn store(self, to: *mut u8) {
            // SAFETY: the caller's; an unaligned store.
            unsafe { _mm_storeu_si128(to.cast(), self.0) }
        }

        /// The first quote, backslash or control character.
        #[inline(always)]
        pub fn first_stop(self) -> Option<usize> {
            // SAFETY: SSE2 is part of x86_64.
            let mask = unsafe {
                let last_control = _mm_set1_epi8(0x1f);
                let control = _mm_cmpeq_epi8(_mm_max_epu8(self.0, last_control), last_control);
                let quote = _mm_cmpeq_epi8(self.0, _mm_set1_epi8(b'"' as i8));
                let backslash = _mm_cmpeq_epi8(self.0, _mm_set1_epi8(b'\\' as i8));
                _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash)))
            };
            (mask != 0).then(|| mask.trailing_zeros() as usize)
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", not(feature = "swar"))))]
mod swar {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

    /// 8 bytes of text in one integer, the first in the lowest bits.
    #[derive(Clone, Copy)]
    pub struct Block(u64);

    impl Block {
        pub const WIDTH: usize = 8;

        /// # Safety
        /// `WIDTH` bytes must be readable at `from`.
        #[inline(always)]
        pub unsafe fn load(from: *const u8) -> Self {
            // SAFETY: the caller's; a byte array needs no alignment.
            Self(u64::from_le_bytes(unsafe { from.cast::<[u8; 8]>().read() }))
        }

        /// # Safety
        /// `WIDTH` bytes must be writable at `to`.
        #[inline(always)]
        pub unsafe fn store(self, to: *mut u8) {
            // SAFETY: the caller's; a byte array needs no alignment.
            unsafe { to.cast::<[u8; 8]>().write(self.0.to_le_bytes()) }
        }

        /// The first quote, backslash or control character. A borrow can mark bytes behind a true mark falsely, but
        /// never before one, so the lowest mark is right.
        #[inline(always)]
        pub fn first_stop(self) -> Option<usize> {
            let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH_BITS;
            let control = below(self.0, 0x20);
            let quote = below(self.0 ^ (ONES * b'"' as u64), 1);
            let backslash = below(self.0 ^ (ONES * b'\\' as u64), 1);
            let marks = control | quote | backslash;
            (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
        }
    }
}
