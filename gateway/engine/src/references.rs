// SPDX-License-Identifier: EUPL-1.2
//! What an event refers to: found by the names of its author's network when it arrives, and by those of the target when it is
//! delivered. What becomes of an event whose reference is unknown is the model's (`refer.rs`).

use std::{collections::HashMap, time::Duration};

use dreiklang_model::{
    ConversationId, EventId, Feature, MOST_REACTIONS, NativeId, Network, PersonaId, Placed, Reactions, Referred, Side, What,
};
use tokio::time::Instant;

use crate::{
    mentions,
    organisation::Live,
    port::{Arrival, Change, Known, LaneKey, ReactionChange, Role, StoreError},
};

/// How long things that arrive together and refer to unknown messages are kept waiting for deliveries under way, all in all: others
/// may be behind them.
const PATIENCE: Duration = Duration::from_secs(3);

/// Names of things that arrive together: the store does not know them yet.
pub(crate) struct Batch {
    names: HashMap<(ConversationId, NativeId), (EventId, Role, Option<PersonaId>)>,
    patience: Instant,
}

impl Default for Batch {
    fn default() -> Self {
        Self { names: HashMap::new(), patience: Instant::now() + PATIENCE }
    }
}

impl Batch {
    /// A thing that is about to be stored.
    pub(crate) fn add(&mut self, arrival: &Arrival) {
        self.names.insert((arrival.conversation, arrival.native.clone()), (arrival.event, arrival.role, arrival.author));
    }
}

/// What somebody may do to the messages of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// One of the two people of a direct conversation.
    OneOfTwo,
    /// Somebody in a room.
    Member,
    /// Somebody in a room who may take back what others said.
    Moderator,
}

/// What an event means once its references are found.
pub(crate) struct Meant {
    /// What is left of it to say.
    pub(crate) what: Option<What>,
    /// What was lost because a reference is not known.
    pub(crate) lost: Option<Feature>,
    /// What the event's own name stands for from now on.
    pub(crate) role: Role,
    /// What becomes of its author's reactions.
    pub(crate) reaction: Option<ReactionChange>,
}

/// What somebody on `network` means by `what`, which bears the name `native` there.
pub(crate) async fn meant(
    live: &Live,
    network: &Network,
    conversation: ConversationId,
    (author, rights): (PersonaId, Rights),
    native: &NativeId,
    what: What<NativeId>,
    batch: &Batch,
) -> Result<Meant, StoreError> {
    let what = mentions::at_home(live, network, what).await?;
    let mut found = HashMap::new();
    for name in what.references() {
        let known = match batch.names.get(&(conversation, name.clone())) {
            Some((event, role, author)) => match live.store.find(conversation, network, name).await? {
                Some(known) => Some(known),
                // It arrives together with what refers to it.
                None => Some(Known { event: *event, role: *role, origin: true, author: *author }),
            },
            None => find(live, network, conversation, name, batch.patience).await?,
        };
        found.extend(known.map(|known| (name.clone(), known)));
    }
    // Where each reaction is an event of its own, taking that back takes the reaction back.
    if let What::Retract { of } = &what
        && let Some(Known { role: Role::Reaction(message), author: whose, .. }) = found.get(of).copied()
    {
        let with = Reactions::All(Vec::new());
        // In a room others may not; and whoever may takes it back in that person's name, which his network does by itself.
        if rights != Rights::OneOfTwo && whose != Some(author) {
            return Ok(Meant { what: None, lost: Some(Feature::Retraction), role: Role::Nothing, reaction: None });
        }
        let reaction = ReactionChange { message, persona: author, change: Change::Remove(of.clone()) };
        let what = Some(What::React { to: message, with });
        return Ok(Meant { what, lost: None, role: Role::Nothing, reaction: Some(reaction) });
    }
    // Only its author changes a message or takes it back, but for whoever keeps order in a room; nobody reads what he wrote himself.
    let target = what.references().next().cloned();
    let may: fn(&Known, PersonaId) -> bool = match (&what, rights) {
        (What::Edit { .. } | What::Retract { .. }, Rights::OneOfTwo) => |known, _| known.origin,
        (What::Read { .. }, Rights::OneOfTwo) => |known, _| !known.origin,
        (What::Retract { .. }, Rights::Moderator) => |_, _| true,
        (What::Edit { .. } | What::Retract { .. }, _) => |known, author| known.author == Some(author),
        _ => |_, _| true,
    };
    let Referred { what, lost } = what.refer(live.organisation.language, |name| {
        let known = found.get(&name)?;
        if target.as_ref() == Some(&name) && !may(known, author) {
            return None;
        }
        match known.role {
            Role::Itself => Some(known.event),
            Role::Version(of) => Some(of),
            Role::Reaction(_) | Role::Nothing => None,
        }
    });
    let role = match &what {
        Some(What::Edit { of, .. }) => Role::Version(*of),
        Some(What::React { to, with: Reactions::And(_) }) => Role::Reaction(*to),
        Some(What::Message(_) | What::Place(_) | What::Poll(_) | What::Timer(_) | What::Unsupported { .. }) => Role::Itself,
        _ => Role::Nothing,
    };
    let reaction = match &what {
        Some(What::React { to, with }) => {
            let change = match with {
                Reactions::All(all) => Change::All(all.iter().take(MOST_REACTIONS).cloned().collect()),
                Reactions::And(one) => Change::Add(one.clone(), native.clone()),
            };
            Some(ReactionChange { message: *to, persona: author, change })
        }
        _ => None,
    };
    Ok(Meant { what, lost, role, reaction })
}

