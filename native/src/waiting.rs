//! Encoded events that wait to be taken: one buffer, one list of records.

use crate::error::{DecodeError, Kind};
use crate::events::EventIndex;

/// The integers of one record: `RecordField` in src/codec/batch.ts.
pub const RECORD_INTS: usize = 5;
/// What may wait before it is taken. Offsets must fit an i32, with the largest message on top.
const MAX_WAITING_BYTES: usize = 512 * 1024 * 1024;
const MAX_WAITING_EVENTS: usize = 4 * 1024 * 1024 - 1;
/// A larger buffer is given back once it is empty.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Copy)]
struct Record {
    event: EventIndex,
    sequence: u64,
    len: usize,
}

/// `bytes[taken_bytes..]` holds the events of `records[taken_records..]`, back to back.
#[derive(Default)]
pub struct Waiting {
    bytes: Vec<u8>,
    taken_bytes: usize,
    records: Vec<Record>,
    taken_records: usize,
}

impl Waiting {
    pub fn pending_bytes(&self) -> usize {
        self.bytes.len() - self.taken_bytes
    }

    pub fn pending_events(&self) -> usize {
        self.records.len() - self.taken_records
    }

    /// Where the next event is written. It waits once it is committed.
    #[inline]
    pub fn buffer(&mut self) -> Result<&mut Vec<u8>, DecodeError> {
        if self.pending_bytes() > MAX_WAITING_BYTES || self.pending_events() >= MAX_WAITING_EVENTS {
            return Err(DecodeError::new(
                Kind::Limit,
                format!("Cannot hold more events: {} wait to be taken, take them after a push.", self.pending_events()),
            ));
        }
        Ok(&mut self.bytes)
    }

    pub fn mark(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets what was written since `mark`.
    pub fn roll_back(&mut self, mark: usize) {
        self.bytes.truncate(mark);
    }

    /// What was written since `mark` is an event.
    #[inline]
    pub fn commit(&mut self, mark: usize, event: EventIndex, sequence: u64) {
        self.records.push(Record { event, sequence, len: self.bytes.len() - mark });
    }

    /// Moves as many whole events as fit both to the front of `bytes` and `records`.
    pub fn take(&mut self, bytes: &mut [u8], records: &mut [i32]) -> usize {
        let (mut count, mut offset) = (0, 0);
        for (record, ints) in self.records[self.taken_records..].iter().zip(records.chunks_exact_mut(RECORD_INTS)) {
            if offset + record.len > bytes.len() {
                break;
            }
            ints.copy_from_slice(&[
                record.event as i32,
                record.sequence as u32 as i32,
                (record.sequence >> 32) as i32,
                offset as i32,
                record.len as i32,
            ]);
            offset += record.len;
            count += 1;
        }
        bytes[..offset].copy_from_slice(&self.bytes[self.taken_bytes..self.taken_bytes + offset]);
        self.taken_bytes += offset;
        self.taken_records += count;
        self.compact();
        count
    }

    /// Gives back the front of the buffers once it is the larger part, so that partial takes cost no more than whole ones.
    fn compact(&mut self) {
        if self.taken_records == self.records.len() {
            self.records.clear();
            self.taken_records = 0;
            self.bytes.clear();
            self.taken_bytes = 0;
            if self.bytes.capacity() > KEPT_BYTES {
                self.bytes = Vec::new();
            }
        } else if self.taken_bytes > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken_bytes);
            self.taken_bytes = 0;
            self.records.drain(..self.taken_records);
            self.taken_records = 0;
        }
    }
}
