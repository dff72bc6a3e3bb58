//! Follows a message that arrives in pieces, each byte once, to see where it ends. Without it every piece would mean
//! another scan from the message's start: quadratic for a large message in small frames.

/// Knows only strings and brackets: exact as long as the text is JSON, and the kernel checks that.
#[derive(Default)]
pub struct Outline {
    seen: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Outline {
    /// Reads on where it stopped; `text` is the whole message so far.
    /// @returns whether the message's outermost bracket is closed.
    pub fn advance(&mut self, text: &[u8]) -> bool {
        for byte in &text[self.seen..] {
            self.seen += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod test {
    use super::Outline;

    #[test]
    fn sees_the_end_of_a_message_whatever_its_pieces() {
        let text = br#"{"a":"}\"\\","b":[1,{"c":"]"}]}"#;
        for cut in 0..text.len() {
            let mut outline = Outline::default();
            assert!(!outline.advance(&text[..cut]), "complete at {cut}");
            assert!(outline.advance(text));
        }
    }
}
