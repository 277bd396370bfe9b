// SPDX-License-Identifier: EUPL-1.2
//! Whom a text mentions: found by how the author's network writes him when it arrives, and written as the target does when it is delivered.
//! Whoever cannot be written there stays as a name.

use dreiklang_model::{
    Address, Message, Network, Text, What,
    rich::{Leaf, Span},
};

use crate::{
    organisation::Live,
    port::{Reading, StoreError, bot},
};

/// How many people one text mentions at most; further ones stay as names. Each of them may cost a question to the store.
const MOST: usize = 50;

/// The same with everybody whom it mentions named by his address at home.
pub(crate) async fn at_home<R>(live: &Live, network: &Network, what: What<R>) -> Result<What<R>, StoreError> {
    let mut homes = Vec::new();
    for who in mentioned(&what) {
        let home = home(live, network, &who).await?;
        homes.push((who, home));
    }
    Ok(renamed(what, &homes))
}

/// The same with everybody whom it mentions written as he is on `network`.
pub(crate) async fn on<R>(live: &Live, network: &Network, what: What<R>) -> Result<What<R>, StoreError> {
    let mut written = Vec::new();
    for who in mentioned(&what) {
        let there = written_on(live, network, &who).await?;
        written.push((who, there));
    }
    Ok(renamed(what, &written))
}

async fn home(live: &Live, network: &Network, who: &Address) -> Result<Option<Address>, StoreError> {
    Ok(match live.organisation.book.read(who.as_str(), network) {
        Reading::Ghost { address, .. } => Some(address),
        Reading::Stored(written) => live.store.ghost(live.key, network, &written).await?.map(|persona| persona.account),
        Reading::Bot => bot(),
        Reading::Foreign => (who.network() == network).then(|| who.clone()),
    })
}

/// Mentioning somebody does not make him known: nothing is stored.
async fn written_on(live: &Live, network: &Network, who: &Address) -> Result<Option<Address>, StoreError> {
    if who.network() == network {
        return Ok(Some(who.clone()));
    }
    let standing = match live.store.known_persona(live.key, who).await? {
        Some(persona) => live.store.written(live.key, persona.id, network).await?,
        None => None,
    };
    let written = standing.or_else(|| live.organisation.book.write(who, network).ok());
    Ok(written.and_then(|written| Address::new(network.clone(), written.as_str()).ok()))
}

fn text<R>(what: &What<R>) -> Option<&Text> {
    match what {
        What::Message(Message { text, .. }) | What::Edit { to: Message { text, .. }, .. } => Some(text),
        _ => None,
    }
}

/// Everybody who is mentioned, once.
fn mentioned<R>(what: &What<R>) -> Vec<Address> {
    let spans = text(what).and_then(Text::rich).map(|rich| rich.spans()).unwrap_or_default();
    let mut all: Vec<Address> = Vec::new();
    for span in spans {
        if let Leaf::Mention { who, .. } = &span.leaf
            && all.len() < MOST
            && !all.contains(who)
        {
            all.push(who.clone());
        }
    }
    all
}

fn renamed<R>(mut what: What<R>, names: &[(Address, Option<Address>)]) -> What<R> {
    // Without mentions the text stays as it is, whatever it is.
    if !text(&what).is_some_and(|text| text.formats().has(dreiklang_model::Format::Mention)) {
        return what;
    }
    let change = &mut |span: Span| {
        let Leaf::Mention { who, name } = span.leaf else { return vec![span] };
        let known = names.iter().find(|(address, _)| *address == who).and_then(|(_, there)| there.clone());
        let leaf = match known {
            Some(who) => Leaf::Mention { who, name },
            None => Leaf::Text(name),
        };
        vec![Span { leaf, ..span }]
    };
    if let What::Message(message) | What::Edit { to: message, .. } = &mut what {
        message.text = message.text.clone().map_spans(change);
    }
    what
}
