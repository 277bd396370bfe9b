// SPDX-License-Identifier: EUPL-1.2
//! The mail leg: out by submission to a server that takes everything at once, in by LMTP from a server that sends as fast as it
//! is answered. Both are stubs; what is measured is the gateway.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use dreiklang_coi::{CoiAdapter, ImapConfig, LmtpConfig, Security, SmtpConfig};
use dreiklang_engine::{
    Engine, Hub, Leg,
    port::{Adapter, Clock, Deliverable, Store, SystemClock},
};
use dreiklang_identity::{AliasKey, Plan};
use dreiklang_loopback::Loopback;
use dreiklang_model::{Address, DeliveryId, EventId, Message, Network, What};
use dreiklang_openpgp::{Autocrypt, MailAddress, Randomness, SecretKey};
use dreiklang_store::{Seal, Sqlite};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::sync::CancellationToken;

use crate::town;

const OUT: usize = 20_000;
const OUT_SEALED: usize = 4_000;
const IN: usize = 5_000;
/// Connections, and people who write at once.
const AT_ONCE: usize = 8;
const PEOPLE: usize = 64;
pub(crate) const TEXT: &str = "A message of the length that people write to each other.";

pub(crate) async fn run(on: &Path) {
    let directory = tempfile::tempdir_in(on).unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("bench.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let submission = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = submission.local_addr().unwrap();
    let sealed = Arc::new(AtomicUsize::new(0));
    tokio::spawn(take_everything(submission, Arc::clone(&sealed)));
    let lmtp = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mail = Arc::new(adapter(server, lmtp));
    let (far, mut people) = Loopback::new(Network::XMPP);
    let engine = engine(store, Arc::clone(&mail), far).await;
    let organisation = town::organisation();
    let hub = engine.hub(&organisation, &Network::MAIL).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { engine.run(stop).await.unwrap() }
    });
    out(&hub, &mail, OUT, "in clear").await;
    assert_eq!(sealed.load(Ordering::Relaxed), 0);
    introduce(lmtp).await;
    for _ in 0..PEOPLE {
        tokio::time::timeout(Duration::from_secs(60), people.hear()).await.expect("a key").unwrap();
    }
    out(&hub, &mail, OUT_SEALED, "encrypted and signed").await;
    assert_eq!(sealed.load(Ordering::Relaxed), OUT_SEALED);
    let heard = tokio::spawn(async move {
        for _ in 0..IN {
            tokio::time::timeout(Duration::from_secs(60), people.hear()).await.expect("a message").unwrap();
        }
    });
    inward(lmtp).await;
    heard.await.unwrap();
    stop.cancel();
    running.await.unwrap();
}

