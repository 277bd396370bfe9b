// SPDX-License-Identifier: EUPL-1.2
//! Message-IDs: those we give, which name a delivery, and how any of them is found in a header. Clear mail has the ids of COI
//! (`chat$…@domain`), encrypted mail such as Delta Chat gives, which say nothing of chat. All are without their angle brackets.

use dreiklang_model::{DeliveryId, EventId};

use crate::address::Domain;

/// COI: what a chat message's id begins with.
const PREFIX: &str = "chat$";
/// What a thread's id begins with.
const THREAD: &str = "thread.";

/// The Message-ID of what is sent for a delivery.
pub(crate) fn of_delivery(id: DeliveryId, domain: &Domain) -> String {
    format!("{PREFIX}{id}@{}", domain.as_str())
}

/// The Message-ID of what is sent encrypted for a delivery: its event as a UUID.
pub(crate) fn of_sealed_delivery(id: DeliveryId, domain: &Domain) -> String {
    let part = if id.part == 0 { String::new() } else { format!("-{}", id.part) };
    format!("{}{part}@{}", uuid(&id.event.to_bytes()), domain.as_str())
}

/// The Message-ID of the answer that a handshake gives to a message: always the same for the same one.
pub(crate) fn of_answer(message_id: &str, domain: &Domain) -> String {
    let digest = blake3::hash(format!("answer {message_id}").as_bytes());
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest.as_bytes()[..16]);
    format!("{}@{}", uuid(&octets), domain.as_str())
}

/// The Message-ID of the receipt for a letter: always the same for the same delivery and letter.
pub(crate) fn of_receipt(id: DeliveryId, letter: &str, domain: &Domain) -> String {
    of_answer(&format!("receipt {id} {letter}"), domain)
}

/// Octets in groups, as RFC 9562 writes them.
fn uuid(octets: &[u8; 16]) -> String {
    let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| digits[group].to_owned());
    groups.join("-")
}

/// The delivery that one of our Message-IDs names; [`None`] for ids of others.
pub(crate) fn delivery(message_id: &str, domain: &Domain) -> Option<DeliveryId> {
    let (left, right) = message_id.trim().trim_start_matches('<').trim_end_matches('>').rsplit_once('@')?;
    if !right.eq_ignore_ascii_case(domain.as_str()) {
        return None;
    }
    match left.strip_prefix(PREFIX) {
        Some(id) => id.parse().ok(),
        None => sealed(left),
    }
}

/// The delivery in the left part of the Message-ID of an encrypted mail.
fn sealed(left: &str) -> Option<DeliveryId> {
    let groups: Vec<&str> = left.split('-').collect();
    let (event, part) = match groups.as_slice() {
        [event @ .., part] if event.len() == 5 => (event, part.parse().ok().filter(|part| *part > 0)?),
        event if event.len() == 5 => (event, 0),
        _ => return None,
    };
    let digits = |group: &str| group.bytes().all(|octet| octet.is_ascii_hexdigit());
    let fits = event.iter().zip([8, 4, 4, 4, 12]).all(|(group, length)| group.len() == length && digits(group));
    let octets = u128::from_str_radix(&event.concat(), 16).ok().filter(|_| fits)?.to_be_bytes();
    Some(DeliveryId { event: EventId::from_bytes(&octets).ok()?, part })
}

/// What stands in the References of every mail of a thread, beside the message with which that began: no mail has this id, but answers
/// carry both along (RFC 5322 §3.6.4). Short, for there are programs that spoil long ones.
pub(crate) fn of_thread(begun: &str, domain: &str) -> String {
    let digest = blake3::hash(format!("thread {begun}").as_bytes());
    let digits: String = digest.as_bytes()[..8].iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{THREAD}{digits}@{domain}")
}

/// With which message the thread began that these References name.
pub(crate) fn thread<'a>(references: &'a [String], domain: &Domain) -> Option<&'a str> {
    let marked = references.iter().rev().find(|id| id.starts_with(THREAD))?;
    let begun = references.iter().find(|id| of_thread(id, domain.as_str()).eq_ignore_ascii_case(marked))?;
    Some(begun)
}

/// The ids in a header's value: whatever stands between angle brackets, else the one word that is there.
pub(crate) fn all(value: &str) -> Vec<String> {
    let bracketed: Vec<String> = value
        .split('<')
        .skip(1)
        .filter_map(|piece| piece.split_once('>').map(|(id, _)| id.split_whitespace().collect::<String>()))
        .filter(|id| !id.is_empty())
        .collect();
    if !bracketed.is_empty() {
        return bracketed;
    }
    let mut words = value.split_whitespace();
    match (words.next(), words.next()) {
        (Some(word), None) => vec![word.trim_matches(['<', '>']).to_owned()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{EventId, Timestamp};

    use super::*;

    #[test]
    fn our_ids_name_their_delivery() {
        let domain = Domain::new("gw.example").unwrap();
        for part in [0, 3] {
            let id = DeliveryId { event: EventId::from_parts(Timestamp::from_millis(1_800_000_000_000), 7), part };
            let text = of_delivery(id, &domain);
            assert_eq!(delivery(&format!("<{text}>"), &domain), Some(id));
            assert_eq!(delivery(&text.to_uppercase().replace("CHAT", "chat"), &domain), Some(id));
        }
        for part in [0, 3] {
            let id = DeliveryId { event: EventId::from_parts(Timestamp::from_millis(1_800_000_000_000), 7), part };
            let text = of_sealed_delivery(id, &domain);
            assert_eq!(delivery(&format!("<{text}>"), &domain), Some(id));
            assert_eq!(delivery(&text.to_uppercase(), &domain), Some(id));
            assert!(!text.contains("chat"), "{text}");
        }
        for other in ["0193-01", "00000000-0000-0000-0000-00000000000g", "00000000-0000-0000-0000-000000000000-0", "0-0-0-0-0"] {
            assert_eq!(delivery(&format!("{other}@gw.example"), &domain), None, "{other}");
        }
        assert_eq!(delivery("<chat$group.1.2@gw.example>", &domain), None);
        assert_eq!(delivery("<chat$01h@evil.example>", &domain), None);
    }

    #[test]
    fn a_thread_is_found_in_the_references_of_an_answer() {
        let domain = Domain::new("gw.example").unwrap();
        let id = of_thread("plan@mail.example", "gw.example");
        let references = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let found = |ids: &[&str]| thread(&references(ids), &domain).map(str::to_owned);
        assert_eq!(found(&["a@b", &id, "plan@mail.example", "c@d"]).as_deref(), Some("plan@mail.example"));
        assert_eq!(found(&["a@b", "plan@mail.example", "c@d"]), None);
        assert_eq!(found(&["a@b", &id, "c@d"]), None, "its beginning was left out");
        let foreign = of_thread("plan@mail.example", "evil.example");
        assert_eq!(found(&[&foreign, "plan@mail.example"]), None);
    }

    #[test]
    fn ids_are_found_in_headers() {
        assert_eq!(all("<a@b>\r\n <c@d>"), ["a@b", "c@d"]);
        assert_eq!(all(" a@b "), ["a@b"]);
        assert_eq!(all("your message of today"), Vec::<String>::new());
        assert_eq!(all("<a@b> (comment) <c"), ["a@b"]);
    }
}
