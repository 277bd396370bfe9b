// SPDX-License-Identifier: EUPL-1.2
//! From the configuration to the parts of the gateway. The only place that knows every adapter.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use dreiklang_coi::CoiAdapter;
use dreiklang_engine::{
    Organisation, Policy,
    port::{Adapter, AddressBook, Proof},
};
use dreiklang_identity::{AliasKey, Book, Plan};
use dreiklang_matrix::MatrixAdapter;
use dreiklang_model::Network;
use dreiklang_xmpp::XmppAdapter;
use rustls::ClientConfig;

use crate::config::{self, Loaded, Secrets, Security};

/// An organisation with its adapters.
pub(crate) type Member = (Organisation, Vec<Arc<dyn Adapter>>);

/// Everything the configuration names.
pub(crate) fn organisations(loaded: &Loaded, key: &[u8; 32]) -> anyhow::Result<Vec<Member>> {
    let ca_file = loaded.config.gateway.ca_file.as_ref().map(|file| loaded.base().join(file));
    let tls = crate::tls::client(ca_file.as_deref())?;
    let state = &loaded.config.gateway.state;
    loaded.config.organisations.iter().map(|one| member(one, loaded.base(), state, key, &tls)).collect()
}

fn member(
    one: &config::Organisation,
    base: &Path,
    state: &Path,
    key: &[u8; 32],
    tls: &Arc<ClientConfig>,
) -> anyhow::Result<Member> {
    let named = || format!("organisation {}", one.id);
    let book: Arc<dyn AddressBook> = Arc::new(Book::new(plan(one, key).with_context(named)?));
    let secrets = Secrets { organisation: &one.id, base };
    let mut adapters: Vec<Arc<dyn Adapter>> = Vec::new();
    if let Some(matrix) = &one.matrix {
        let config = matrix_config(one, matrix, &secrets, tls)?;
        adapters.push(Arc::new(MatrixAdapter::new(config).with_context(named)?));
    }
    if let Some(xmpp) = &one.xmpp {
        adapters.push(Arc::new(XmppAdapter::new(xmpp_config(one, xmpp, &secrets, tls)?).with_context(named)?));
    }
    if let Some(mail) = &one.mail {
        adapters.push(Arc::new(
            CoiAdapter::new(mail_config(mail, &secrets, &state.join("spool").join(one.id.as_str()), tls)?).with_context(named)?,
        ));
    }
    let organisation =
        Organisation { id: one.id.clone(), name: one.name.clone(), language: one.language, book, policy: policy(&one.policy) };
    Ok((organisation, adapters))
}

/// How the organisation writes addresses.
pub(crate) fn plan(one: &config::Organisation, key: &[u8; 32]) -> anyhow::Result<Plan> {
    let mut plan = Plan::new(AliasKey::new(blake3::derive_key("dreiklang 2026 alias", key)));
    if let Some(matrix) = &one.matrix {
        plan = plan.matrix(&matrix.server_name).context("matrix.server_name")?;
    }
    if let Some(xmpp) = &one.xmpp {
        for (network, domain) in &xmpp.domains {
            plan = plan.component(Network::new(network)?, domain).context("xmpp.domains")?;
        }
    }
    if let Some(mail) = &one.mail {
        plan = plan.mail(&mail.domain).context("mail.domain")?;
    }
    Ok(plan)
}

/// The networks other than `own` that the organisation has connected.
fn foreign(one: &config::Organisation, own: &Network) -> Vec<Network> {
    [(one.matrix.is_some(), Network::MATRIX), (one.xmpp.is_some(), Network::XMPP), (one.mail.is_some(), Network::MAIL)]
        .into_iter()
        .filter(|(connected, network)| *connected && network != own)
        .map(|(_, network)| network)
        .collect()
}

pub(crate) fn matrix_config(
    one: &config::Organisation,
    matrix: &config::Matrix,
    secrets: &Secrets<'_>,
    tls: &Arc<ClientConfig>,
) -> anyhow::Result<dreiklang_matrix::Config> {
    Ok(dreiklang_matrix::Config {
        server_name: matrix.server_name.clone(),
        homeserver: base(&matrix.homeserver),
        listen: matrix.listen,
        url: base(&matrix.url),
        as_token: secrets.get("AS_TOKEN", "matrix.as_token_file", matrix.as_token_file.as_deref())?,
        hs_token: secrets.get("HS_TOKEN", "matrix.hs_token_file", matrix.hs_token_file.as_deref())?,
        networks: foreign(one, &Network::MATRIX),
        tls: Arc::clone(tls),
    })
}

