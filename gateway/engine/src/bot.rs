// SPDX-License-Identifier: EUPL-1.2
//! The bot: the same words on every network. It answers in the conversation in which it was asked.

use std::sync::Arc;

use dreiklang_model::{
    Address, DeliveryId, DisplayName, Event, Kind, Message, Network, Reason, What,
    words::{self, Text},
};

use crate::{
    invitations::{self, Invited, Whom},
    leg::shown_name,
    linking::{self, Wish},
    organisation::Live,
    port::{LaneKey, NewRow, Persona, StoreError},
    router,
};

/// A day in seconds.
const DAY: u64 = 24 * 60 * 60;

/// What somebody asks of the bot.
#[derive(Debug, PartialEq, Eq)]
enum Command<'a> {
    Help,
    Chat(&'a str),
    ChatWhom,
    Invite(Option<&'a str>),
    Policy,
    Link(&'a str, &'a str),
    Unlink(&'a str),
    RoomsHow,
    Unknown(&'a str),
}

fn command(text: &str) -> Command<'_> {
    let text = text.trim().trim_start_matches(['!', '/']);
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match word.to_lowercase().as_str() {
        "help" | "hilfe" | "?" | "" => Command::Help,
        "chat" if rest.trim().is_empty() => Command::ChatWhom,
        "chat" => Command::Chat(rest.trim()),
        "invite" | "einladen" | "einladung" => Command::Invite(Some(rest.trim()).filter(|whom| !whom.is_empty())),
        "link" | "verbinden" => match rest.split_whitespace().collect::<Vec<_>>()[..] {
            [one, other] => Command::Link(one, other),
            _ => Command::RoomsHow,
        },
        "unlink" | "trennen" if !rest.trim().is_empty() => Command::Unlink(rest.trim()),
        "unlink" | "trennen" => Command::RoomsHow,
        "policy" | "datenschutz" => Command::Policy,
        _ => Command::Unknown(word),
    }
}

/// The rows that answer `event`, which `author` sent to the bot on `network`. Notices of programs are not answered.
pub(crate) async fn answer(
    live: &Arc<Live>,
    network: &Network,
    author: &Persona,
    event: &Event,
) -> Result<Vec<NewRow>, StoreError> {
    let What::Message(message) = &event.what else { return Ok(Vec::new()) };
    if message.kind == Kind::Notice {
        return Ok(Vec::new());
    }
    let organisation = live.organisation.name.as_str();
    let say = |text: &Text<'_>| words::say(live.organisation.language, text);
    let mut opened = None;
    let said = match command(&message.text.reading()) {
        Command::Help => say(&Text::BotHelp { organisation }),
        Command::Policy => say(&Text::BotPolicy { organisation }),
        Command::ChatWhom => say(&Text::BotChatUsage),
        Command::Unknown(word) => say(&Text::BotUnknown { word }),
        Command::Chat(pasted) => match open(live, network, author, pasted).await? {
            Ok(chat) => {
                let chat = opened.insert(chat);
                say(&Text::BotChatReady { name: chat.name.as_str(), address: &chat.written })
            }
            Err(reason) => say(&refusal(&reason, pasted)),
        },
        Command::RoomsHow => say(&Text::BotRoomsUsage),
        Command::Link(..) | Command::Unlink(_) if !live.organisation.policy.is_administrator(&author.account) => {
            say(&Text::Failed { reason: &Reason::Forbidden })
        }
        Command::Link(one, other) => {
            let wish = Wish::Link(one.to_owned(), other.to_owned());
            linking::wished(live, wish, (event.conversation, network.clone())).await?;
            say(&Text::BotRoomsWait)
        }
        Command::Unlink(one) => {
            linking::wished(live, Wish::Unlink(one.to_owned()), (event.conversation, network.clone())).await?;
            say(&Text::BotRoomsWait)
        }
        Command::Invite(None) => say(&invitation(live, invitations::invite(live, author).await?.as_ref(), true)),
        Command::Invite(Some(pasted)) => match invitations::person(live, Whom::Person(pasted), network).await? {
            Ok(person) => say(&invitation(live, invitations::invite(live, &person).await?.as_ref(), person.id == author.id)),
            Err(reason) => say(&refusal(&reason, pasted)),
        },
    };
    let answer = What::Message(Message::notice(said));
    let mut rows = vec![row(live, LaneKey { conversation: event.conversation, network: network.clone() }, answer)];
    rows.extend(opened.map(|chat| row(live, chat.lane, What::Opened)));
    Ok(rows)
}

/// Why an address leads to nobody.
fn refusal<'a>(reason: &Reason, address: &'a str) -> Text<'a> {
    match reason {
        Reason::NotConnected => Text::BotNotConnected { address },
        Reason::Forbidden => Text::Failed { reason: &Reason::Forbidden },
        _ => Text::BotAddressUnknown { address },
    }
}

