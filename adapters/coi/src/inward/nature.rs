// SPDX-License-Identifier: EUPL-1.2
//! Whether a person wrote a mail to somebody, or a program did (RFC 3834), a list distributed it, or it is our own.

use super::Mail;
use crate::{address::Domain, message_id, outward::MARKER};

/// What kind of mail it is, judged by its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Somebody wrote it.
    Personal,
    /// A report on an earlier mail: delivery status (RFC 3464).
    DeliveryReport,
    /// A receipt: it was read (RFC 8098).
    Receipt,
    /// A program wrote it.
    Automatic,
    /// A mailing list distributed it.
    List,
    /// We sent it.
    Own,
}

impl Nature {
    pub(super) fn of(mail: &Mail<'_>, null_return_path: bool, domain: &Domain) -> Self {
        let ours = mail.message_id().is_some_and(|id| message_id::delivery(&id, domain).is_some());
        let looped = mail.headers("X-Loop").any(|value| domain.holds(value.trim_matches(['<', '>'])));
        if ours || looped || mail.header(MARKER).is_some() {
            return Self::Own;
        }
        if let Some(kind) = mail.header("Content-Type").filter(|kind| starts(kind, "multipart/report")) {
            let kind = kind.to_ascii_lowercase();
            return match () {
                () if kind.contains("delivery-status") => Self::DeliveryReport,
                () if kind.contains("disposition-notification") => Self::Receipt,
                () => Self::Automatic,
            };
        }
        let submitted = mail.header("Auto-Submitted").is_some_and(|value| !starts(&value, "no"));
        if submitted || null_return_path || mail.header("X-Auto-Response-Suppress").is_some_and(|value| !is_courtesy(&value)) {
            return Self::Automatic;
        }
        if ["X-Autoreply", "X-Autorespond", "X-Auto-Reply-From"].iter().any(|name| mail.header(name).is_some()) {
            return Self::Automatic;
        }
        // A handshake that is not encrypted: programs of old.
        if mail.header("Secure-Join").is_some() {
            return Self::Automatic;
        }
        let precedence = mail.header("Precedence").unwrap_or_default().to_ascii_lowercase();
        if ["List-Id", "List-Post", "List-Unsubscribe"].iter().any(|name| mail.header(name).is_some()) || precedence == "list" {
            return Self::List;
        }
        if matches!(precedence.as_str(), "bulk" | "junk" | "auto_reply") { Self::Automatic } else { Self::Personal }
    }
}

/// Some programs put this header on every mail of a person, only to hear no automatic answers: then it asks for no more than
/// to be spared receipts and absence notes.
fn is_courtesy(value: &str) -> bool {
    value.split(',').all(|word| matches!(word.trim().to_ascii_lowercase().as_str(), "" | "none" | "rn" | "nrn" | "dr" | "ndr"))
}

fn starts(value: &str, with: &str) -> bool {
    value.trim_start().get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Is this the address of a mail system rather than of a person?
pub(super) fn is_mail_system(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default().to_ascii_lowercase();
    matches!(local.as_str(), "mailer-daemon" | "postmaster") || local.starts_with("noreply") || local.starts_with("no-reply")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_lists_and_ourselves_are_recognised() {
        let domain = Domain::new("gw.example").unwrap();
        for (headers, nature) in [
            ("From: a@b", Nature::Personal),
            ("Auto-Submitted: no", Nature::Personal),
            ("Auto-Submitted: auto-replied (vacation)", Nature::Automatic),
            ("X-Auto-Response-Suppress: All", Nature::Automatic),
            ("X-Auto-Response-Suppress: DR, RN, NRN", Nature::Personal),
            ("Precedence: Bulk", Nature::Automatic),
            ("Secure-Join: vc-request", Nature::Automatic),
            ("Precedence: list", Nature::List),
            ("List-Id: Town <town.lists.example>", Nature::List),
            ("X-Loop: bot@gw.example", Nature::Own),
            ("Dreiklang-Delivery: 1", Nature::Own),
            ("Message-ID: <chat$01jd8qk3m0000000000000000z@gw.example>", Nature::Own),
            ("Message-ID: <chat$01jd8qk3m0000000000000000z@other.example>", Nature::Personal),
            ("Content-Type: multipart/report; report-type=delivery-status; boundary=b", Nature::DeliveryReport),
            ("Content-Type: multipart/report;\r\n report-type=\"disposition-notification\"; boundary=b", Nature::Receipt),
            ("Content-Type: multipart/report; report-type=feedback-report; boundary=b", Nature::Automatic),
        ] {
            let raw = format!("{headers}\r\n\r\ntext\r\n");
            assert_eq!(Nature::of(&Mail::parse(raw.as_bytes()).unwrap(), false, &domain), nature, "{headers}");
        }
        let plain = Mail::parse(b"From: a@b\r\n\r\ntext").unwrap();
        assert_eq!(Nature::of(&plain, true, &domain), Nature::Automatic);
    }
}
