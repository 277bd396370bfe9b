// SPDX-License-Identifier: EUPL-1.2
//! Rooms of one network as they are addressed on another: an alias below `#_xmpp_` on Matrix, a MUC whose local part begins with `#` or `!`
//! on our component. The escapes are those of people's addresses (`mxid.rs`, `jid.rs`).

use dreiklang_model::{Network, RoomAddress};
use jid::NodePart;

use super::{jid as on_xmpp, mxid as on_matrix};
use crate::canonical::{matrix, xmpp};

/// Longest room alias in bytes, sigil and server included (Matrix specification, appendix "Room Aliases").
const LONGEST_ALIAS: usize = 255;

/// A room's address as its own network compares it; [`None`] for what is none.
#[must_use]
pub fn canonical(network: &Network, text: &str) -> Option<RoomAddress> {
    let text = text.trim();
    let value = if *network == Network::MATRIX {
        matrix_room(text)?.to_owned()
    } else if *network == Network::XMPP {
        xmpp::bare_jid(text).ok().filter(|jid| jid.contains('@'))?
    } else {
        return None;
    };
    RoomAddress::new(network.clone(), value).ok()
}

/// An alias (`#plan:hs.example`) or an id (`!abc:hs.example`; since room version 12 without a server).
fn matrix_room(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(['#', '!'])?;
    let visible = |local: &str| !local.is_empty() && !local.contains(|c: char| c.is_control() || c.is_whitespace());
    let legal = match rest.split_once(':') {
        Some((local, server)) => visible(local) && matrix::is_server_name(server),
        None => {
            text.starts_with('!') && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') && !rest.is_empty()
        }
    };
    (legal && text.len() <= LONGEST_ALIAS).then_some(text)
}

/// A room's alias on our Matrix server.
#[must_use]
pub fn write_on_matrix(room: &RoomAddress, server: &str) -> Option<String> {
    let alias = format!("#_{}_{}:{server}", room.network().as_str(), on_matrix::escape(room.as_str()));
    (alias.len() <= LONGEST_ALIAS).then_some(alias)
}

/// What an alias of our Matrix server stands for.
#[must_use]
pub fn read_on_matrix(text: &str, server: &str, networks: &[Network]) -> Option<RoomAddress> {
    let local = text.trim().strip_prefix('#')?.strip_suffix(server)?.strip_suffix(':')?;
    let (name, rest) = local.strip_prefix('_')?.split_once('_')?;
    let network = networks.iter().find(|network| network.as_str() == name && **network != Network::MATRIX)?;
    let written = on_matrix::unescape(rest)?;
    canonical(network, &written).filter(|room| room.as_str() == written)
}

/// A Matrix room as a MUC of our component.
#[must_use]
pub fn write_on_xmpp(room: &RoomAddress, component: &str) -> Option<String> {
    if *room.network() != Network::MATRIX {
        return None;
    }
    let node = match room.as_str().split_once(':') {
        Some((local, server)) => format!("{}%{}", on_xmpp::escape(local), on_xmpp::escape(server)),
        None => on_xmpp::escape(room.as_str()),
    };
    let legal = NodePart::new(&node).is_ok_and(|prepared| prepared.as_str() == node) && !node.ends_with("\\20");
    legal.then(|| format!("{node}@{component}"))
}

/// What a MUC of our components stands for. Capitals do not count, nor what follows the bare JID.
#[must_use]
pub fn read_on_xmpp<'a>(text: &str, mut components: impl Iterator<Item = (&'a Network, &'a str)>) -> Option<RoomAddress> {
    let bare = text.trim().split('/').next().unwrap_or_default();
    let (node, domain) = bare.rsplit_once('@')?;
    let domain = xmpp::domain(domain)?;
    components.find(|(network, component)| **network == Network::MATRIX && *component == domain)?;
    let node = node.to_lowercase();
    let written = match node.rsplit_once('%') {
        Some((local, server)) => format!("{}:{}", on_xmpp::unescape(local)?, on_xmpp::unescape(server)?),
        None => on_xmpp::unescape(&node)?,
    };
    canonical(&Network::MATRIX, &written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(network: &Network, text: &str) -> RoomAddress {
        canonical(network, text).unwrap()
    }

    #[test]
    fn matrix_rooms_are_mucs() {
        let component = Network::MATRIX;
        for (room_address, jid) in [
            ("#plan:hs.example", "#plan%hs.example@matrix.gw.example"),
            ("#Plan B:hs.example:8448", ""),
            ("#Plan:hs.example:8448", "#^plan%hs.example\\3a8448@matrix.gw.example"),
            ("!aBc:hs.example", "!a^bc%hs.example@matrix.gw.example"),
            ("!31Hneb-ZZ_x", "!31^hneb-^z^z_x@matrix.gw.example"),
            ("#100%:hs.example", "#100%%hs.example@matrix.gw.example"),
            ("#büro:hs.example", "#büro%hs.example@matrix.gw.example"),
        ] {
            if jid.is_empty() {
                assert_eq!(canonical(&Network::MATRIX, room_address), None, "{room_address}");
                continue;
            }
            let address = room(&Network::MATRIX, room_address);
            assert_eq!(write_on_xmpp(&address, "matrix.gw.example").as_deref(), Some(jid));
            let read = read_on_xmpp(&format!("{jid}/Nick/with"), [(&component, "matrix.gw.example")].into_iter());
            assert_eq!(read, Some(address), "{jid}");
        }
    }

    #[test]
    fn mucs_are_aliases() {
        let networks = [Network::MATRIX, Network::XMPP];
        for (muc, alias) in [
            ("team@conference.xmpp.example", "#_xmpp_team=40conference.xmpp.example:hs.example"),
            ("a\\20b@c.example", "#_xmpp_a=5c20b=40c.example:hs.example"),
        ] {
            let address = room(&Network::XMPP, muc);
            assert_eq!(write_on_matrix(&address, "hs.example").as_deref(), Some(alias));
            assert_eq!(read_on_matrix(alias, "hs.example", &networks), Some(address));
        }
        for alias in [
            "#plan:hs.example",
            "#_xmpp_conference.xmpp.example:hs.example",
            "#_irc_x=40y:hs.example",
            "#_xmpp_Team=40x:hs.example",
        ] {
            assert_eq!(read_on_matrix(alias, "hs.example", &networks), None, "{alias}");
        }
    }

    #[test]
    fn what_is_no_room() {
        for text in ["alice", "@alice:hs.example", "#plan", "#:hs.example", "!a b", "#plan:bad host"] {
            assert_eq!(canonical(&Network::MATRIX, text), None, "{text}");
        }
        assert_eq!(canonical(&Network::XMPP, "conference.xmpp.example"), None);
        let components = [(&Network::MATRIX, "matrix.gw.example")];
        for text in ["alice%hs.example@matrix.gw.example", "#plan%hs.example@mail.gw.example", "matrix.gw.example"] {
            assert_eq!(read_on_xmpp(text, components.into_iter()), None, "{text}");
        }
    }
}