/// Through the adapter's own `deliver`, as many at once as it allows.
async fn out(hub: &Hub, mail: &Arc<CoiAdapter>, count: usize, how: &str) {
    let mut legs = Vec::with_capacity(PEOPLE);
    for person in 0..PEOPLE {
        let carol = Address::new(Network::MAIL, format!("carol{person}@mail.example")).unwrap();
        legs.push(hub.open_direct(&carol, "xmpp.bob=xmpp.example@gw.example").await.unwrap().unwrap());
    }
    let at_once = mail.concurrency();
    let begun = Instant::now();
    let senders: Vec<_> = (0..at_once)
        .map(|sender| {
            let (hub, mail) = (hub.clone(), Arc::clone(mail));
            let legs: Vec<Leg> = legs.iter().skip(sender).step_by(at_once).cloned().collect();
            tokio::spawn(async move {
                for number in 0..count / at_once {
                    let now = SystemClock.now();
                    let event = EventId::from_parts(now, u128::from_le_bytes([sender as u8; 16]) + number as u128);
                    let delivery = Deliverable {
                        id: DeliveryId { event, part: 0 },
                        leg: legs[number % legs.len()].clone(),
                        sent_at: now,
                        late: false,
                        what: What::Message(Message::text(TEXT)),
                    };
                    mail.deliver(&hub, &delivery).await.unwrap();
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    println!("mail: out {how} over {at_once} connections: {rate:.0} messages/s");
}

/// Everybody to whom `out` writes shows his key and asks for encryption.
async fn introduce(lmtp: SocketAddr) {
    let (mut answers, mut write) = greeted(lmtp).await;
    let mut randomness = Randomness::from_seed([2; 32]);
    for person in 0..PEOPLE {
        let carol = format!("carol{person}@mail.example");
        let address = MailAddress::new(&carol).unwrap();
        let certificate = SecretKey::generate(&address, SystemClock.now(), &mut randomness).unwrap().public().clone();
        let key = Autocrypt { address, mutual: true, certificate }.field();
        hand_in(&mut answers, &mut write, &carol, &format!("{person}.key@mail.example"), &format!("Autocrypt: {key}\r\n")).await;
    }
}

/// Mail as a mail server hands it over; each waits for its answer.
async fn inward(lmtp: SocketAddr) {
    let begun = Instant::now();
    let senders: Vec<_> = (0..AT_ONCE).map(|sender| tokio::spawn(hand_over(lmtp, sender))).collect();
    let mut times = Vec::with_capacity(IN);
    for sender in senders {
        times.extend(sender.await.unwrap());
    }
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "mail: in by LMTP over {AT_ONCE} connections: {rate:.0} messages/s, content to 250 (durable): p50 {:.2} ms, p99 {:.2} ms",
        at(0.5),
        at(0.99)
    );
}

async fn hand_over(lmtp: SocketAddr, sender: usize) -> Vec<Duration> {
    let (mut answers, mut write) = greeted(lmtp).await;
    let mut times = Vec::with_capacity(IN / AT_ONCE);
    for number in 0..IN / AT_ONCE {
        let carol = format!("carol{sender}-{}@mail.example", number % PEOPLE);
        times.push(hand_in(&mut answers, &mut write, &carol, &format!("{sender}.{number}@mail.example"), "").await);
    }
    times
}

type Answers = tokio::io::Lines<BufReader<OwnedReadHalf>>;

/// A connection after LHLO.
async fn greeted(lmtp: SocketAddr) -> (Answers, OwnedWriteHalf) {
    let stream = TcpStream::connect(lmtp).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (read, mut write) = stream.into_split();
    let mut answers = BufReader::new(read).lines();
    assert!(answers.next_line().await.unwrap().unwrap().starts_with("220"));
    write.write_all(b"LHLO mail.example\r\n").await.unwrap();
    while !answers.next_line().await.unwrap().unwrap().starts_with("250 ") {}
    (answers, write)
}

/// Hands in one mail; how long its content took to be taken.
async fn hand_in(answers: &mut Answers, write: &mut OwnedWriteHalf, carol: &str, id: &str, fields: &str) -> Duration {
    let ghost = "xmpp.bob=xmpp.example@gw.example";
    let envelope = format!("MAIL FROM:<{carol}>\r\nRCPT TO:<{ghost}>\r\nDATA\r\n");
    write.write_all(envelope.as_bytes()).await.unwrap();
    for code in ["250", "250", "354"] {
        assert!(answers.next_line().await.unwrap().unwrap().starts_with(code));
    }
    let mail = format!(
        "Authentication-Results: mail.example; auth=pass smtp.auth={carol}\r\nFrom: Carol <{carol}>\r\nTo: {ghost}\r\n\
         Message-ID: <{id}>\r\nSubject: The plan\r\n{fields}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{TEXT}\r\n.\r\n"
    );
    let begun = Instant::now();
    write.write_all(mail.as_bytes()).await.unwrap();
    let answer = answers.next_line().await.unwrap().unwrap();
    assert!(answer.starts_with("250"), "{answer}");
    begun.elapsed()
}

/// A submission server that takes everything at once, and counts what is encrypted.
pub(crate) async fn take_everything(listener: TcpListener, sealed: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let sealed = Arc::clone(&sealed);
        tokio::spawn(async move {
            stream.set_nodelay(true).unwrap();
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            let mut content = false;
            write.write_all(b"220 sink ESMTP\r\n").await.unwrap();
            while let Ok(Some(line)) = lines.next_line().await {
                let answer: &[u8] = match line.split(' ').next().unwrap_or_default() {
                    "." if content => {
                        content = false;
                        b"250 2.0.0 taken\r\n"
                    }
                    _ if content => {
                        if line == "-----BEGIN PGP MESSAGE-----" {
                            sealed.fetch_add(1, Ordering::Relaxed);
                        }
                        continue;
                    }
                    "EHLO" => b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
                    "DATA" => {
                        content = true;
                        b"354 go ahead\r\n"
                    }
                    "QUIT" => return,
                    _ => b"250 2.1.0 ok\r\n",
                };
                if write.write_all(answer).await.is_err() {
                    return;
                }
            }
        });
    }
}

fn adapter(submission: SocketAddr, lmtp: SocketAddr) -> CoiAdapter {
    let smtp = SmtpConfig { server: submission.to_string(), security: Security::None, user: None, password: None };
    CoiAdapter::new(config(None, Some(LmtpConfig { listen: lmtp }), smtp)).unwrap()
}

pub(crate) fn config(imap: Option<ImapConfig>, lmtp: Option<LmtpConfig>, smtp: SmtpConfig) -> dreiklang_coi::Config {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let tls = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    dreiklang_coi::Config {
        domain: "gw.example".to_owned(),
        imap,
        lmtp,
        smtp,
        trusted_authserv_id: Some("mail.example".to_owned()),
        dkim: None,
        spool: std::env::temp_dir().join("dreiklang-bench-spool"),
        tls: Arc::new(tls),
    }
}

async fn engine(store: Arc<dyn Store>, mail: Arc<CoiAdapter>, far: Loopback) -> Engine {
    let plan = Plan::new(AliasKey::new([7; 32])).mail("gw.example").unwrap();
    let plan = plan.component(Network::MAIL, "mail.gw.example").unwrap();
    let adapters: Vec<Arc<dyn Adapter>> = vec![mail, Arc::new(far)];
    town::engine(store, plan, adapters).await
}
