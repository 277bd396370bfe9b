// SPDX-License-Identifier: EUPL-1.2
//! How long what is said in a conversation lasts after it was read. Whoever can sets it for both sides (XEP-0466 §3.3, Delta Chat); what
//! people of other networks say lasts as long, and they are told when it changes, not with every message.

use std::collections::HashMap;

use dreiklang_model::{ConversationId, Lifetime, Message, Network, What};

use crate::{organisation::Live, port::StoreError};

/// Changes that arrive together: the store does not know them yet.
#[derive(Default)]
pub(crate) struct Changes {
    now: HashMap<ConversationId, Option<Lifetime>>,
    /// Which arrival changes what, in order.
    by: Vec<(usize, ConversationId, Option<Lifetime>)>,
    arrival: usize,
}

impl Changes {
    /// What is changed from here on is changed by this arrival. What it changed under the same number before was refused.
    pub(crate) fn by(&mut self, arrival: usize) -> &mut Self {
        self.by.retain(|(by, ..)| *by != arrival);
        self.now = self.by.iter().map(|(_, conversation, timer)| (*conversation, *timer)).collect();
        self.arrival = arrival;
        self
    }

    fn set(&mut self, conversation: ConversationId, timer: Option<Lifetime>) {
        self.now.insert(conversation, timer);
        self.by.push((self.arrival, conversation, timer));
    }
}

/// What somebody says, and how that changes the conversation's timer.
pub(crate) struct Timed {
    /// Lasting as long as everything in the conversation; nothing when it says what holds already.
    pub(crate) what: Option<What>,
    /// What holds from now on, if that is new.
    pub(crate) changed: Option<Option<Lifetime>>,
}

fn key(conversation: ConversationId) -> String {
    format!("timer/{conversation}")
}

/// What holds in a conversation.
async fn standing(live: &Live, conversation: ConversationId, changes: &Changes) -> Result<Option<Lifetime>, StoreError> {
    if let Some(changed) = changes.now.get(&conversation) {
        return Ok(*changed);
    }
    if let Some(known) = live.timers.get(&conversation) {
        return Ok(known);
    }
    let note = live.store.note(live.key, &Network::GATEWAY, &key(conversation)).await?;
    let timer = note.as_deref().and_then(Lifetime::read);
    live.timers.insert(conversation, timer);
    Ok(timer)
}

/// What something means for the timer of its conversation, and the timer for it. A message that bears none says nothing about it: most
/// programs know no timers.
pub(crate) async fn timed(
    live: &Live,
    conversation: ConversationId,
    what: What,
    changes: &mut Changes,
) -> Result<Timed, StoreError> {
    let new = match &what {
        What::Timer(timer) => *timer,
        What::Message(Message { expires: Some(own), .. }) => Some(*own),
        _ => {
            let what = match what {
                What::Message(message) => {
                    What::Message(Message { expires: standing(live, conversation, changes).await?, ..message })
                }
                other => other,
            };
            return Ok(Timed { what: Some(what), changed: None });
        }
    };
    if standing(live, conversation, changes).await? == new {
        return Ok(Timed { what: Some(what).filter(|what| !matches!(what, What::Timer(_))), changed: None });
    }
    changes.set(conversation, new);
    Ok(Timed { what: Some(what), changed: Some(new) })
}

/// Writes down what has changed, after what changed it is durable: whoever dies between tells people once more. `new`: which arrivals are
/// no repeats; what was said long ago and comes again changes nothing.
pub(crate) async fn keep(live: &Live, changes: Changes, new: &[bool]) -> Result<(), StoreError> {
    let changes = changes.by.into_iter().filter(|(by, ..)| new.get(*by) == Some(&true));
    for (_, conversation, timer) in changes {
        let seconds = timer.map(|timer| timer.seconds().to_string());
        live.store.set_note(live.key, &Network::GATEWAY, &key(conversation), seconds.as_deref()).await?;
        live.timers.insert(conversation, timer);
    }
    Ok(())
}
