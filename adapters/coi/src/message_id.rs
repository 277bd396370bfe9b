// SPDX-License-Identifier: EUPL-1.2
//! Message-IDs: those we give (`chat$…@domain`, COI "Message-ID"), which name a delivery, and how any of them is found in a
//! header. All are without their angle brackets.

use dreiklang_model::DeliveryId;

use crate::address::Domain;

/// COI: what a chat message's id begins with.
const PREFIX: &str = "chat$";

/// The Message-ID of what is sent for a delivery.
pub(crate) fn of_delivery(id: DeliveryId, domain: &Domain) -> String {
    format!("{PREFIX}{id}@{}", domain.as_str())
}

/// The delivery that one of our Message-IDs names; [`None`] for ids of others.
pub(crate) fn delivery(message_id: &str, domain: &Domain) -> Option<DeliveryId> {
    let (left, right) = message_id.trim().trim_start_matches('<').trim_end_matches('>').rsplit_once('@')?;
    if !right.eq_ignore_ascii_case(domain.as_str()) {
        return None;
    }
    left.strip_prefix(PREFIX)?.parse().ok()
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
        assert_eq!(delivery("<chat$group.1.2@gw.example>", &domain), None);
        assert_eq!(delivery("<chat$01h@evil.example>", &domain), None);
    }

    #[test]
    fn ids_are_found_in_headers() {
        assert_eq!(all("<a@b>\r\n <c@d>"), ["a@b", "c@d"]);
        assert_eq!(all(" a@b "), ["a@b"]);
        assert_eq!(all("your message of today"), Vec::<String>::new());
        assert_eq!(all("<a@b> (comment) <c"), ["a@b"]);
    }
}
