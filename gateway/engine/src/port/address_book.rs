// SPDX-License-Identifier: EUPL-1.2
//! The port through which the engine turns addresses of one network into ghosts on another.
//! One address book serves one organisation; it is pure: no I/O, and the same question always has the same answer.

use dreiklang_model::{Address, Network, RoomAddress, Written};

/// Why an address cannot be written on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// The organisation has not connected that network, or the address is its own.
    #[error("that network is not connected")]
    NotConnected,
    /// No readable form exists there (too long, or not canonical): it needs a stored alias.
    #[error("the address has no readable form there")]
    Unreadable,
}

/// What an address on one of our networks stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The ghost of that person. `written` is the one canonical form of the ghost's address.
    Ghost {
        /// Who it is.
        address: Address,
        /// The canonical form of what was read.
        written: Written,
    },
    /// Has the form of a stored alias; the store knows whose, if anybody's.
    Stored(Written),
    /// The bot.
    Bot,
    /// Not one of ours.
    Foreign,
}

/// How people's addresses appear on other networks.
pub trait AddressBook: Send + Sync + 'static {
    /// The readable form of `address` on network `on`. The address of the bot (network `gateway`) is written, too.
    ///
    /// # Errors
    /// [`NoAddress`].
    fn write(&self, address: &Address, on: &Network) -> Result<Written, NoAddress>;

    /// A short alias for an address without a readable form; `salt` counts up in the case of a collision.
    ///
    /// # Errors
    /// [`NoAddress::NotConnected`] only.
    fn alias(&self, address: &Address, on: &Network, salt: u32) -> Result<Written, NoAddress>;

    /// What `text`, an address on network `on`, stands for. Accepts every form that people's clients may make of it
    /// (capitals, the XEP-0106 form, the underscore form) and answers with the canonical one.
    fn read(&self, text: &str, on: &Network) -> Reading;

    /// Who may be meant by something pasted or typed by a user of network `from`: `@alice:hs`, `xmpp:bob@server`,
    /// `mailto:…`, `matrix:u/…`, `bob@server`, a ghost's address of any network. Most likely first; never an address of
    /// `from` itself. An address like `bob@server` may be of XMPP or mail: both are named.
    fn resolve(&self, pasted: &str, from: &Network) -> Vec<Address>;

    /// The room of another network that `text`, an address on network `on`, stands for (`#plan%hs.example@matrix.gw.example`,
    /// `#_xmpp_team=40conference.xmpp.example:hs.example`); [`None`]: it is no such address.
    fn read_room(&self, text: &str, on: &Network) -> Option<RoomAddress>;

    /// The readable form of a room's address on network `on`; [`None`]: it has none there.
    fn write_room(&self, room: &RoomAddress, on: &Network) -> Option<Written>;

    /// Which room somebody of network `from` may mean by what he pasted or typed (`#plan:hs.example`, a MUC's address, `xmpp:…?join`,
    /// `https://matrix.to/#/…`). Most likely first; never a room of `from` itself.
    fn resolve_room(&self, pasted: &str, from: &Network) -> Vec<RoomAddress>;

    /// The networks that are connected.
    fn networks(&self) -> Vec<Network>;
}

/// The bot's address on the gateway's own network.
#[must_use]
pub fn bot() -> Option<Address> {
    Address::new(Network::GATEWAY, "bot").ok()
}
