// SPDX-License-Identifier: EUPL-1.2
//! The canonical form of addresses: the text by which each network compares them.

pub mod mail;
pub mod matrix;
pub mod xmpp;

use dreiklang_model::{Address, AddressError, Network};

/// Why a text is not an address of that network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// It has not the form of an address (`@local:server`, `local@domain`).
    #[error("this has not the form of an address")]
    Form,
    /// What stands before the server is empty or contains what the network forbids.
    #[error("the part before the server's name is not allowed")]
    Local,
    /// The server's name is none.
    #[error("the server's name is not allowed")]
    Domain,
    /// Longer than the network allows.
    #[error("the address is too long")]
    TooLong,
}

impl From<AddressError> for NotCanonical {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::TooLong => Self::TooLong,
            AddressError::Empty | AddressError::Illegal => Self::Form,
        }
    }
}

/// Reads an address of `network` as that network writes it and answers with its canonical form. White space around it
/// is ignored. Networks other than Matrix, XMPP and mail have no normal form here: their text is taken as it stands.
///
/// # Errors
/// [`NotCanonical`] when it is no address of that network.
pub fn canonical(network: &Network, text: &str) -> Result<Address, NotCanonical> {
    let text = text.trim();
    let value = if *network == Network::MATRIX {
        matrix::user_id(text)?
    } else if *network == Network::XMPP {
        xmpp::bare_jid(text)?
    } else if *network == Network::MAIL {
        mail::mailbox(text)?
    } else {
        text.to_owned()
    };
    Ok(Address::new(network.clone(), value)?)
}
