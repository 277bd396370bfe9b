// SPDX-License-Identifier: EUPL-1.2
//! An address book that hides nothing: `bob@x` of XMPP is written `xmpp|bob@x` everywhere. For tests of the engine.

use dreiklang_engine::port::{AddressBook, NoAddress, Reading};
use dreiklang_model::{Address, Network, RoomAddress, Written};

/// The book. An address that contains `!` has no readable form and gets the alias `~<salt>`.
#[derive(Debug, Clone)]
pub struct PlainBook {
    /// The networks that are connected.
    pub networks: Vec<Network>,
}

impl AddressBook for PlainBook {
    fn write(&self, address: &Address, on: &Network) -> Result<Written, NoAddress> {
        if !self.networks.contains(on) || address.network() == on {
            return Err(NoAddress::NotConnected);
        }
        if address.as_str().contains('!') {
            return Err(NoAddress::Unreadable);
        }
        Ok(Written::new(format!("{}|{}", address.network(), address.as_str())).unwrap())
    }

    fn alias(&self, _: &Address, on: &Network, salt: u32) -> Result<Written, NoAddress> {
        if self.networks.contains(on) { Ok(Written::new(format!("~{salt}")).unwrap()) } else { Err(NoAddress::NotConnected) }
    }

    fn read(&self, text: &str, _: &Network) -> Reading {
        if text == "gateway|bot" {
            return Reading::Bot;
        }
        if text.starts_with('~') {
            return Reading::Stored(Written::new(text).unwrap());
        }
        let Some((network, address)) = text.split_once('|') else { return Reading::Foreign };
        let address = Address::new(Network::new(network).unwrap(), address).unwrap();
        Reading::Ghost { address, written: Written::new(text).unwrap() }
    }

    fn resolve(&self, pasted: &str, from: &Network) -> Vec<Address> {
        match self.read(pasted, from) {
            Reading::Ghost { address, .. } => vec![address],
            _ => Vec::new(),
        }
    }

    /// `#plan` of the network `left` is written `left#plan` everywhere.
    fn read_room(&self, text: &str, on: &Network) -> Option<RoomAddress> {
        let (network, name) = text.split_once('#')?;
        let network = Network::new(network).ok().filter(|network| network != on && self.networks.contains(network))?;
        RoomAddress::new(network, format!("#{name}")).ok()
    }

    fn write_room(&self, room: &RoomAddress, on: &Network) -> Option<Written> {
        (room.network() != on).then(|| Written::new(format!("{}{}", room.network(), room.as_str())).unwrap())
    }

    fn resolve_room(&self, pasted: &str, from: &Network) -> Vec<RoomAddress> {
        self.read_room(pasted, from).into_iter().collect()
    }

    fn networks(&self) -> Vec<Network> {
        self.networks.clone()
    }
}
