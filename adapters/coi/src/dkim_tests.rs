// SPDX-License-Identifier: EUPL-1.2
//! Signatures that dkimpy 1.1.8 made, whether they verify or not, and what DNS may say of them.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{DefaultHasher, Hasher as _},
};

use mail_auth::common::{parse::TxtRecordParser as _, verify::DomainKey};
use proptest::prelude::*;

use super::*;

const RSA: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0beAQXQHVNRg/IdmZasZH0XuMrsJJJNeu04H0boIodaPNuhNab3GFDqk4bJ/T0cdDXS0LeYbHtt3jwHmTpzlzdhBputbaMrreQ24N3e3tHE8x+90nOYKpb/CPTS2pRTeOU+tXzvKkqW11kMhOqeEI1MpCV2OAL9tb/QYxK6jjWXY5wiKbxCUuHbXVcSBGxN0hzWnsNOHRUDuOMdcxNq++J26Twf+vQ1TMvTAqzW03A1GJhfflZLxIDeqKptxo4YszRUxpCLpZdDpSUGS4seJxZuDDFwRFwgIo3zhtNvH5uo4xvmPIGVyAHq9TEpOfpoS9KOfcGjXkM/ZXh9Tq+r1swIDAQAB";
const ED25519: &str = "v=DKIM1; k=ed25519; p=MGZZdoJmriwQ5NI9bVUSxX+VrB7xxKq+EQvo2iT2Dk8=";

/// Records by the hash of their name: that is all that can be asked of a name whose type is not known.
struct Records(HashMap<u64, Txt>);

fn hash<Q: Hash + ?Sized>(name: &Q) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl ResolverCache<Box<str>, Txt> for Records {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(&hash(name)).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// What is not among the records is asked of a server that does not answer.
fn verifier(more: &[(&str, Txt)]) -> Verifier<Records> {
    let key = |text: &str| Txt::from(DomainKey::parse(text.as_bytes()));
    let none = || Txt::Error(Error::Dns(DnsError::RecordNotFound(ResponseCode::NXDomain)));
    let records = [
        ("a._domainkey.town.test.", key(RSA)),
        ("e._domainkey.town.test.", key(ED25519)),
        ("a._domainkey.mailer.town.test.", key(RSA)),
        ("a._domainkey.evil.test.", key(RSA)),
        ("_dmarc.town.test.", none()),
        ("_dmarc.office.town.test.", none()),
    ];
    let records = records.iter().chain(more).map(|(name, record)| (hash(*name), record.clone())).collect();
    Verifier::with(Dns::Server(SocketAddr::from(([127, 0, 0, 1], 1))), Records(records)).unwrap()
}

async fn speaks(verifier: &Verifier<Records>, raw: &[u8], author: &str) -> Signed {
    verifier.speaks_for(&Mail::parse(raw).unwrap(), raw, &Domain::new(author).unwrap()).await
}

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../tests/samples/dkim-", $name, ".eml")).as_slice()
    };
}

#[tokio::test]
async fn a_signature_speaks_for_the_author_when_it_verifies_and_is_of_his_organisation() {
    let verifier = verifier(&[]);
    for (name, raw, signed) in [
        ("own", sample!("own"), Signed::Yes),
        ("simple canonicalisation", sample!("simple"), Signed::Yes),
        ("Ed25519", sample!("ed25519"), Signed::Yes),
        ("a domain of the same organisation", sample!("below"), Signed::Yes),
        ("another domain's, valid", sample!("stranger"), Signed::No),
        ("text appended behind l=", sample!("length"), Signed::No),
        ("expired", sample!("expired"), Signed::No),
        ("From not covered", sample!("without-from"), Signed::No),
        ("SHA-1", sample!("sha1"), Signed::No),
        ("no signature", b"From: <dora@town.test>\r\n\r\nx".as_slice(), Signed::No),
    ] {
        assert_eq!(speaks(&verifier, raw, "town.test").await, signed, "{name}");
    }
    assert_eq!(speaks(&verifier, sample!("own"), "office.town.test").await, Signed::Yes, "the organisation speaks for an office");
    assert_eq!(speaks(&verifier, sample!("own"), "evil.test").await, Signed::No);
}

