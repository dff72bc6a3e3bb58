//! The event names that are counted, and of those the ones that are published.

/// A position in the names that the decoder was made with.
pub type EventIndex = usize;

pub struct Events {
    /// Positions by the length of the name: few names share one, so a look-up compares about three.
    by_len: Vec<Vec<(Box<[u8]>, EventIndex)>>,
    wanted: Vec<bool>,
    counts: Vec<f64>,
}

impl Events {
    pub fn new(names: &[String], wanted: &[bool]) -> Self {
        assert_eq!(names.len(), wanted.len());
        let longest = names.iter().map(String::len).max().unwrap_or(0);
        let mut by_len = vec![Vec::new(); longest + 1];
        for (index, name) in names.iter().enumerate() {
            by_len[name.len()].push((name.as_bytes().into(), index));
        }
        Self { by_len, wanted: wanted.to_vec(), counts: vec![0.0; names.len() + 1] }
    }

    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<EventIndex> {
        let candidates = self.by_len.get(name.len())?;
        candidates.iter().find(|(candidate, _)| **candidate == *name).map(|(_, index)| *index)
    }

    pub fn wanted(&self, event: EventIndex) -> bool {
        self.wanted[event]
    }

    /// Counts one dispatch; all names that were not given share the last count.
    #[inline]
    pub fn count(&mut self, event: Option<EventIndex>) {
        let others = self.counts.len() - 1;
        self.counts[event.unwrap_or(others)] += 1.0;
    }

    pub fn counts(&self) -> &[f64] {
        &self.counts
    }
}
