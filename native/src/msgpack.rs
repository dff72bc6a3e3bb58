//! The few MessagePack values that surround an event; its body is written by the kernel.

pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        len @ 0..=0x1f => out.push(0xa0 | len as u8),
        len @ 0x20..=0xff => out.extend([0xd9, len as u8]),
        len @ 0x100..=0xffff => {
            out.push(0xda);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0xdb);
            out.extend((len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

pub fn unsigned(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend([0xcc, value as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend((value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend((value as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend(value.to_be_bytes());
        }
    }
}

/// The header of a map of fewer than 16 entries.
pub fn small_map(out: &mut Vec<u8>, entries: u8) {
    debug_assert!(entries < 16);
    out.push(0x80 | entries);
}

pub const NIL: u8 = 0xc0;
