// SPDX-License-Identifier: EUPL-1.2
//! Up to where a mailbox was read (RFC 3501 §2.3.1.1): what lies below is durable.

/// A place in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watermark {
    pub(super) validity: u32,
    /// The highest UID that was taken in.
    pub(super) uid: u32,
}

impl Watermark {
    pub(super) fn read(note: &str) -> Option<Self> {
        let (validity, uid) = note.split_once(':')?;
        Some(Self { validity: validity.parse().ok()?, uid: uid.parse().ok()? })
    }

    pub(super) fn write(self) -> String {
        format!("{}:{}", self.validity, self.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back() {
        let mark = Watermark { validity: 7, uid: 42 };
        assert_eq!(Watermark::read(&mark.write()), Some(mark));
        assert_eq!(Watermark::read("7"), None);
        assert_eq!(Watermark::read("7:x"), None);
    }
}