/// The answer with an invitation; `own`: it leads to the one who asked.
fn invitation<'a>(live: &Live, invited: Option<&'a Invited>, own: bool) -> Text<'a> {
    let Some(Invited { ghost, invitation, .. }) = invited else { return Text::BotNoInvitation };
    let days = invitation.expires.since(live.clock.now()).as_secs().div_ceil(DAY);
    match own {
        true => Text::BotInvitationOwn { link: &invitation.link, days },
        false => Text::BotInvitation { name: ghost.name.as_str(), link: &invitation.link, days },
    }
}

struct Chat {
    lane: LaneKey,
    name: DisplayName,
    written: String,
}

async fn open(live: &Live, network: &Network, author: &Persona, pasted: &str) -> Result<Result<Chat, Reason>, StoreError> {
    let Some(address) = router::choose(live, network, pasted).await? else { return Ok(Err(Reason::UnknownRecipient)) };
    if let Err(reason) = reachable(live, &address) {
        return Ok(Err(reason));
    }
    let other = live.persona(&address, None).await?;
    let conversation = match router::direct(live, author, &other).await? {
        Ok(conversation) => conversation,
        Err(reason) => return Ok(Err(reason)),
    };
    let lane = LaneKey { conversation, network: network.clone() };
    let Some(leg) = live.leg_row(&lane).await? else { return Ok(Err(Reason::NotConnected)) };
    let name = shown_name(live, &other.account, other.name.as_ref());
    Ok(Ok(Chat { lane, name, written: leg.ghost.as_str().to_owned() }))
}

fn reachable(live: &Live, address: &Address) -> Result<(), Reason> {
    if !live.adapters.contains_key(address.network()) {
        return Err(Reason::NotConnected);
    }
    live.organisation.policy.admits(address)
}

fn row(live: &Live, lane: LaneKey, what: What) -> NewRow {
    let now = live.clock.now();
    let id = live.new_event();
    NewRow {
        organisation: live.key,
        delivery: DeliveryId { event: id, part: 0 },
        source: Network::GATEWAY,
        native: None,
        event: Event { id, conversation: lane.conversation, author: None, sent_at: now, what, echo: None },
        lane,
        accepted_at: now,
        wants_receipt: false,
        held: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_bot() {
        for (text, meant) in [
            ("help", Command::Help),
            ("  Hilfe ", Command::Help),
            ("!help", Command::Help),
            ("chat @alice:hs", Command::Chat("@alice:hs")),
            ("CHAT   xmpp:bob@x ", Command::Chat("xmpp:bob@x")),
            ("chat", Command::ChatWhom),
            ("invite", Command::Invite(None)),
            ("Einladung  xmpp:bob@x", Command::Invite(Some("xmpp:bob@x"))),
            ("policy", Command::Policy),
            ("link #a:hs  b@muc ", Command::Link("#a:hs", "b@muc")),
            ("link #a:hs", Command::RoomsHow),
            ("unlink #a:hs", Command::Unlink("#a:hs")),
            ("unlink", Command::RoomsHow),
            ("hello there", Command::Unknown("hello")),
        ] {
            assert_eq!(command(text), meant, "{text}");
        }
    }
}
