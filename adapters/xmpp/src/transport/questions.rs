// SPDX-License-Identifier: EUPL-1.2
//! Questions that the gateway asks servers, and who waits for the answer.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use minidom::Element;
use tokio::sync::oneshot;

use crate::{address, envelope::Envelope};

/// Most questions that wait at once.
const MOST: usize = 256;

/// Questions without an answer yet.
#[derive(Debug, Default)]
pub(crate) struct Questions(Mutex<Asked>);

#[derive(Debug, Default)]
struct Asked {
    count: u64,
    waiting: HashMap<String, (String, oneshot::Sender<Element>)>,
}

impl Questions {
    /// A new question to `whom`: its id, and where the answer comes. [`None`] when too many wait already.
    pub(crate) fn ask(&self, whom: &str) -> Option<(String, oneshot::Receiver<Element>)> {
        let mut asked = self.asked();
        asked.waiting.retain(|_, (_, answer)| !answer.is_closed());
        if asked.waiting.len() >= MOST {
            return None;
        }
        asked.count += 1;
        let id = format!("question-{}", asked.count);
        let (answer, wait) = oneshot::channel();
        asked.waiting.insert(id.clone(), (whom.to_owned(), answer));
        Some((id, wait))
    }

    /// Is it the answer of whoever was asked? Then whoever waits has it.
    pub(super) fn answered(&self, envelope: &Envelope<'_>, stanza: &Element) -> bool {
        let (Some("result" | "error"), Some(id)) = (envelope.kind_of, envelope.id) else { return false };
        let mut asked = self.asked();
        if asked.waiting.get(id).is_none_or(|(whom, _)| address::bare(envelope.from) != whom) {
            return false;
        }
        if let Some((_, answer)) = asked.waiting.remove(id) {
            // Whoever no longer waits needs no answer.
            let _ = answer.send(stanza.clone());
        }
        true
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: &str, from: &str, id: &str) -> Element {
        format!("<iq xmlns='jabber:component:accept' type='{kind}' from='{from}' to='gw' id='{id}'/>").parse().unwrap()
    }

    #[test]
    fn only_who_was_asked_answers_and_once() {
        let questions = Questions::default();
        let (id, mut wait) = questions.ask("x.example").unwrap();
        for (kind, from, taken) in [
            ("get", "x.example", false),
            ("result", "eve.example", false),
            ("result", "x.example", true),
            ("error", "x.example", false),
        ] {
            let stanza = answer(kind, from, &id);
            assert_eq!(questions.answered(&Envelope::read(&stanza).unwrap(), &stanza), taken, "{kind} {from}");
        }
        assert_eq!(wait.try_recv().unwrap().attr("type"), Some("result"));
    }

    #[test]
    fn who_no_longer_waits_takes_no_room() {
        let questions = Questions::default();
        let waiting: Vec<_> = (0..MOST).map(|_| questions.ask("x").unwrap()).collect();
        assert!(questions.ask("x").is_none());
        drop(waiting);
        assert!(questions.ask("x").is_some());
    }
}
