// SPDX-License-Identifier: EUPL-1.2
//! What holds only for a moment, as adapters sense it and as they show it. How it finds its way is `signals.rs`.

use dreiklang_model::{Address, Presence, Typing};

use super::Recipient;
use crate::{Ghost, Leg};

/// What an adapter senses on its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sensed {
    /// Somebody is writing to somebody, or no longer.
    Typing {
        /// Who.
        from: Address,
        /// To whom, named as in his messages.
        to: Recipient,
        /// Whether.
        typing: Typing,
    },
    /// Somebody is there, or no longer.
    Presence {
        /// Who.
        of: Address,
        /// How.
        presence: Presence,
    },
}

/// What an adapter shows on its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The ghost of this leg is writing to its person, or no longer.
    Typing {
        /// Where.
        leg: Box<Leg>,
        /// Whether.
        typing: Typing,
    },
    /// A ghost is there, or no longer: for those who may see it.
    Presence {
        /// Who.
        ghost: Ghost,
        /// How.
        presence: Presence,
    },
}
