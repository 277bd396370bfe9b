// SPDX-License-Identifier: EUPL-1.2
//! What is remembered of a conversation so that mail programs show it as one thread (RFC 5322 §3.6.4).

use dreiklang_engine::{Hub, port::StoreError};
use dreiklang_model::Timestamp;
use serde::{Deserialize, Serialize};

/// What was sent to somebody: the leg's notes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// The first message of the thread.
    pub(crate) first: String,
    /// The last one we sent.
    pub(crate) last: String,
    /// When we sent it.
    pub(crate) at: Timestamp,
    /// The subject, without `Re:`.
    pub(crate) subject: String,
    /// It was encrypted for a chat program: a thread of its own, which such programs show in another chat.
    #[serde(default)]
    pub(crate) sealed: bool,
}

impl Sent {
    /// From a leg's notes; notes that cannot be read, or are of another kind of mail, begin a new thread.
    pub(crate) fn read(notes: Option<&str>, sealed: bool) -> Option<Self> {
        notes.and_then(|notes| serde_json::from_str::<Self>(notes).ok()).filter(|sent| sent.sealed == sealed)
    }

    pub(crate) fn write(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// The last mail that came from somebody to a ghost.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heard {
    /// Its Message-ID.
    pub(crate) last: String,
    /// When it was received.
    pub(crate) at: Timestamp,
    /// Its subject, without `Re:`; empty for chat.
    pub(crate) subject: String,
    /// It was encrypted by a chat program.
    #[serde(default)]
    pub(crate) sealed: bool,
    /// It asked for a receipt.
    #[serde(default)]
    pub(crate) asks: bool,
    /// Which mails asked for a receipt and got none yet, in the order in which they came; the newest [`MOST_ASKED`].
    #[serde(default)]
    pub(crate) asked: Vec<String>,
}

/// For how many unread mails receipts are kept in mind.
const MOST_ASKED: usize = 20;

impl Heard {
    /// What was last heard from `user` by `ghost`.
    pub(crate) async fn of(hub: &Hub, user: &str, ghost: &str) -> Result<Option<Self>, StoreError> {
        let note = hub.note(&key(hub, user, ghost)).await?;
        Ok(note.and_then(|note| serde_json::from_str(&note).ok()))
    }

    /// What is to be remembered after another mail: `before`, and what is new.
    pub(crate) fn after(before: Option<Self>, new: Self) -> Self {
        let mut asked = before.map(|before| before.asked).unwrap_or_default();
        if new.asks && !asked.contains(&new.last) {
            asked.push(new.last.clone());
        }
        asked.drain(..asked.len().saturating_sub(MOST_ASKED));
        Self { asked, ..new }
    }

    /// Which mails are owed a receipt once everything up to `read` was read; they are not owed it any more.
    pub(crate) fn settle(&mut self, read: &str) -> Vec<String> {
        let number = match self.asked.iter().position(|id| id == read) {
            Some(at) => at + 1,
            None if self.last == read => self.asked.len(),
            None => 0,
        };
        self.asked.drain(..number).collect()
    }

    pub(crate) async fn remember(&self, hub: &Hub, user: &str, ghost: &str) -> Result<(), StoreError> {
        match serde_json::to_string(self) {
            Ok(note) => hub.set_note(&key(hub, user, ghost), Some(&note)).await,
            Err(error) => Err(StoreError::Corrupt(error.to_string())),
        }
    }
}

/// Names nobody: the notes of a conversation are found by whoever knows both addresses.
fn key(hub: &Hub, user: &str, ghost: &str) -> String {
    format!("thread/{}/{}", hub.pseudonym(user), hub.pseudonym(ghost))
}

/// The headers that put a new message into the thread.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) in_reply_to: Option<String>,
    pub(crate) references: Vec<String>,
    /// The subject line as it is to be written.
    pub(crate) subject: Subject,
}

/// A subject and whether it answers one.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) bare: String,
    pub(crate) answers: bool,
}

