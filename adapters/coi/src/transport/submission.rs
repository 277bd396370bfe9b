// SPDX-License-Identifier: EUPL-1.2
//! Handing mail in (RFC 6409): a few connections that are kept, one recipient per mail, and an answer that says how far it got.

use std::{
    collections::VecDeque,
    error::Error as _,
    fmt, io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dreiklang_engine::{Hub, port::Health};
use lettre::{
    Address,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream},
        commands::{Data, Mail, Rcpt, Rset},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Connector, Refusal, Stream};
use crate::{
    address::Domain,
    config::{ConfigError, Security, SmtpConfig},
};

/// How many connections are kept for the next mail.
pub(crate) const CONNECTIONS: usize = 8;
/// Longest that one command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest line of a reply before TLS.
const LONGEST_REPLY: usize = 8 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Who sends, as far as the mail system is told, and who receives.
#[derive(Clone)]
pub(crate) struct Envelope {
    /// [`None`] is the null return path: nobody wants to hear of a failure.
    from: Option<Address>,
    to: Address,
}

impl Envelope {
    /// [`None`] when an address cannot stand in a command.
    pub(crate) fn new(from: Option<&str>, to: &str) -> Option<Self> {
        let address = |text: &str| crate::address::addr_spec(text).parse::<Address>().ok();
        let from = match from {
            Some(from) => Some(address(from)?),
            None => None,
        };
        Some(Self { from, to: address(to)? })
    }
}

/// The mail was not taken, or nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// The server cannot be reached, or does not let us in.
    #[error("the submission server cannot be used: {0}")]
    Unreachable(String),
    /// The server said no.
    #[error("refused ({:?} {:?})", .0.code, .0.status)]
    Refused(Refusal),
    /// The connection was lost after the content had been sent.
    #[error("the connection was lost before the answer: {0}")]
    Lost(String),
}

/// The submission server.
pub(crate) struct Submission {
    connector: Connector,
    login: Option<Credentials>,
    hello: ClientId,
    idle: Mutex<VecDeque<AsyncSmtpConnection>>,
    /// The last attempt to connect failed: nobody tries but the keeper.
    down: AtomicBool,
    lost: Notify,
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Submission({})", self.connector.server())
    }
}

impl AsyncTokioStream for Box<dyn Stream> {
    fn peer_addr(&self) -> io::Result<std::net::SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Submission {
    pub(crate) fn new(
        config: &SmtpConfig,
        tls: std::sync::Arc<rustls::ClientConfig>,
        domain: &Domain,
    ) -> Result<Self, ConfigError> {
        let login = match (&config.user, &config.password) {
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password.expose_secret().to_owned())),
            (Some(_), None) => return Err(ConfigError::NoPassword),
            (None, _) => None,
        };
        Ok(Self {
            connector: Connector::new("mail.smtp.server", &config.server, config.security, tls)?,
            login,
            hello: ClientId::Domain(domain.as_str().to_owned()),
            idle: Mutex::default(),
            down: AtomicBool::new(false),
            lost: Notify::new(),
        })
    }

    pub(crate) fn server(&self) -> String {
        self.connector.server().to_string()
    }

    /// Hands one mail in; when this answers `Ok` the server has taken responsibility.
    pub(crate) async fn send(&self, envelope: &Envelope, raw: &[u8]) -> Result<(), SendError> {
        loop {
            let (mut connection, kept) = match self.pop() {
                Some(kept) => (kept, true),
                None => (self.connect().await?, false),
            };
            match transact(&mut connection, envelope, raw).await {
                Ok(()) => {
                    self.push(connection);
                    return Ok(());
                }
                Err(Stop::Refused(refusal)) => {
                    // 421 is good-bye (RFC 5321 §3.8); after any other refusal the connection can be used again.
                    if refusal.code != Some(421) && step(connection.command(Rset)).await.is_ok() {
                        self.push(connection);
                    } else if kept {
                        continue;
                    }
                    return Err(SendError::Refused(refusal));
                }
                // A kept connection may have been closed by the server in the meantime.
                Err(Stop::Broken(_)) if kept => {}
                Err(Stop::Broken(cause)) => return Err(self.fail(cause)),
                Err(Stop::Lost(cause)) => return Err(SendError::Lost(cause)),
            }
        }
    }

    /// Keeps an eye on the server while it is down, and says how it is.
    pub(crate) async fn keep(&self, hub: &Hub, stop: &CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let attempt = tokio::select! {
                () = stop.cancelled() => return,
                attempt = self.try_connect() => attempt,
            };
            match attempt {
                Ok(connection) => {
                    self.push(connection);
                    self.down.store(false, Ordering::Release);
                    hub.health("smtp", &Health::Online);
                    pause = FIRST_PAUSE;
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.lost.notified() => {}
                    }
                }
                Err(cause) => {
                    self.down.store(true, Ordering::Release);
                    tracing::warn!(cause, "the submission server cannot be used");
                    hub.health("smtp", &Health::Offline(format!("{}: {cause}", self.server())));
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Does the server let us in, and may we send as `from`? Answers with the server's refusal of the sender, if any.
    pub(crate) async fn probe(&self, from: &str, to: &str) -> Result<Option<Refusal>, SendError> {
        let mut connection = self.try_connect().await.map_err(SendError::Unreachable)?;
        let Some(envelope) = Envelope::new(Some(from), to) else { return Ok(None) };
        let mut refused = None;
        let sender = step(connection.command(Mail::new(envelope.from, vec![]))).await;
        let outcome = match sender {
            Ok(()) => step(connection.command(Rcpt::new(envelope.to, vec![]))).await,
            broken => broken,
        };
        if let Err(Stop::Refused(refusal)) = outcome {
            refused = Some(refusal);
        }
        // The probe is over; how the server takes the farewell does not matter.
        let _ = step(connection.command(Rset)).await;
        let _ = step(connection.quit()).await;
        Ok(refused)
    }

    fn pop(&self) -> Option<AsyncSmtpConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_back()
    }

    fn push(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < CONNECTIONS {
            idle.push_back(connection);
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        if self.down.load(Ordering::Acquire) {
            return Err(SendError::Unreachable("it is down".to_owned()));
        }
        self.try_connect().await.map_err(|cause| self.fail(cause))
    }

    fn fail(&self, cause: String) -> SendError {
        self.down.store(true, Ordering::Release);
        self.lost.notify_one();
        SendError::Unreachable(cause)
    }

    async fn try_connect(&self) -> Result<AsyncSmtpConnection, String> {
        timeout(PATIENCE, self.handshake()).await.map_err(|_| "it does not answer in time".to_owned())?
    }

    async fn handshake(&self) -> Result<AsyncSmtpConnection, String> {
        let mut stream = self.connector.open().await.map_err(|error| error.to_string())?;
        if self.connector.security() == Security::StartTls {
            stream = self.start_tls(stream).await.map_err(|error| format!("STARTTLS: {error}"))?;
        }
        let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello)
            .await
            .map_err(|error| error.to_string())?;
        if let Some(login) = &self.login {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, login).await.map_err(|error| format!("login failed: {error}"))?;
        }
        Ok(connection)
    }

    /// RFC 3207. The greeting that SMTP expects first is not repeated after TLS, so one is put in front.
    async fn start_tls(&self, mut stream: Box<dyn Stream>) -> io::Result<Box<dyn Stream>> {
        expect(&mut stream, "220").await?;
        stream.write_all(format!("EHLO {}\r\n", self.hello).as_bytes()).await?;
        expect(&mut stream, "250").await?;
        stream.write_all(b"STARTTLS\r\n").await?;
        expect(&mut stream, "220").await?;
        let (read, write) = tokio::io::split(self.connector.secure(stream).await?);
        let greeting = io::Cursor::new(b"220 ready\r\n".as_slice());
        Ok(Box::new(tokio::io::join(greeting.chain(read), write)))
    }
}

