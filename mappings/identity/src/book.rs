// SPDX-License-Identifier: EUPL-1.2
//! One organisation's address book: the plan and the codecs behind the engine's port.

use dreiklang_engine::port::{AddressBook, NoAddress, Reading, bot};
use dreiklang_model::{Address, Network, RoomAddress, Written};

use crate::{
    canonical::{self, canonical},
    codec::{self, Found},
    parts::parts,
    pasted::{self, Pasted},
    plan::Plan,
    stored,
};

/// The address book of one organisation.
#[derive(Debug, Clone)]
pub struct Book {
    plan: Plan,
    networks: Vec<Network>,
}

impl Book {
    /// A book by that plan.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { networks: plan.networks(), plan }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    fn connected(&self, network: &Network) -> bool {
        self.networks.contains(network)
    }

    /// What a text stands for in our part of network `on`; `None` outside of it.
    fn find(&self, text: &str, on: &Network) -> Option<Found> {
        if *on == Network::MATRIX {
            codec::mxid::read(text, self.plan.server_name()?, &self.networks)
        } else if *on == Network::XMPP {
            codec::jid::read(text, self.plan.components())
        } else if *on == Network::MAIL {
            codec::mail::read(text, self.plan.mail_domain()?, &self.networks)
        } else {
            None
        }
    }

    /// Is this address one of our ghosts, or the bot, on its own network? A ghost of a ghost would be a loop.
    fn is_ours(&self, address: &Address) -> bool {
        self.find(address.as_str(), address.network()).is_some()
    }

    fn readable(&self, address: &Address, on: &Network) -> Result<String, NoAddress> {
        if *address.network() == Network::GATEWAY {
            return self.bot_on(address, on).ok_or(NoAddress::NotConnected);
        }
        self.may_appear(address, on)?;
        // Somebody in a room whose own address nobody knows: there is no form of his that could be typed.
        if *address.network() == Network::XMPP && address.as_str().contains('/') {
            return Err(NoAddress::Unreadable);
        }
        let readable = if *on == Network::MATRIX {
            codec::mxid::write(address, self.plan.server_name().ok_or(NoAddress::NotConnected)?)
        } else if *on == Network::XMPP {
            codec::jid::write(address, self.plan.component_of(address.network()).ok_or(NoAddress::NotConnected)?)
        } else if *on == Network::MAIL {
            codec::mail::write(address, self.plan.mail_domain().ok_or(NoAddress::NotConnected)?)
        } else {
            return Err(NoAddress::NotConnected);
        };
        readable.map_err(|_| NoAddress::Unreadable)
    }

    /// The room of another network that an address of ours on `on` stands for.
    fn room(&self, text: &str, on: &Network) -> Option<RoomAddress> {
        if *on == Network::MATRIX {
            codec::room::read_on_matrix(text, self.plan.server_name()?, &self.networks)
        } else if *on == Network::XMPP {
            codec::room::read_on_xmpp(text, self.plan.components())
        } else {
            None
        }
    }

    /// Does this address name a room of another network? A room of ours shown as somebody else's would be a loop.
    fn is_our_room(&self, room: &RoomAddress) -> bool {
        self.room(room.as_str(), room.network()).is_some()
    }

    fn may_appear(&self, address: &Address, on: &Network) -> Result<(), NoAddress> {
        let foreign = address.network() != on && self.connected(address.network()) && self.connected(on);
        if foreign && !self.is_ours(address) { Ok(()) } else { Err(NoAddress::NotConnected) }
    }

    fn bot_on(&self, address: &Address, on: &Network) -> Option<String> {
        if bot().as_ref() != Some(address) {
            None
        } else if *on == Network::MATRIX {
            self.plan.server_name().map(|server| format!("@{}:{server}", codec::mxid::BOT))
        } else if *on == Network::XMPP {
            self.plan.bot_component().map(str::to_owned)
        } else if *on == Network::MAIL {
            self.plan.mail_domain().map(|domain| format!("{}@{domain}", codec::mail::BOT))
        } else {
            None
        }
    }

    /// Who is meant by an address of `network`: the person behind a ghost, or a person there who is none of ours.
    fn person(&self, network: &Network, text: &str) -> Option<Address> {
        match self.find(text, network) {
            Some(Found::Ghost(address)) => Some(address),
            Some(Found::Stored(..) | Found::Bot | Found::Nobody) => None,
            None => typed(network, text),
        }
    }

    /// Who is meant by `local@domain`: the one person behind a ghost, or somebody on XMPP or mail.
    fn people(&self, text: &str) -> Vec<Address> {
        let ours = [Network::XMPP, Network::MAIL].iter().find_map(|network| self.find(text, network));
        if let Some(found) = ours {
            return if let Found::Ghost(address) = found { vec![address] } else { Vec::new() };
        }
        [Network::XMPP, Network::MAIL]
            .iter()
            .filter_map(|network| typed(network, text))
            .filter(|address| parts(address).is_some())
            .collect()
    }
}