/// A URL as the base of paths.
fn base(url: &url::Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn xmpp_config(
    one: &config::Organisation,
    xmpp: &config::Xmpp,
    secrets: &Secrets<'_>,
    tls: &Arc<ClientConfig>,
) -> anyhow::Result<dreiklang_xmpp::Config> {
    let connected = foreign(one, &Network::XMPP);
    let domains = xmpp.domains.iter().map(|(network, domain)| {
        let domain = dreiklang_xmpp::ComponentDomain::new(domain).with_context(|| format!("xmpp.domains: {network}"))?;
        Ok((Network::new(network)?, domain))
    });
    let domains = domains.filter(|pair| pair.as_ref().map_or(true, |(network, _)| connected.contains(network)));
    Ok(dreiklang_xmpp::Config {
        server: xmpp.server.clone(),
        domains: domains.collect::<anyhow::Result<_>>()?,
        secret: secrets.get("XMPP_SECRET", "xmpp.secret_file", xmpp.secret_file.as_deref())?,
        upload: xmpp.upload.clone(),
        fetch_allow: one.policy.fetch_allow.clone(),
        tls: Arc::clone(tls),
    })
}

fn mail_config(
    mail: &config::Mail,
    secrets: &Secrets<'_>,
    spool: &Path,
    tls: &Arc<ClientConfig>,
) -> anyhow::Result<dreiklang_coi::Config> {
    let imap = mail.imap.as_ref().map(|imap| {
        anyhow::Ok(dreiklang_coi::ImapConfig {
            server: imap.server.clone(),
            security: security(imap.security),
            user: imap.user.clone(),
            password: secrets.get("IMAP_PASSWORD", "mail.imap.password_file", imap.password_file.as_deref())?,
            mailbox: imap.mailbox.clone(),
        })
    });
    let login = mail.smtp.user.as_ref().map(|user| {
        anyhow::Ok((user.clone(), secrets.get("SMTP_PASSWORD", "mail.smtp.password_file", mail.smtp.password_file.as_deref())?))
    });
    let (user, password) = login.transpose()?.unzip();
    Ok(dreiklang_coi::Config {
        domain: mail.domain.clone(),
        imap: imap.transpose()?,
        lmtp: mail.lmtp.as_ref().map(|lmtp| dreiklang_coi::LmtpConfig { listen: lmtp.listen }),
        smtp: dreiklang_coi::SmtpConfig {
            server: mail.smtp.server.clone(),
            security: security(mail.smtp.security),
            user,
            password,
        },
        trusted_authserv_id: mail.trusted_authserv_id.clone(),
        dkim: mail.verify_dkim.then(|| mail.dns.map_or(dreiklang_coi::Dns::System, dreiklang_coi::Dns::Server)),
        spool: spool.to_owned(),
        tls: Arc::clone(tls),
    })
}

fn security(security: Security) -> dreiklang_coi::Security {
    match security {
        Security::Tls => dreiklang_coi::Security::Tls,
        Security::Starttls => dreiklang_coi::Security::StartTls,
        Security::None => dreiklang_coi::Security::None,
    }
}

fn policy(written: &config::Policy) -> Policy {
    let usual = Policy::default();
    let span = |written: Option<config::Span>, usual| written.map_or(usual, |span| span.0);
    Policy {
        longest_text: written.longest_text.unwrap_or(usual.longest_text),
        allow: written.allow.clone(),
        deny: written.deny.clone(),
        administrators: written.administrators.clone(),
        allow_rooms: written.allow_rooms.clone(),
        deny_rooms: written.deny_rooms.clone(),
        forbid_files: written.forbid_files.clone().unwrap_or(usual.forbid_files),
        least_proof: written.mail_proof.map_or(usual.least_proof, |proof| match proof {
            config::MailProof::Aligned => Proof::Aligned,
            config::MailProof::Signed => Proof::Signed,
            config::MailProof::Verified => Proof::Verified,
        }),
        typing: written.typing.unwrap_or(usual.typing),
        read_receipts: written.read_receipts.unwrap_or(usual.read_receipts),
        presence: written.presence.unwrap_or(usual.presence),
        messages_per_minute: written.messages_per_minute.unwrap_or(usual.messages_per_minute),
        give_up_after: span(written.give_up_after, usual.give_up_after),
        tell_delay_after: span(written.tell_delay_after, usual.tell_delay_after),
        hold_older_than: span(written.hold_older_than, usual.hold_older_than),
        keep_mappings: span(written.keep_mappings, usual.keep_mappings),
        keep_seen: span(written.keep_seen, usual.keep_seen),
        keep_dead: span(written.keep_dead, usual.keep_dead),
    }
}