/// What a name stands for. An unknown one may be of what is being delivered there at this moment: that is waited for.
async fn find(
    live: &Live,
    network: &Network,
    conversation: ConversationId,
    name: &NativeId,
    patience: Instant,
) -> Result<Option<Known>, StoreError> {
    let lane = LaneKey { conversation, network: network.clone() };
    let mut settled = live.in_flight.settled();
    let patience = tokio::time::sleep_until(patience);
    tokio::pin!(patience);
    loop {
        let under_way = live.in_flight.holds(&lane);
        settled.mark_unchanged();
        let known = live.store.find(conversation, network, name).await?;
        if known.is_some() || !under_way {
            return Ok(known);
        }
        tokio::select! {
            _ = settled.changed() => {}
            () = &mut patience => return Ok(None),
        }
    }
}

/// An event as its target knows what it refers to; nothing when it makes no sense there. Reactions are looked up: whatever changed
/// since they were put into the queue, the target shows what holds now.
pub(crate) async fn placed(
    live: &Live,
    lane: &LaneKey,
    author: Option<PersonaId>,
    most_reactions: usize,
    what: What,
) -> Result<Option<What<Placed>>, StoreError> {
    let what = match what {
        What::React { to, .. } => {
            let Some(author) = author else { return Ok(None) };
            let mut all = live.store.reactions(to, author).await?;
            all.drain(..all.len().saturating_sub(most_reactions));
            What::React { to, with: Reactions::All(all) }
        }
        what => what,
    };
    let mut places = HashMap::new();
    for event in what.references() {
        let names = live.store.messages(live.key, *event).await?;
        let (own, ours): (Vec<_>, Vec<_>) =
            names.into_iter().filter(|name| name.network == lane.network).partition(|name| name.origin);
        let by = if own.is_empty() { Side::Ghost } else { Side::User };
        // Where a room has a name of its own for a message, everybody there knows it by that.
        let here = if ours.is_empty() { own } else { ours };
        let Some(first) = here.first() else { continue };
        let parts = here.iter().map(|name| name.native.clone()).collect();
        places.insert(*event, Placed { native: first.native.clone(), parts, by });
    }
    let what = what.refer(live.organisation.language, |event| places.get(&event).cloned()).what;
    match what {
        Some(what) => mentions::on(live, &lane.network, what).await.map(Some),
        None => Ok(None),
    }
}
