// SPDX-License-Identifier: EUPL-1.2
//! Mail in by IMAP: from a server's news that there is a mail (IDLE) until it is durable in the inbox, which is when it is marked as
//! seen. The server is a stub that answers at once; what is measured is the gateway, the fetching included.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use dreiklang_coi::{CoiAdapter, ImapConfig, Security, SmtpConfig};
use dreiklang_engine::port::{Adapter, Store};
use dreiklang_identity::{AliasKey, Plan};
use dreiklang_loopback::Loopback;
use dreiklang_model::Network;
use dreiklang_store::{Seal, Sqlite};
use secrecy::SecretString;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use crate::{mail, town};

const MAILS: usize = 500;

pub(crate) async fn run(on: &Path) {
    let directory = tempfile::tempdir_in(on).unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("bench.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let submission = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp =
        SmtpConfig { server: submission.local_addr().unwrap().to_string(), security: Security::None, user: None, password: None };
    tokio::spawn(mail::take_everything(submission, std::sync::Arc::default()));
    let mailbox = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let imap = ImapConfig {
        server: mailbox.local_addr().unwrap().to_string(),
        security: Security::None,
        user: "bridge".to_owned(),
        password: SecretString::from("secret"),
        mailbox: "INBOX".to_owned(),
    };
    let (told, mut times) = mpsc::channel(MAILS);
    tokio::spawn(async move {
        let (stream, _) = mailbox.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (read, write) = stream.into_split();
        Mailbox { lines: BufReader::new(read).lines(), write, mails: 0, told }.serve().await;
    });
    let adapter = CoiAdapter::new(mail::config(Some(imap), None, smtp)).unwrap();
    let (far, mut people) = Loopback::new(Network::XMPP);
    tokio::spawn(async move { while people.hear().await.is_some() {} });
    let plan = Plan::new(AliasKey::new([7; 32])).mail("gw.example").unwrap();
    let plan = plan.component(Network::MAIL, "mail.gw.example").unwrap();
    let adapters: Vec<Arc<dyn Adapter>> = vec![Arc::new(adapter), Arc::new(far)];
    let engine = town::engine(store, plan, adapters).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { engine.run(stop).await.unwrap() }
    });
    let mut all = Vec::with_capacity(MAILS);
    while all.len() < MAILS {
        all.push(tokio::time::timeout(Duration::from_secs(10), times.recv()).await.expect("a mail is seen").unwrap());
    }
    all.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("idle: from the news of a mail until it is durable: p50 {:.2} ms, p99 {:.2} ms", at(0.5), at(0.99));
    stop.cancel();
    running.await.unwrap();
}

/// A mailbox that gets a new mail whenever somebody listens to it.
struct Mailbox {
    lines: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
    mails: usize,
    told: mpsc::Sender<Duration>,
}

impl Mailbox {
    async fn serve(mut self) {
        let mut announced = Instant::now();
        self.say("* OK ready\r\n").await;
        while let Ok(Some(line)) = self.lines.next_line().await {
            let (tag, command) = line.split_once(' ').unwrap();
            let mail = self.mail();
            let answer = match command {
                "CAPABILITY" => "* CAPABILITY IMAP4rev1 IDLE\r\n".to_owned(),
                "IDLE" => {
                    self.say("+ idling\r\n").await;
                    if self.mails < MAILS {
                        self.mails += 1;
                        announced = Instant::now();
                        self.say(&format!("* {} EXISTS\r\n", self.mails)).await;
                    }
                    let Ok(Some(_done)) = self.lines.next_line().await else { return };
                    String::new()
                }
                command if command.starts_with("SELECT") => {
                    "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 1] ok\r\n".to_owned()
                }
                command if command.contains("RFC822.SIZE") && self.mails > 0 => {
                    format!("* {0} FETCH (UID {0} RFC822.SIZE {1})\r\n", self.mails, mail.len())
                }
                command if command.contains("BODY.PEEK[]") => {
                    format!("* {0} FETCH (UID {0} BODY[] {{{1}}}\r\n{mail})\r\n", self.mails, mail.len())
                }
                command if command.starts_with("UID STORE") => {
                    let _ = self.told.send(announced.elapsed()).await;
                    String::new()
                }
                _ => String::new(),
            };
            self.say(&format!("{answer}{tag} OK done\r\n")).await;
        }
    }

    fn mail(&self) -> String {
        let (number, text) = (self.mails, mail::TEXT);
        format!(
            "Authentication-Results: mail.example; auth=pass smtp.auth=carol@mail.example\r\nFrom: Carol <carol@mail.example>\r\n\
             To: xmpp.bob=xmpp.example@gw.example\r\nMessage-ID: <{number}@mail.example>\r\nSubject: The plan\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        )
    }

    async fn say(&mut self, text: &str) {
        // The gateway hangs up at the end.
        let _ = self.write.write_all(text.as_bytes()).await;
    }
}
