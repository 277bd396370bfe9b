// SPDX-License-Identifier: EUPL-1.2
//! One connection of the mail server: its commands in order, and an answer to each.

use std::time::Duration;

use dreiklang_engine::{
    Hub, Lookup,
    port::{Freshness, StoreError},
};
use dreiklang_model::{Reason, words};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    command::{Command, parse},
    data::{self, Content},
};
use crate::{
    intake::{Delivery, Intake, LARGEST, Outcome, ReturnPath},
    outward::status,
};

/// Longest command line in octets (RFC 5321 §4.5.3.1.4 with room for parameters).
const LONGEST_LINE: u64 = 4096;
/// How many recipients one mail may have (RFC 5321 §4.5.3.1.8: at least 100).
const MOST_RECIPIENTS: usize = 200;
/// How many commands in a row may fail.
const MOST_ERRORS: u32 = 50;
/// Longest silence (RFC 5321 §4.5.3.2.7), and longest time for a whole mail.
const SILENCE: Duration = Duration::from_secs(300);
const READING: Duration = Duration::from_secs(600);
/// The store failed: the mail server keeps the mail and comes again.
const LATER: &str = "451 4.3.0 cannot be stored now";
/// DNS failed (RFC 3463 §3.5): the same.
const UNDECIDED: &str = "451 4.4.3 the author cannot be verified now: DNS does not answer";

/// What was said of the mail that is on its way.
#[derive(Default)]
struct Transaction {
    return_path: Option<ReturnPath>,
    recipients: Vec<String>,
}

/// Serves one connection to its end.
///
/// # Errors
/// The connection broke.
pub(super) async fn serve(
    hub: &Hub,
    intake: &Intake,
    mut reader: impl AsyncBufRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
) -> std::io::Result<()> {
    let domain = intake.reader().domain.as_str();
    say(&mut writer, &format!("220 {domain} LMTP Dreiklang")).await?;
    let mut transaction = Transaction::default();
    let mut greeted = false;
    let mut errors = 0;
    loop {
        let Some(line) = timeout(SILENCE, line(&mut reader)).await?? else { return Ok(()) };
        let answer = match parse(&line) {
            Err(answer) => answer.to_owned(),
            Ok(Command::Quit) => return say(&mut writer, "221 2.0.0 bye").await,
            Ok(Command::Noop) => "250 2.0.0 ok".to_owned(),
            Ok(Command::Vrfy) => "252 2.0.0 send it and see".to_owned(),
            Ok(Command::Lhlo) => {
                (greeted, transaction) = (true, Transaction::default());
                format!(
                    "250-{domain}\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE {LARGEST}"
                )
            }
            Ok(Command::Rset) => {
                transaction = Transaction::default();
                "250 2.0.0 ok".to_owned()
            }
            Ok(_) if !greeted => "503 5.5.1 say LHLO first".to_owned(),
            Ok(Command::Mail { .. }) if transaction.return_path.is_some() => "503 5.5.1 one mail at a time".to_owned(),
            Ok(Command::Mail { size, .. }) if size.is_some_and(|size| size > LARGEST) => refusal(hub, &Reason::TooLarge),
            Ok(Command::Mail { return_path, .. }) => {
                transaction.return_path = Some(ReturnPath::new(&return_path));
                "250 2.1.0 ok".to_owned()
            }
            Ok(Command::Rcpt { .. }) if transaction.return_path.is_none() => "503 5.5.1 MAIL first".to_owned(),
            Ok(Command::Rcpt { .. }) if transaction.recipients.len() >= MOST_RECIPIENTS => {
                "452 4.5.3 too many recipients".to_owned()
            }
            Ok(Command::Rcpt { to }) => match admit(hub, intake, &to).await {
                Ok(Ok(())) => {
                    transaction.recipients.push(to);
                    "250 2.1.5 ok".to_owned()
                }
                Ok(Err(answer)) => answer,
                Err(_) => LATER.to_owned(),
            },
            Ok(Command::Data) if transaction.recipients.is_empty() => "503 5.5.1 no valid recipients".to_owned(),
            Ok(Command::Data) => {
                say(&mut writer, "354 go ahead").await?;
                let content = timeout(READING, data::read(&mut reader, LARGEST)).await??;
                let answers = receive(hub, intake, content, std::mem::take(&mut transaction)).await;
                for answer in answers {
                    say(&mut writer, &answer).await?;
                }
                continue;
            }
        };
        errors = if answer.starts_with('5') { errors + 1 } else { 0 };
        say(&mut writer, &answer).await?;
        if errors > MOST_ERRORS {
            return say(&mut writer, "421 4.7.0 too many errors").await;
        }
    }
}

