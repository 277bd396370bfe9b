// SPDX-License-Identifier: EUPL-1.2
//! A question with answers to choose from (Matrix `m.poll.start`). No other network has polls: there it is a numbered list.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::one_line;

/// Most answers (Matrix v1.7 § Polls).
const MOST: usize = 20;
/// Longest question or answer, in characters.
const LONGEST: usize = 2000;

/// A poll.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// What is asked; on one line.
    pub question: String,
    /// What can be answered, in order; at least one.
    pub answers: Vec<String>,
    /// How many answers one person may choose.
    pub choices: u16,
}

impl Poll {
    /// [`None`] for a question without words, or without answers.
    #[must_use]
    pub fn new<'a>(question: &str, answers: impl IntoIterator<Item = &'a str>, choices: u16) -> Option<Self> {
        let answers: Vec<_> = answers.into_iter().take(MOST).map(|answer| one_line(answer, LONGEST)).collect();
        let question = one_line(question, LONGEST);
        let askable = !question.is_empty() && !answers.is_empty();
        askable.then_some(Self { question, answers, choices: choices.max(1) })
    }
}

impl fmt::Debug for Poll {
    /// What people ask is in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poll({} answers)", self.answers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_has_a_question_and_answers() {
        let poll = Poll::new(" Lunch?\n", ["soup", "bread"], 0).unwrap();
        assert_eq!((poll.question.as_str(), poll.answers.len(), poll.choices), ("Lunch?", 2, 1));
        assert_eq!(Poll::new(" ", ["soup"], 1), None);
        assert_eq!(Poll::new("Lunch?", [], 1), None);
        assert_eq!(Poll::new("Lunch?", std::iter::repeat_n("x", 100), 1).unwrap().answers.len(), MOST);
    }
}
