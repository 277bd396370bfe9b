// SPDX-License-Identifier: EUPL-1.2
//! Checking here whether a DKIM signature (RFC 6376) speaks for the author of a mail: it verifies, and its domain belongs to the
//! same organisation as the author's (DMARC's alignment, RFC 9989 §4.4, whatever policy the domain publishes). Asks DNS.
//! What the author's own mail server says is `inward/authentication.rs`.

use std::{
    fmt,
    hash::Hash,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use dreiklang_engine::port::Finding;
use futures::FutureExt as _;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DnsError, Error, MessageAuthenticator, Parameters, ResolverCache, Txt,
    common::crypto::Algorithm,
    dkim::Signature,
    dmarc::{Alignment, Dmarc},
    hickory_resolver::{
        config::{NameServerConfig, ResolverConfig, ResolverOpts},
        proto::{
            op::ResponseCode,
            rr::{Name, RecordType},
        },
        system_conf::read_system_conf,
    },
};
use tokio::time::timeout;

use crate::{
    address::Domain,
    config::{ConfigError, Dns},
    inward::Mail,
};

/// How many signatures of one mail are looked at.
const MOST_SIGNATURES: usize = 8;
/// Longest that DNS is waited for: one question, and all of one mail.
const ONE_QUESTION: Duration = Duration::from_secs(3);
const ALL_QUESTIONS: Duration = Duration::from_secs(8);

/// Does a signature speak for the author?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// Yes.
    Yes,
    /// No, and that will not change.
    No,
    /// DNS does not answer: nobody can say now.
    Unknown,
}

/// Checks signatures. `K`: records that are known without asking.
pub(crate) struct Verifier<K = Nothing> {
    authenticator: MessageAuthenticator,
    server: String,
    known: K,
}

impl<K> fmt::Debug for Verifier<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.server)
    }
}

impl Verifier {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// [`ConfigError::Resolver`].
    pub(crate) fn new(dns: Dns) -> Result<Self, ConfigError> {
        Self::with(dns, Nothing)
    }
}

impl<K: ResolverCache<Box<str>, Txt>> Verifier<K> {
    fn with(dns: Dns, known: K) -> Result<Self, ConfigError> {
        let (servers, mut options, server) = match dns {
            Dns::System => {
                let (servers, options) = read_system_conf().map_err(|error| ConfigError::Resolver(error.to_string()))?;
                (servers, options, "the servers in /etc/resolv.conf".to_owned())
            }
            Dns::Server(address) => (one_server(address), ResolverOpts::default(), address.to_string()),
        };
        options.timeout = ONE_QUESTION;
        // Who has the mail comes again.
        options.attempts = 1;
        options.edns0 = true;
        let authenticator =
            MessageAuthenticator::new(servers, options).map_err(|error| ConfigError::Resolver(error.to_string()))?;
        Ok(Self { authenticator, server, known })
    }

    /// Does a signature of this mail speak for an author in this domain? Whatever the bytes are, this ends and does not panic:
    /// the library is somebody else's.
    pub(crate) async fn speaks_for(&self, mail: &Mail<'_>, raw: &[u8], author: &Domain) -> Signed {
        let asking = AssertUnwindSafe(self.verified(mail, raw, author)).catch_unwind();
        match timeout(ALL_QUESTIONS, asking).await {
            Ok(outcome) => outcome.unwrap_or(Signed::No),
            Err(_) => Signed::Unknown,
        }
    }

