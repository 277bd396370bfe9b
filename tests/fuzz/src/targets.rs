// SPDX-License-Identifier: EUPL-1.2
//! What strangers can send, each read as the gateway reads it. A target fails when it panics, hangs or eats the memory; panics of foreign
//! libraries that the gateway catches are none.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::LazyLock,
};

use dreiklang_model::{Text, Timestamp};
use dreiklang_openpgp::{
    Autocrypt, Card, Certificate, Envelope, Limits, MailAddress, Randomness, SecretKey, SharedSecret,
    securejoin::{Invite, Request},
    unsealed,
};
use dreiklang_richtext::{html, markdown, styling};

/// The targets by name.
const ALL: [(&str, fn(&[u8])); 7] = [
    ("mail", dreiklang_coi::fuzzing::read),
    ("envelope", envelope),
    ("packets", packets),
    ("securejoin", securejoin),
    ("richtext", richtext),
    ("stanza", dreiklang_xmpp::fuzzing::read),
    ("event", dreiklang_matrix::fuzzing::read),
];

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("DREIKLANG_FUZZ").unwrap_or_default();
    let found = ALL.iter().find(|(name, _)| *name == wanted).map(|(_, target)| *target);
    #[allow(clippy::panic, reason = "this is a test")]
    found.unwrap_or_else(|| panic!("DREIKLANG_FUZZ names none of {:?}", ALL.map(|(name, _)| name)))
});

static KEY: LazyLock<Option<SecretKey>> = LazyLock::new(|| {
    let address = MailAddress::new("xmpp.bob=x.example@gw.example").ok()?;
    SecretKey::generate(&address, now(), &mut Randomness::from_seed([1; 32])).ok()
});

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

/// libFuzzer's own hook would take a panic that is caught for a finding.
pub(crate) fn start() {
    panic::set_hook(Box::new(|info| SAID.with(|said| *said.borrow_mut() = info.to_string())));
    LazyLock::force(&TARGET);
}

#[allow(clippy::print_stderr, reason = "this is a test")]
pub(crate) fn run(data: &[u8]) {
    if panic::catch_unwind(AssertUnwindSafe(|| TARGET(data))).is_err() {
        SAID.with(|said| eprintln!("{}", said.borrow()));
        std::process::abort();
    }
}

/// A mail that may be encrypted, and what stands around it.
fn envelope(data: &[u8]) {
    let limits = Limits { mail: 1 << 20, content: 1 << 20, trials: 4 };
    if let Ok(envelope) = Envelope::of(data, &limits) {
        let _ = envelope.lock();
        let _ = envelope.open(KEY.iter(), &limits);
        let _ = envelope.open_with(&[SharedSecret::new("secret".to_owned())], &limits);
    }
    let (outer, inner) = data.split_at(data.len() / 2);
    let _ = unsealed(outer, inner);
}

/// What stands inside of the encryption, and keys.
fn packets(data: &[u8]) {
    let limits = Limits { mail: 1 << 20, content: 1 << 20, trials: 4 };
    dreiklang_openpgp::fuzzing::unpacked(data, &limits);
    if let Ok(certificate) = Certificate::from_bytes(data) {
        let _ = (certificate.addresses(), certificate.relays(), certificate.standing(now()), certificate.can_receive(now()));
        let _ = Certificate::from_base64(&certificate.to_base64());
    }
}

/// Handshakes, invitations, header fields and contacts.
fn securejoin(data: &[u8]) {
    let _ = Request::read(data);
    let text = String::from_utf8_lossy(data);
    if let Ok(invite) = Invite::read(&text) {
        let _ = Invite::read(&invite.link());
    }
    let _ = Autocrypt::read(&text);
    let _ = Card::read(&text);
}

/// Formatted text in every form, written in every other and cut.
fn richtext(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let forms = [html::Habit::Matrix, html::Habit::Xhtml, html::Habit::Mail].map(|habit| html::read(&text, habit, &html::nobody));
    for rich in forms.into_iter().chain([styling::read(&text), markdown::read(&text)]) {
        let _ = html::write(&rich, html::Writing { mention: &|_| None, habit: html::Habit::Matrix });
        let text = Text::from(rich);
        let _ = (styling::write(&text), markdown::light(&text));
        assert!(text.split(1000).iter().all(|piece| piece.weight() <= 1000));
    }
}
