// SPDX-License-Identifier: EUPL-1.2
//! A conversation's leg as an adapter sees it.

use dreiklang_model::{Address, ChatId, ConversationId, DisplayName, Network, PersonaId, PictureHash, Written};

use crate::{naming, organisation::Live, port::LegRow};

/// A person on the adapter's own network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub persona: PersonaId,
    /// The address there.
    pub address: Address,
}

/// One leg of a direct conversation: a person on this network, and the ghost of the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// The conversation.
    pub conversation: ConversationId,
    /// The person on this network.
    pub user: Person,
    /// The ghost's address on this network.
    pub ghost: Written,
    /// Whose ghost it is.
    pub other: Person,
    /// The ghost's name; never empty: without a known name it is the address of the other one.
    pub ghost_name: DisplayName,
    /// The picture that is shown of the ghost.
    pub ghost_picture: Option<PictureHash>,
    /// The ghost is the bot.
    pub bot: bool,
    /// The chat it is bound to (a Matrix room); networks without chats leave it open.
    pub chat: Option<ChatId>,
    /// The adapter's own notes.
    pub notes: Option<String>,
}

impl Leg {
    pub(crate) fn from_row(row: LegRow, live: &Live) -> Self {
        let bot = *row.other.account.network() == Network::GATEWAY;
        let ghost_name = if bot { live.bot_name.clone() } else { shown_name(live, &row.other.account, row.other.name.as_ref()) };
        Self {
            conversation: row.conversation,
            user: Person { persona: row.user.id, address: row.user.account },
            ghost: row.ghost,
            other: Person { persona: row.other.id, address: row.other.account },
            ghost_name,
            ghost_picture: row.other.picture,
            bot,
            chat: row.chat,
            notes: row.notes,
        }
    }
}

/// The name to show for somebody: his own, or else his address; with his network where it could be taken for somebody else's.
pub(crate) fn shown_name(live: &Live, account: &Address, name: Option<&DisplayName>) -> DisplayName {
    let name = name.filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| DisplayName::new(account.as_str()));
    naming::marked(name, account, [live.bot_name.as_str(), &live.organisation.name])
}