    async fn verified(&self, mail: &Mail<'_>, raw: &[u8], author: &Domain) -> Signed {
        // From the same reading of the headers that decides who the author is. Strict: a signature that leaves part of the body
        // open (`l=`) is none.
        let mut message = AuthenticatedMessage::from_parsed(&mail.message, raw, true);
        message.dkim_headers.retain(|header| may_speak(&header.header, author));
        message.dkim_headers.truncate(MOST_SIGNATURES);
        let outputs = self.authenticator.verify_dkim(Parameters::new(&message).with_txt_cache(&self.known)).await;
        let (signer, unknown) = judged(&outputs, author);
        match signer {
            Some(signer) if signer == *author => Signed::Yes,
            Some(_) => match self.wants_exact(author).await {
                Ok(true) => Signed::No,
                Ok(false) => Signed::Yes,
                Err(()) => Signed::Unknown,
            },
            None if unknown => Signed::Unknown,
            None => Signed::No,
        }
    }

    /// Does the author's domain, or else his organisation's, accept only its very own signatures (`adkim=s`)?
    async fn wants_exact(&self, author: &Domain) -> Result<bool, ()> {
        for domain in [Some(author.clone()), author.organisational()].into_iter().flatten() {
            let name = format!("_dmarc.{}.", domain.as_str());
            match self.authenticator.txt_lookup::<Dmarc>(name, Some(&self.known)).await {
                Ok(record) => return Ok(record.adkim == Alignment::Strict),
                Err(error) if is_trouble(&error) => return Err(()),
                Err(_) => {}
            }
        }
        Ok(false)
    }

    /// Does DNS answer? Asked for the root, which concerns nobody and which every server knows.
    pub(crate) async fn check(&self) -> Finding {
        let what = format!("DNS at {}", self.server);
        let question = self.authenticator.resolver().lookup(Name::root(), RecordType::NS);
        match timeout(ALL_QUESTIONS, question).await.map(|answer| answer.map_err(Error::from)) {
            Ok(Err(error)) if is_trouble(&error) => {
                let says = format!("{}. Check mail.dns.", crate::transport::clean(&error.to_string()));
                Finding { fine: false, what, says }
            }
            Ok(_) => Finding { fine: true, what, says: "answers; DKIM signatures can be checked".to_owned() },
            Err(_) => Finding { fine: false, what, says: "does not answer in time. Check mail.dns.".to_owned() },
        }
    }
}

fn one_server(address: SocketAddr) -> ResolverConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

/// Could this signature speak for the author, if it verifies? It must cover the author's name (RFC 6376 §5.4), and not with a
/// broken hash (RFC 8301 §3.1).
fn may_speak(signature: &Signature, author: &Domain) -> bool {
    signature.a != Algorithm::RsaSha1
        && signature.h.iter().any(|name| name.eq_ignore_ascii_case("from"))
        && Domain::new(&signature.d).is_some_and(|signer| author.is_aligned_with(&signer))
}

/// The domain that certainly signed, best the author's own; and whether there is one of which DNS does not tell.
fn judged(outputs: &[DkimOutput<'_>], author: &Domain) -> (Option<Domain>, bool) {
    let mut signers: Vec<Domain> = outputs
        .iter()
        .filter(|output| *output.result() == DkimResult::Pass)
        .filter_map(|output| Domain::new(&output.signature()?.d))
        .collect();
    let own = signers.iter().position(|signer| signer == author).unwrap_or_default();
    let unknown = outputs.iter().any(|output| match output.result() {
        DkimResult::TempError(error) | DkimResult::PermError(error) => is_trouble(error),
        _ => false,
    });
    ((!signers.is_empty()).then(|| signers.swap_remove(own)), unknown)
}

/// DNS did not answer, or with something else than "there is none".
fn is_trouble(error: &Error) -> bool {
    match error {
        Error::Dns(DnsError::Resolver(_)) => true,
        Error::Dns(DnsError::RecordNotFound(code)) => !matches!(*code, ResponseCode::NXDomain | ResponseCode::NoError),
        _ => false,
    }
}

/// Nothing is known without asking; the resolver keeps what it was told.
pub(crate) struct Nothing;

impl ResolverCache<Box<str>, Txt> for Nothing {
    fn get<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

#[cfg(test)]
#[path = "dkim_tests.rs"]
mod tests;