/// Where a new message stands: after the last one of either side; COI wants the first and the last one as references.
/// `own` is a subject that the message brings along, `usual` the one for a conversation that has none.
pub(crate) fn position(sent: Option<&Sent>, heard: Option<&Heard>, own: Option<&str>, usual: &str) -> Position {
    let heard_is_newer = match (sent, heard) {
        (Some(sent), Some(heard)) => heard.at >= sent.at,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let last = if heard_is_newer { heard.map(|heard| &heard.last) } else { sent.map(|sent| &sent.last) };
    let mut references: Vec<String> = Vec::new();
    for id in [sent.map(|sent| &sent.first), sent.map(|sent| &sent.last), last].into_iter().flatten() {
        if !references.contains(id) {
            references.push(id.clone());
        }
    }
    if let (Some(last), Some(at)) = (last, references.iter().position(|id| Some(id) == last)) {
        references.remove(at);
        references.push(last.clone());
    }
    let theirs = heard.filter(|heard| heard_is_newer && !heard.subject.is_empty()).map(|heard| heard.subject.as_str());
    let subject = match (own, theirs, sent) {
        (Some(own), _, _) => Subject { bare: bare(own).to_owned(), answers: bare(own) != own },
        (None, Some(theirs), _) => Subject { bare: theirs.to_owned(), answers: true },
        (None, None, Some(sent)) => Subject { bare: sent.subject.clone(), answers: true },
        (None, None, None) => Subject { bare: usual.to_owned(), answers: false },
    };
    Position { in_reply_to: last.cloned(), references, subject }
}

/// A subject without the marks of answers and forwards in German and English (`Re:`, `AW:`, `Antw:`, `WG:`, `Fwd:`, `Re[2]:`).
pub(crate) fn bare(subject: &str) -> &str {
    let mut rest = subject.trim();
    loop {
        let Some((mark, after)) = rest.split_once(':') else { return rest };
        let mark = mark.trim_end();
        let mark = mark.split_once(['[', '(']).map_or(mark, |(mark, _)| mark).trim_end();
        if !["re", "aw", "antw", "antwort", "wg", "fw", "fwd"].iter().any(|known| mark.eq_ignore_ascii_case(known)) {
            return rest;
        }
        rest = after.trim_start();
    }
}

crate::opaque::opaque!(Sent, Heard, Position, Subject);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn heard(id: &str) -> Heard {
        Heard { last: id.into(), at: at(2), subject: "Plan".into(), sealed: false, asks: true, asked: Vec::new() }
    }

    #[test]
    fn each_mail_that_asks_is_owed_one_receipt() {
        let quiet = |id: &str| Heard { asks: false, ..heard(id) };
        let mut now = ["1", "2"].into_iter().map(heard).fold(None, |before, new| Some(Heard::after(before, new))).unwrap();
        assert_eq!(now.settle("unknown"), Vec::<String>::new());
        assert_eq!(now.settle("1"), ["1"]);
        assert_eq!(now.settle("1"), Vec::<String>::new());
        now = Heard::after(Some(now), heard("3"));
        now = Heard::after(Some(now), heard("3"));
        now = Heard::after(Some(now), quiet("4"));
        assert_eq!(now.settle("4"), ["2", "3"], "whoever read the last one read them all");
        for number in 0..100 {
            now = Heard::after(Some(now), heard(&number.to_string()));
        }
        assert_eq!(now.asked.len(), MOST_ASKED);
    }

    #[test]
    fn marks_of_answers_are_left_out() {
        for (subject, expected) in [
            ("Re: Plan", "Plan"),
            ("AW: Re: WG: Plan: morgen", "Plan: morgen"),
            ("Re[2]: Plan", "Plan"),
            ("RE : Plan", "Plan"),
            ("Rechnung: 7", "Rechnung: 7"),
            ("Re:", ""),
            ("", ""),
        ] {
            assert_eq!(bare(subject), expected, "{subject}");
        }
    }

    #[test]
    fn a_message_stands_after_the_last_one_of_either_side() {
        let sent = Sent { first: "1".into(), last: "3".into(), at: at(3), subject: "Message from Alice".into(), sealed: false };
        let heard = heard("2");
        let first = position(None, None, None, "Message from Alice");
        assert_eq!(
            first,
            Position { subject: Subject { bare: "Message from Alice".into(), answers: false }, ..Position::default() }
        );
        let answer = position(None, Some(&heard), None, "x");
        assert_eq!((answer.in_reply_to.as_deref(), answer.references), (Some("2"), vec!["2".to_owned()]));
        assert_eq!(answer.subject, Subject { bare: "Plan".into(), answers: true });
        let later = position(Some(&sent), Some(&heard), None, "x");
        assert_eq!((later.in_reply_to.as_deref(), later.references), (Some("3"), vec!["1".to_owned(), "3".to_owned()]));
        assert_eq!(later.subject.bare, "Message from Alice");
        let newer = Heard { at: at(4), last: "4".into(), subject: "Plan".into(), ..heard };
        let answered = position(Some(&sent), Some(&newer), Some("Re: Own"), "x");
        assert_eq!(answered.references, ["1", "3", "4"]);
        assert_eq!(answered.subject, Subject { bare: "Own".into(), answers: true });
    }
}