/// An address as people type it: what mail must quote, they do, or it is something else altogether.
fn typed(network: &Network, text: &str) -> Option<Address> {
    let legal = *network != Network::MAIL || canonical::mail::is_typed(text);
    canonical(network, text).ok().filter(|_| legal)
}

impl AddressBook for Book {
    fn write(&self, address: &Address, on: &Network) -> Result<Written, NoAddress> {
        Written::new(self.readable(address, on)?).map_err(|_| NoAddress::Unreadable)
    }

    fn alias(&self, address: &Address, on: &Network, salt: u32) -> Result<Written, NoAddress> {
        if *address.network() == Network::GATEWAY {
            return self.write(address, on);
        }
        self.may_appear(address, on)?;
        let (network, tail) = (address.network(), stored::tail(self.plan.key(), address, on, salt));
        let alias = if *on == Network::MATRIX {
            self.plan.server_name().map(|server| codec::mxid::alias(network, &tail, server))
        } else if *on == Network::XMPP {
            self.plan.component_of(network).map(|component| codec::jid::alias(&tail, component))
        } else {
            self.plan.mail_domain().map(|domain| codec::mail::alias(network, &tail, domain))
        };
        alias.and_then(|alias| Written::new(alias).ok()).ok_or(NoAddress::NotConnected)
    }

    fn read(&self, text: &str, on: &Network) -> Reading {
        let reading = match self.find(text, on) {
            Some(Found::Ghost(address)) => self.write(&address, on).ok().map(|written| Reading::Ghost { address, written }),
            Some(Found::Stored(network, alias)) if self.connected(&network) => Written::new(alias).ok().map(Reading::Stored),
            Some(Found::Bot) => Some(Reading::Bot),
            Some(Found::Stored(..) | Found::Nobody) | None => None,
        };
        reading.unwrap_or(Reading::Foreign)
    }

    fn resolve(&self, pasted: &str, from: &Network) -> Vec<Address> {
        let mut all: Vec<Address> = Vec::new();
        for one in pasted::read(pasted) {
            let people = match one {
                Pasted::Of(network, text) => self.person(&network, &text).into_iter().collect(),
                Pasted::Bare(text) => self.people(&text),
            };
            for person in people {
                let meant = person.network() != from && self.connected(person.network()) && !self.is_ours(&person);
                if meant && !all.contains(&person) {
                    all.push(person);
                }
            }
        }
        all
    }

    fn read_room(&self, text: &str, on: &Network) -> Option<RoomAddress> {
        self.room(text, on).filter(|room| self.connected(room.network()) && !self.is_our_room(room))
    }

    fn write_room(&self, room: &RoomAddress, on: &Network) -> Option<Written> {
        if room.network() == on || !self.connected(room.network()) || !self.connected(on) || self.is_our_room(room) {
            return None;
        }
        let written = if *on == Network::MATRIX {
            codec::room::write_on_matrix(room, self.plan.server_name()?)
        } else if *on == Network::XMPP {
            codec::room::write_on_xmpp(room, self.plan.component_of(room.network())?)
        } else {
            None
        };
        written.and_then(|written| Written::new(written).ok())
    }

    fn resolve_room(&self, pasted: &str, from: &Network) -> Vec<RoomAddress> {
        let text = pasted::room(pasted);
        let mut all: Vec<RoomAddress> = Vec::new();
        for network in &self.networks {
            // One of our own addresses names the room behind it.
            let room = self.room(&text, network).or_else(|| codec::room::canonical(network, &text));
            let meant = room.filter(|room| room.network() != from && self.connected(room.network()) && !self.is_our_room(room));
            all.extend(meant.filter(|room| !all.contains(room)));
        }
        all
    }

    fn networks(&self) -> Vec<Network> {
        self.networks.clone()
    }
}
