// SPDX-License-Identifier: EUPL-1.2
//! The configuration: what an administrator writes. Reading and blaming is in `load.rs`, what follows from it in
//! `compose.rs`. The doc comments here are the text of `config.example.toml`.

mod describe;
mod example;
mod load;
mod secret;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use dreiklang_model::{Language, OrganisationId};
use serde::Deserialize;
use url::Url;

pub(crate) use describe::{Described, Field, described};
pub(crate) use example::example;
pub(crate) use load::{Loaded, load};
pub(crate) use secret::Secrets;

described! {
    /// The whole file.
    pub(crate) struct Config {
        /// The process.
        gateway: Gateway = "",
        /// The organisations it serves.
        #[serde(rename = "organisation")]
        organisations: Vec<Organisation> = "",
    }
}

described! {
    /// The process itself. Each value here may also come from the environment: DREIKLANG_GATEWAY__STATE, and so on.
    pub(crate) struct Gateway {
        /// Where the embedded database and the gateway's own keys lie. Back this directory up.
        state: PathBuf = "\"/var/lib/dreiklang\"",
        /// Where health, metrics and the state of the queue are served. Keep it private.
        #[serde(default = "admin_listen")]
        admin_listen: SocketAddr = "\"127.0.0.1:8480\"",
        /// Where people fetch files whose own network has no place for them (no upload service, too large for a mail). It leads to
        /// /media at `admin_listen`; let your web server pass on nothing else. Without it such files are named and left out.
        #[serde(default)]
        media_url: Option<Url> = "# \"https://gw.example/media\"",
        /// The file that seals secret values (the keys of ghosts) in the database; made if it is missing. Without it the file `key` in
        /// the state directory does. Keep it apart from the backups of the database.
        #[serde(default)]
        seal_key_file: Option<PathBuf> = "# \"/etc/dreiklang/secrets/seal\"",
        /// What is written to the log: error, warn, info, debug.
        #[serde(default)]
        log: LogLevel = "\"info\"",
        /// The log's form: json or text.
        #[serde(default)]
        log_format: LogFormat = "\"json\"",
        /// An additional certificate authority (PEM) that your servers' certificates come from.
        #[serde(default)]
        ca_file: Option<PathBuf> = "# \"/etc/dreiklang/ca.pem\"",
    }
}

described! {
    /// An organisation. Each has its own legs, rules and language. A leg that is not written here is absent: two are enough.
    pub(crate) struct Organisation {
        /// A short name; it stands in the database and never changes.
        id: OrganisationId = "\"musterstadt\"",
        /// The name people see.
        name: String = "\"Stadt Musterstadt\"",
        /// The language in which the gateway speaks to people: de or en.
        #[serde(default)]
        language: Language = "\"de\"",
        /// The Matrix leg.
        #[serde(default)]
        matrix: Option<Matrix> = "",
        /// The XMPP leg.
        #[serde(default)]
        xmpp: Option<Xmpp> = "",
        /// The mail leg.
        #[serde(default)]
        mail: Option<Mail> = "",
        /// The rules.
        #[serde(default)]
        policy: Policy = "",
    }
}

described! {
    /// Matrix: the gateway is an application service of your homeserver. `dreiklang registration` writes its file.
    pub(crate) struct Matrix {
        /// The homeserver's name, the part after the colon in user ids.
        server_name: String = "\"hs.example\"",
        /// Where the gateway reaches the homeserver's client API.
        homeserver: Url = "\"http://synapse:8008\"",
        /// Where the gateway listens for the homeserver.
        listen: SocketAddr = "\"0.0.0.0:8481\"",
        /// How the homeserver reaches the gateway.
        url: Url = "\"http://dreiklang:8481\"",
        /// The gateway's token for the homeserver. `dreiklang registration` makes it if the file is missing.
        #[serde(default)]
        as_token_file: Option<PathBuf> = "\"/etc/dreiklang/secrets/as_token\"",
        /// The homeserver's token for the gateway. `dreiklang registration` makes it if the file is missing.
        #[serde(default)]
        hs_token_file: Option<PathBuf> = "\"/etc/dreiklang/secrets/hs_token\"",
    }
}