#[tokio::test]
async fn a_changed_mail_is_not_signed() {
    let own = String::from_utf8(sample!("own").to_vec()).unwrap();
    for (from, to) in [("Shall we meet?", "Send me money"), ("Subject: The plan", "Subject: Money"), ("Dora <dora", "Boss <boss")]
    {
        let changed = own.replacen(from, to, 1);
        assert_ne!(changed, own);
        assert_eq!(speaks(&verifier(&[]), changed.as_bytes(), "town.test").await, Signed::No, "{to}");
    }
    let received = format!("Delivered-To: bridge@mail.example\r\nReceived: by mail.example; today\r\n{own}");
    assert_eq!(speaks(&verifier(&[]), received.as_bytes(), "town.test").await, Signed::Yes, "what servers add does no harm");
}

#[tokio::test]
async fn a_domain_may_want_its_very_own_signature() {
    let strict = Txt::from(Dmarc::parse(b"v=DMARC1; p=none; adkim=s"));
    for name in ["_dmarc.town.test.", "_dmarc.office.town.test."] {
        let verifier = verifier(&[(name, strict.clone())]);
        assert_eq!(speaks(&verifier, sample!("own"), "town.test").await, Signed::Yes);
        assert_eq!(speaks(&verifier, sample!("own"), "office.town.test").await, Signed::No, "{name}");
    }
}

#[tokio::test]
async fn what_dns_does_not_tell_is_unknown_and_what_it_denies_is_not() {
    let failed = |code| Txt::Error(Error::Dns(DnsError::RecordNotFound(code)));
    for (record, signed) in [
        (failed(ResponseCode::ServFail), Signed::Unknown),
        (failed(ResponseCode::Refused), Signed::Unknown),
        (Txt::Error(Error::Dns(DnsError::Resolver(String::new()))), Signed::Unknown),
        (failed(ResponseCode::NXDomain), Signed::No),
        (failed(ResponseCode::NoError), Signed::No),
        (Txt::from(DomainKey::parse(b"v=DKIM1; p=")), Signed::No),
        (Txt::from(DomainKey::parse(b"hello")), Signed::No),
    ] {
        let answer = format!("{:?}", if let Txt::Error(error) = &record { Some(error) } else { None });
        let verifier = verifier(&[("a._domainkey.town.test.", record)]);
        assert_eq!(speaks(&verifier, sample!("own"), "town.test").await, signed, "{answer}");
    }
    let verifier = verifier(&[("_dmarc.office.town.test.", failed(ResponseCode::ServFail))]);
    assert_eq!(speaks(&verifier, sample!("own"), "office.town.test").await, Signed::Unknown);
}

#[tokio::test]
async fn a_server_that_is_not_there_leaves_it_unknown_and_is_found_by_the_check() {
    let verifier = Verifier::new(Dns::Server(SocketAddr::from(([127, 0, 0, 1], 1)))).unwrap();
    let raw = sample!("own");
    let town = Domain::new("town.test").unwrap();
    assert_eq!(verifier.speaks_for(&Mail::parse(raw).unwrap(), raw, &town).await, Signed::Unknown);
    assert!(!verifier.check().await.fine);
    // Of strangers nobody is asked at all.
    assert_eq!(verifier.speaks_for(&Mail::parse(raw).unwrap(), raw, &Domain::new("evil.test").unwrap()).await, Signed::No);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        head in "((From|DKIM-Signature|Subject): ?([ -~]{0,60}|v=1; a=rsa-sha256; d=town.test; s=a; h=from; bh=[a-z=]{0,9}; b=[a-z=]{0,9}; [ilxtc]=[0-9a-z@/]{0,9})\r\n){0,6}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut raw = format!("From: <dora@town.test>\r\n{head}\r\n").into_bytes();
        raw.extend(body);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let none = Txt::Error(Error::Dns(DnsError::RecordNotFound(ResponseCode::NXDomain)));
        if let Some(mail) = Mail::parse(&raw) {
            let verifier = verifier(&[("a._domainkey.town.test.", none)]);
            let town = Domain::new("town.test").unwrap();
            prop_assert_ne!(runtime.block_on(verifier.verified(&mail, &raw, &town)), Signed::Yes);
        }
    }
}