/// Reads one reply, byte by byte: what follows it is TLS and must stay in the connection.
async fn expect(stream: &mut Box<dyn Stream>, code: &str) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        let byte = stream.read_u8().await?;
        if byte != b'\n' {
            line.push(byte);
            if line.len() > LONGEST_REPLY {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply without end"));
            }
            continue;
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        match (text.starts_with(code), text.as_bytes().get(3)) {
            (true, Some(b'-')) => line.clear(),
            (true, _) => return Ok(()),
            (false, _) => return Err(io::Error::other(super::refusal::clean(&text))),
        }
    }
}

/// Why a transaction ended.
enum Stop {
    Refused(Refusal),
    /// Before the content was sent: certainly not taken.
    Broken(String),
    /// After it: perhaps taken.
    Lost(String),
}

async fn transact(connection: &mut AsyncSmtpConnection, envelope: &Envelope, raw: &[u8]) -> Result<(), Stop> {
    let server = connection.server_info();
    let mut parameters = Vec::new();
    if !raw.is_ascii() && server.supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let plain = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    if !plain(&envelope.to) || envelope.from.as_ref().is_some_and(|from| !plain(from)) {
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(Stop::Refused(Refusal::reply(550, "5.6.7 the mail server does not support SMTPUTF8")));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    step(connection.command(Mail::new(envelope.from.clone(), parameters))).await?;
    step(connection.command(Rcpt::new(envelope.to.clone(), vec![]))).await?;
    step(connection.command(Data)).await?;
    match step(connection.message(raw)).await {
        Err(Stop::Broken(cause)) => Err(Stop::Lost(cause)),
        outcome => outcome,
    }
}

async fn step<T>(command: impl Future<Output = Result<T, SmtpError>>) -> Result<(), Stop> {
    let outcome = timeout(PATIENCE, command).await.map_err(|_| Stop::Broken("no answer in time".to_owned()))?;
    outcome.map(drop).map_err(|error| match error.status() {
        Some(code) => {
            let words = error.source().map(ToString::to_string).unwrap_or_default();
            Stop::Refused(Refusal::reply(code.into(), &words))
        }
        None => Stop::Broken(error.to_string()),
    })
}

crate::opaque::opaque!(Envelope);