/// Does anybody receive under this address?
async fn admit(hub: &Hub, intake: &Intake, to: &str) -> Result<Result<(), String>, StoreError> {
    if !intake.reader().domain.holds(to) {
        return Ok(Err("550 5.7.1 this domain is not ours".to_owned()));
    }
    Ok(match hub.ghost_at(to).await? {
        Lookup::Ghost(_) => Ok(()),
        Lookup::Nobody(reason) => Err(refusal(hub, &reason)),
    })
}

/// The answers for all recipients, in their order.
async fn receive(hub: &Hub, intake: &Intake, content: Content, transaction: Transaction) -> Vec<String> {
    let everybody = |answer: String| vec![answer; transaction.recipients.len()];
    let raw = match content {
        Content::Mail(raw) => raw,
        Content::TooLarge => return everybody(refusal(hub, &Reason::TooLarge)),
        Content::Malformed => {
            hub.dropped("malformed");
            return everybody("550 5.6.0 a line does not end with CR LF".to_owned());
        }
    };
    let delivery = Delivery {
        recipients: transaction.recipients.clone(),
        return_path: transaction.return_path.clone().unwrap_or(ReturnPath::Unknown),
        // A mail server hands over what waited in its queue, however old, and never the same mail twice.
        freshness: Freshness::Asked,
    };
    let found = match intake.read(hub, &raw, &delivery).await {
        Ok(read) => read.found,
        Err(_) => {
            tracing::warn!("DNS does not answer for the author of a mail; the mail server keeps it");
            return everybody(UNDECIDED.to_owned());
        }
    };
    match intake.take(hub, found, &delivery).await {
        Err(error) => {
            tracing::error!(%error, "mail cannot be stored; the mail server keeps it");
            everybody(LATER.to_owned())
        }
        Ok(outcomes) => outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Done => "250 2.0.0 ok".to_owned(),
                Outcome::Refused(reason) => refusal(hub, &reason),
            })
            .collect(),
    }
}

/// A refusal in the organisation's language; the mail server tells the sender. Replies are ASCII (RFC 5321 §4.2).
fn refusal(hub: &Hub, reason: &Reason) -> String {
    let code = match reason {
        Reason::TooLarge => 552,
        Reason::Unreadable => 554,
        Reason::TooMany => return "451 4.7.1 too many messages in a short time".to_owned(),
        _ => 550,
    };
    let text = ascii(&words::reason(hub.language(), reason));
    format!("{code} {} {text}", status(reason))
}

fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'Ä' => out.push_str("Ae"),
            'Ö' => out.push_str("Oe"),
            'Ü' => out.push_str("Ue"),
            'ß' => out.push_str("ss"),
            c if c.is_ascii_graphic() || c == ' ' => out.push(c),
            _ => out.push('?'),
        }
    }
    out.chars().take(400).collect()
}

/// One line without its end; [`None`]: the other side is gone.
async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = (&mut *reader).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    let Some(line) = line.strip_suffix(b"\r\n".as_slice()).filter(|line| !line.contains(&b'\r')) else {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a line without a proper end"));
    };
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

async fn say(writer: &mut (impl AsyncWrite + Unpin), answer: &str) -> std::io::Result<()> {
    let writing = async {
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
        writer.flush().await
    };
    timeout(SILENCE, writing).await?
}
