// SPDX-License-Identifier: EUPL-1.2
//! Reading a mail, for the fuzz targets alone: this is in no other build.

use dreiklang_model::Timestamp;

use crate::{
    address::Domain,
    inward::{Evidence, Mail, Reader, author, own_key, recipients},
};

/// Reads a mail as one that came in clear, and as one that was encrypted.
pub fn read(raw: &[u8]) {
    let Some(domain) = Domain::new("gw.example") else { return };
    let reader = Reader { domain, trusted: Some("mail.example".to_owned()) };
    let Some(mail) = Mail::parse(raw) else { return };
    for evidence in [Evidence::None, Evidence::Signature, Evidence::Sealed] {
        let _ = reader.read(&mail, raw, false, evidence, Timestamp::from_millis(1_800_000_000_000));
    }
    let _ = recipients(&mail, &reader.domain);
    if let Some((from, _)) = author(&mail) {
        let _ = (own_key(&mail, &from), reader.vouches(&mail, &from));
    }
}
