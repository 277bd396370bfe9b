// SPDX-License-Identifier: EUPL-1.2
//! Up to where a mailbox was read (RFC 3501 §2.3.1.1): what lies below is durable, but for the few mails that wait until
//! somebody can say who wrote them. Both are one value, so that they change together.

use dreiklang_model::Timestamp;

/// How many mails may wait.
pub(super) const MOST_LEFT: usize = 1000;

/// A place in a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watermark {
    pub(super) validity: u32,
    /// The highest UID that was looked at.
    pub(super) uid: u32,
    /// What was left below, in order.
    pub(super) left: Vec<Left>,
}

/// A mail that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) uid: u32,
    /// Since when.
    pub(super) since: Timestamp,
    /// A word for its author's domain: what comes later from there waits behind it.
    pub(super) domain: String,
    /// It lay here before the mailbox was known.
    pub(super) history: bool,
}

impl Watermark {
    /// At the beginning of a mailbox.
    pub(super) fn start(validity: u32) -> Self {
        Self { validity, uid: 0, left: Vec::new() }
    }

    pub(super) fn read(note: &str) -> Option<Self> {
        let mut words = note.split(' ');
        let (validity, uid) = words.next()?.split_once(':')?;
        let left = words.map(Left::read).collect::<Option<_>>()?;
        Some(Self { validity: validity.parse().ok()?, uid: uid.parse().ok()?, left })
    }

    pub(super) fn write(&self) -> String {
        let mut words = vec![format!("{}:{}", self.validity, self.uid)];
        words.extend(self.left.iter().map(Left::write));
        words.join(" ")
    }

    /// Does a mail of this domain wait?
    pub(super) fn waits_for(&self, domain: &str) -> bool {
        self.left.iter().any(|left| left.domain == domain)
    }

    /// The first mail that waits of each domain.
    pub(super) fn first_of_each(&self) -> Vec<Left> {
        let mut firsts: Vec<Left> = Vec::new();
        for left in &self.left {
            if firsts.iter().all(|first| first.domain != left.domain) {
                firsts.push(left.clone());
            }
        }
        firsts
    }

    /// It does not wait any longer.
    pub(super) fn settled(&mut self, uid: u32) {
        self.left.retain(|left| left.uid != uid);
    }
}

impl Left {
    fn read(word: &str) -> Option<Self> {
        let mut parts = word.split('/');
        let (uid, since, domain) = (parts.next()?, parts.next()?, parts.next()?);
        let since = Timestamp::from_millis(since.parse().ok()?);
        Some(Self { uid: uid.parse().ok()?, since, domain: domain.to_owned(), history: parts.next().is_some() })
    }

    fn write(&self) -> String {
        let history = if self.history { "/history" } else { "" };
        format!("{}/{}/{}{history}", self.uid, self.since.as_millis(), self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(uid: u32, domain: &str, history: bool) -> Left {
        Left { uid, since: Timestamp::from_millis(1_000 + i64::from(uid)), domain: domain.to_owned(), history }
    }

    #[test]
    fn reads_back() {
        for left in [vec![], vec![left(3, "a", false), left(4, "b", true), left(7, "a", false)]] {
            let mark = Watermark { validity: 7, uid: 42, left };
            assert_eq!(Watermark::read(&mark.write()), Some(mark));
        }
        for broken in ["7", "7:x", "7:1 3", "7:1 3/4", "7:1 x/4/a"] {
            assert_eq!(Watermark::read(broken), None, "{broken}");
        }
    }

    #[test]
    fn what_waits_of_one_domain_keeps_its_order() {
        let mut mark =
            Watermark { left: vec![left(3, "a", false), left(4, "b", false), left(7, "a", false)], ..Watermark::start(1) };
        let firsts = |mark: &Watermark| mark.first_of_each().iter().map(|left| left.uid).collect::<Vec<_>>();
        assert_eq!(firsts(&mark), [3, 4]);
        mark.settled(3);
        assert_eq!(firsts(&mark), [4, 7]);
        assert!(mark.waits_for("a") && !mark.waits_for("c"));
    }
}
