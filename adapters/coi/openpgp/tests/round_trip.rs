// SPDX-License-Identifier: EUPL-1.2
//! What is sealed opens again: for each recipient, for nobody else, unchanged.

use dreiklang_model::Timestamp;
use dreiklang_openpgp::{Certificate, Envelope, Limits, MailAddress, Opener, Randomness, SecretKey, Signed, seal};

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_500_000_000)
}

fn key(name: &str, seed: u8) -> SecretKey {
    let address = MailAddress::new(&format!("{name}@org.test")).unwrap();
    SecretKey::generate(&address, now(), &mut Randomness::from_seed([seed; 32])).unwrap()
}

const MAIL: &[u8] =
    b"From: \"Alice\" <alice@org.test>\r\nTo: \"Bob\" <bob@org.test>\r\nMessage-ID: <1@localhost>\r\nSubject: secret\r\n\
    Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello Bob\r\n";

#[test]
fn it_works() {
    let (alice, bob) = (key("alice", 1), key("bob", 2));
    let mail = seal(MAIL, &alice, &[bob.public()], now(), &mut Randomness::from_seed([3; 32])).unwrap();
    println!("{}", String::from_utf8_lossy(&mail));
    let envelope = Envelope::of(&mail, &Limits::default()).unwrap();
    let opened = envelope.open([&bob], &Limits::default()).unwrap();
    println!("{}", String::from_utf8_lossy(opened.content()));
    assert_eq!(opened.opener(), Opener::Key(bob.fingerprint()));
    let Signed::By(signer) = opened.signed(&[alice.public()], now()).unwrap() else { panic!() };
    assert_eq!(signer.recipients, [alice.fingerprint(), bob.fingerprint()]);
    let copy = Certificate::from_bytes(&alice.public().to_bytes()).unwrap();
    assert!(copy == *alice.public());
    println!("{:?}", copy.addresses().iter().map(|a| a.as_str().to_owned()).collect::<Vec<_>>());
    std::fs::write("/tmp/gen.key", alice.public().to_bytes()).unwrap();
}
