// SPDX-License-Identifier: EUPL-1.2
//! What encryption costs on one core, message by message, and what ten thousand keys take in memory.

use std::{fs, time::Instant};

use dreiklang_model::Timestamp;
use dreiklang_openpgp::{Certificate, Envelope, Limits, MailAddress, Randomness, SecretKey, Signed, seal};

const KEYS: usize = 10_000;
const MESSAGES: usize = 2_000;

pub(crate) fn run() {
    let at = Timestamp::from_millis(1_800_000_000_000);
    let mut randomness = Randomness::from_seed([1; 32]);
    let ghost = MailAddress::new("matrix.alice=hs.example@gw.example").unwrap();
    let (before, begun) = (resident(), Instant::now());
    let keys: Vec<SecretKey> = (0..KEYS).map(|_| SecretKey::generate(&ghost, at, &mut randomness).unwrap()).collect();
    println!("sealed: a key made in {:?}; {KEYS} keys take {} KiB", begun.elapsed() / KEYS as u32, resident() - before);
    let before = resident();
    let certificates: Vec<Certificate> =
        keys.iter().map(|key| Certificate::from_bytes(key.public().as_bytes()).unwrap()).collect();
    println!("sealed: {KEYS} certificates of people take {} KiB", resident() - before);
    let mail = format!(
        "From: <{}>\r\nTo: <carol@mail.example>\r\nMessage-ID: <1@gw.example>\r\nContent-Type: text/plain\r\n\r\n{}",
        ghost.as_str(),
        "Hello there. ".repeat(20)
    );
    let begun = Instant::now();
    let mails: Vec<Vec<u8>> = (0..MESSAGES)
        .map(|number| seal(mail.as_bytes(), &keys[number], &[&certificates[number + 1]], at, &mut randomness).unwrap())
        .collect();
    let each = begun.elapsed() / MESSAGES as u32;
    println!("sealed: signed and encrypted in {each:?}, {:.0} messages/s on one core", 1.0 / each.as_secs_f64());
    let begun = Instant::now();
    for (number, mail) in mails.iter().enumerate() {
        let limits = Limits::default();
        let opened = Envelope::of(mail, &limits).unwrap().open([&keys[number + 1]], &limits).unwrap();
        assert!(matches!(opened.signed(&[&certificates[number]], at), Ok(Signed::By(_))));
    }
    let each = begun.elapsed() / MESSAGES as u32;
    println!("sealed: decrypted and verified in {each:?}, {:.0} messages/s on one core", 1.0 / each.as_secs_f64());
}

/// Memory of this process in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
