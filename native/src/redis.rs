//! Finished Redis commands: `XADD event [MINID ~ ms | MAXLEN ~ n] * data body id session:sequence`, in RESP.

/// Fields `data` and `id`, each a name and a value.
const FIELD_PARTS: usize = 4;

#[derive(Clone, Copy, Debug)]
pub enum Trim {
    /// None.
    Keep,
    /// By age: entries older than this go.
    Age { retention_ms: u64 },
    /// By number: about this many stay.
    Length { max: u64 },
}

/// The parts that all events share.
pub struct Commands {
    trim: Trim,
    /// From the trimming threshold to the name of the first field.
    after_key: Vec<u8>,
    /// `session:`, as far as it is known.
    id_prefix: Vec<u8>,
}

/// Where a body's length and the body itself begin in the output.
pub struct BodyMark {
    length_at: usize,
    body_at: usize,
}

impl Commands {
    pub fn new(trim: Trim) -> Self {
        let mut commands = Self { trim, after_key: Vec::new(), id_prefix: b":".to_vec() };
        commands.set_time(0);
        commands
    }

    /// A command up to the part that changes: prepared once for each event.
    pub fn head(&self, event: &[u8]) -> Vec<u8> {
        let trim_parts = if matches!(self.trim, Trim::Keep) { 0 } else { 3 };
        let mut head = format!("*{}\r\n", 3 + trim_parts + FIELD_PARTS).into_bytes();
        bulk(&mut head, b"XADD");
        bulk(&mut head, event);
        head
    }

    /// Unix ms that trimming by age counts from.
    pub fn set_time(&mut self, unix_ms: u64) {
        self.after_key.clear();
        let (strategy, threshold) = match self.trim {
            Trim::Keep => (None, 0),
            Trim::Age { retention_ms } => (Some("MINID"), unix_ms.saturating_sub(retention_ms)),
            Trim::Length { max } => (Some("MAXLEN"), max),
        };
        if let Some(strategy) = strategy {
            bulk(&mut self.after_key, strategy.as_bytes());
            bulk(&mut self.after_key, b"~");
            bulk(&mut self.after_key, threshold.to_string().as_bytes());
        }
        bulk(&mut self.after_key, b"*");
        bulk(&mut self.after_key, b"data");
        self.after_key.push(b'$');
    }

    pub fn set_session(&mut self, session: &str) {
        self.id_prefix.clear();
        self.id_prefix.extend_from_slice(session.as_bytes());
        self.id_prefix.push(b':');
    }

    /// Writes all up to the body. Its length is only known afterwards, so `expected_bytes` says how many digits to
    /// leave: a wrong guess costs a move of the body, no more.
    #[inline]
    pub fn open(&self, head: &[u8], expected_bytes: usize, out: &mut Vec<u8>) -> BodyMark {
        out.extend_from_slice(head);
        out.extend_from_slice(&self.after_key);
        let length_at = out.len();
        let body_at = length_at + decimal_digits(expected_bytes) + 2;
        out.resize(body_at, b'\n');
        BodyMark { length_at, body_at }
    }

    #[inline]
    pub fn close(&self, mark: &BodyMark, sequence: u64, out: &mut Vec<u8>) {
        let body_len = out.len() - mark.body_at;
        let right_body_at = mark.length_at + decimal_digits(body_len) + 2;
        if right_body_at != mark.body_at {
            move_body(out, mark.body_at, right_body_at);
        }
        write_decimal(&mut out[mark.length_at..right_body_at - 2], body_len as u64);
        out[right_body_at - 2..right_body_at].copy_from_slice(b"\r\n");

        let mut digits = [0; 20];
        let digits = &mut digits[..decimal_digits(sequence as usize)];
        write_decimal(digits, sequence);
        out.extend_from_slice(b"\r\n$2\r\nid\r\n$");
        let id_len = self.id_prefix.len() + digits.len();
        let at = out.len();
        out.resize(at + decimal_digits(id_len), 0);
        write_decimal(&mut out[at..], id_len as u64);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.id_prefix);
        out.extend_from_slice(digits);
        out.extend_from_slice(b"\r\n");
    }
}

#[cold]
fn move_body(out: &mut Vec<u8>, from: usize, to: usize) {
    let end = out.len();
    if to > from {
        out.resize(end + to - from, 0);
    }
    out.copy_within(from..end, to);
    out.truncate(end + to - from);
}

fn bulk(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn decimal_digits(value: usize) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Fills `out` with the last digits of `value`.
#[inline]
fn write_decimal(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}
