// SPDX-License-Identifier: EUPL-1.2
//! Who is ours on the homeserver: the bot and the ghosts of the connected networks. What a ghost's name means is known to
//! the engine's address book alone.

use dreiklang_model::Network;
use ruma::{OwnedUserId, ServerName, UserId};

use crate::config::SERVICE;

/// The users that belong to the application service.
#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    server: ruma::OwnedServerName,
    bot: OwnedUserId,
    prefixes: Vec<String>,
}

impl Namespace {
    /// [`None`] when the text is not the name of a server.
    pub(crate) fn new(server_name: &str, networks: &[Network]) -> Option<Self> {
        let server = ServerName::parse(server_name).ok()?;
        let bot = UserId::parse(format!("@{SERVICE}:{server}")).ok()?;
        Some(Self { server, bot, prefixes: networks.iter().map(prefix).collect() })
    }

    /// The bot of the organisation.
    pub(crate) fn bot(&self) -> &UserId {
        &self.bot
    }

    /// Is it a user of our own homeserver?
    pub(crate) fn is_local(&self, user: &UserId) -> bool {
        user.server_name() == self.server
    }

    /// Does the user belong to us?
    pub(crate) fn owns(&self, user: &UserId) -> bool {
        *user == self.bot
            || self.is_local(user) && self.prefixes.iter().any(|prefix| user.localpart().starts_with(prefix.as_str()))
    }

    /// The server our users live on.
    pub(crate) fn server(&self) -> &ServerName {
        &self.server
    }
}

/// How local parts of a network's ghosts begin.
pub(crate) fn prefix(network: &Network) -> String {
    format!("_{network}_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_ours() {
        let ours = Namespace::new("hs.example", &[Network::XMPP, Network::MAIL]).unwrap();
        for (user, owned) in [
            ("@dreiklang:hs.example", true),
            ("@_xmpp_bob=40xmpp.example:hs.example", true),
            ("@_mail_carol=40mail.example:hs.example", true),
            ("@_xmpp_bob=40xmpp.example:other.example", false),
            ("@dreiklang:other.example", false),
            ("@_irc_bob:hs.example", false),
            ("@alice:hs.example", false),
        ] {
            assert_eq!(ours.owns(<&UserId>::try_from(user).unwrap()), owned, "{user}");
        }
        assert!(Namespace::new("not a server", &[]).is_none());
    }
}
