// SPDX-License-Identifier: EUPL-1.2
//! White space between words of HTML: ordinary runs of it are one space, and none at the beginning of a line.

/// The white space since the last word.
#[derive(Default)]
pub(super) struct Gap {
    /// Ordinary runs, and hard spaces.
    runs: usize,
    hard: usize,
    /// It ended with an ordinary one.
    soft_end: bool,
    /// It began with one.
    soft_start: bool,
}

impl Gap {
    /// An ordinary space, tab or line feed.
    pub(super) fn soft(&mut self) {
        self.soft_start |= self.runs + self.hard == 0;
        self.runs += usize::from(!self.soft_end);
        self.soft_end = true;
    }

    /// A no-break space.
    pub(super) fn hard(&mut self) {
        self.hard += 1;
        self.soft_end = false;
    }

    /// The space it is, in a line that is `fresh` or not. A single hard space between words is one; several, or one at the beginning of a line, are how programs write more
    /// than one ordinary space.
    pub(super) fn take(&mut self, fresh: bool) -> String {
        let gap = std::mem::take(self);
        let runs = if fresh && gap.soft_start { gap.runs.saturating_sub(1) } else { gap.runs };
        match (gap.hard, runs) {
            (0, 0) => String::new(),
            (0, _) => {
                if fresh {
                    String::new()
                } else {
                    " ".to_owned()
                }
            }
            (1, 0) if !fresh => "\u{a0}".to_owned(),
            (hard, runs) => " ".repeat(hard + runs),
        }
    }
}