described! {
    /// XMPP: one component (XEP-0114) of your XMPP server for each other network.
    pub(crate) struct Xmpp {
        /// Host and component port of the XMPP server.
        server: String = "\"prosody:5347\"",
        /// The component's domain for each other network.
        domains: BTreeMap<String, String> = "{ matrix = \"matrix.gw.example\", mail = \"mail.gw.example\" }",
        /// The service of your server that takes uploads (XEP-0363). Without it the gateway asks the servers.
        #[serde(default)]
        upload: Option<String> = "# \"upload.xmpp.example\"",
        /// The components' secret.
        #[serde(default)]
        secret_file: Option<PathBuf> = "\"/etc/dreiklang/secrets/xmpp\"",
    }
}

described! {
    /// Mail: a domain of its own, whose mail reaches the gateway by IMAP from one catch-all mailbox (any provider) or by
    /// LMTP from your own mail server (exact recipients, refusals at once).
    pub(crate) struct Mail {
        /// The mail domain in which everybody of the other networks has an address.
        domain: String = "\"gw.example\"",
        /// The catch-all mailbox.
        #[serde(default)]
        imap: Option<Imap> = "{ server = \"mail.example:993\", security = \"tls\", user = \"bridge@mail.example\", password_file = \"/etc/dreiklang/secrets/mail\" }",
        /// Where the gateway listens for your mail server, instead of `imap`.
        #[serde(default)]
        lmtp: Option<Lmtp> = "# { listen = \"0.0.0.0:8424\" }",
        /// Where mail is submitted. Without user and password the server must accept the gateway by its address.
        smtp: Smtp = "{ server = \"mail.example:465\", security = \"tls\", user = \"bridge@mail.example\", password_file = \"/etc/dreiklang/secrets/mail\" }",
        /// Whose Authentication-Results are believed: the name your mail server puts there. Not needed with verify_dkim.
        #[serde(default)]
        trusted_authserv_id: Option<String> = "\"mail.example\"",
        /// Check DKIM signatures and their alignment (DMARC) here when the mail server has not said who sent a mail (needs DNS).
        #[serde(default)]
        verify_dkim: bool = "false",
        /// The DNS server that verify_dkim asks; without it those of the system (/etc/resolv.conf).
        #[serde(default)]
        dns: Option<SocketAddr> = "# \"127.0.0.1:53\"",
    }
}

described! {
    /// The catch-all mailbox.
    pub(crate) struct Imap {
        /// Host and port.
        server: String = "\"mail.example:993\"",
        /// tls, starttls, or none (only on the same machine).
        security: Security = "\"tls\"",
        /// The login.
        user: String = "\"bridge@mail.example\"",
        /// Its password.
        #[serde(default)]
        password_file: Option<PathBuf> = "\"/etc/dreiklang/secrets/mail\"",
        /// The folder.
        #[serde(default = "inbox")]
        mailbox: String = "\"INBOX\"",
    }
}

described! {
    /// The listener for your mail server.
    pub(crate) struct Lmtp {
        /// Address and port.
        listen: SocketAddr = "\"0.0.0.0:8424\"",
    }
}

described! {
    /// The way out.
    pub(crate) struct Smtp {
        /// Host and port.
        server: String = "\"mail.example:465\"",
        /// tls, starttls, or none (only on the same machine).
        security: Security = "\"tls\"",
        /// The login, if one is needed.
        #[serde(default)]
        user: Option<String> = "\"bridge@mail.example\"",
        /// Its password.
        #[serde(default)]
        password_file: Option<PathBuf> = "\"/etc/dreiklang/secrets/mail\"",
    }
}

described! {
    /// The rules: who may talk to whom, sizes, rates, how long things are kept. Spans are written like 90d, 48h, 5m, 30s.
    #[derive(Default)]
    #[serde(default)]
    pub(crate) struct Policy {
        /// Addresses that may take part, with * for anything; none: everybody. Native form: @alice:hs.example, bob@xmpp.example.
        allow: Vec<String> = "# [\"*:hs.example\", \"*@xmpp.example\"]",
        /// Addresses that may not take part; stronger than allow.
        deny: Vec<String> = "# [\"*@spam.example\"]",
        /// Who may link rooms by the bot, as addresses with * for anything; none: only `dreiklang link` does.
        administrators: Vec<String> = "# [\"@admin:hs.example\"]",
        /// Rooms that may be bridged, by their address at home, with * for anything; none: all. (#plan:hs.example)
        allow_rooms: Vec<String> = "# [\"*:hs.example\", \"*@conference.xmpp.example\"]",
        /// Rooms that may not be bridged; stronger than allow_rooms.
        deny_rooms: Vec<String> = "# [\"#internal-*:hs.example\"]",
        /// Files that may not cross, with * for anything: media types where there is a / in it, else names. What is written here stands in
        /// the place of the usual list; [] lets everything through. The first bytes of a file count as well as what its sender says; what is in
        /// an archive is not looked at.
        forbid_files: Option<Vec<String>> = "# [\"application/vnd.microsoft.portable-executable\", \"application/x-msdownload\", \"application/x-executable\", \"application/x-mach-binary\", \"application/x-msi\", \"application/java-archive\", \"application/vnd.android.package-archive\", \"text/x-shellscript\", \"*.exe\", \"*.com\", \"*.scr\", \"*.pif\", \"*.msi\", \"*.bat\", \"*.cmd\", \"*.ps1\", \"*.vbs\", \"*.vbe\", \"*.js\", \"*.jse\", \"*.wsf\", \"*.hta\", \"*.lnk\", \"*.reg\", \"*.cpl\", \"*.jar\", \"*.apk\", \"*.sh\"]",
        /// Longest message in bytes.
        longest_text: Option<usize> = "# 1048576",
        /// Private places, as host:port, from which files may be fetched and to which they may be put; public ones need no mention.
        fetch_allow: Vec<String> = "# [\"upload.xmpp.example:443\"]",
        /// What a mail must prove of its author: aligned (his domain vouches for it: DMARC), signed (the OpenPGP key known as his
        /// signed it) or verified (that key was met through an invitation).
        mail_proof: Option<MailProof> = "# \"aligned\"",
        /// Show that somebody is writing. Only to the person written to, only while he writes, never stored.
        typing: Option<bool> = "# true",
        /// Tell that somebody has read something. Everybody can also switch it off for himself in his own program.
        read_receipts: Option<bool> = "# true",
        /// Show whether somebody is there, to his contacts on the other networks. Off, because it tells all day long who is at his desk.
        presence: Option<bool> = "# false",
        /// Messages that one person may send in a minute.
        messages_per_minute: Option<u32> = "# 3000",
        /// When a message that cannot be delivered is given up and its sender told.
        give_up_after: Option<Span> = "# \"48h\"",
        /// When a sender is told that his message waits.
        tell_delay_after: Option<Span> = "# \"5m\"",
        /// How old an event pushed by the homeserver may be before it waits for you (homeservers do replay history).
        hold_older_than: Option<Span> = "# \"24h\"",
        /// How long it is kept which message is which on the other networks. No text is kept after delivery.
        keep_mappings: Option<Span> = "# \"90d\"",
        /// How long it is remembered, as a keyed hash, that a message was seen.
        keep_seen: Option<Span> = "# \"400d\"",
        /// How long undeliverable messages are kept for `dreiklang queue`.
        keep_dead: Option<Span> = "# \"30d\"",
    }
}

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Security {
    Tls,
    Starttls,
    None,
}

/// What a mail must prove of its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailProof {
    Aligned,
    Signed,
    Verified,
}

/// What is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// The log's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Json,
    Text,
}

/// A span of time, written `90d`, `48h`, `5m` or `30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) std::time::Duration);

impl TryFrom<String> for Span {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        const FORM: &str = "a span is a whole number and a unit: 90d, 48h, 5m or 30s";
        let unit = match text.chars().last() {
            Some('d') => 24 * 60 * 60,
            Some('h') => 60 * 60,
            Some('m') => 60,
            Some('s') => 1,
            _ => return Err(FORM),
        };
        let number: u32 = text.get(..text.len() - 1).and_then(|number| number.parse().ok()).ok_or(FORM)?;
        Ok(Self(std::time::Duration::from_secs(u64::from(number) * unit)))
    }
}

fn admin_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8480))
}

fn inbox() -> String {
    "INBOX".to_owned()
}
