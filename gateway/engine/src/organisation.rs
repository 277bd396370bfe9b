// SPDX-License-Identifier: EUPL-1.2
//! One organisation: what it configured ([`Organisation`]) and what lives while the gateway runs (`Live`).

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dreiklang_model::{
    Address, ChatId, ConversationId, DisplayName, EventId, Language, Lifetime, Network, OrganisationId, PersonaId, Reason,
    RoomAddress, Timestamp, What, words,
};
use moka::sync::Cache;
use tokio::sync::Notify;

use crate::{
    Leg, Pseudonyms, RoomLeg, USUALLY_FORBIDDEN,
    health::HealthBoard,
    in_flight::InFlight,
    limits::Limits,
    port::{
        Adapter, AddressBook, Bound, Clock, Entropy, LaneKey, LegRow, MediaLinks, Meter, OrganisationKey, Persona, Proof,
        SeenKey, Store, StoreError,
    },
    refreshing::Refreshing,
    signals::Signals,
};

/// How far another clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(60 * 60);
/// How many people with a new name may wait.
const MOST_CHANGED: usize = 1000;

/// What an organisation configured, in the engine's terms.
#[derive(Clone)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its name for people.
    pub name: String,
    /// The language of what the gateway says.
    pub language: Language,
    /// How addresses are written.
    pub book: Arc<dyn AddressBook>,
    /// Its rules.
    pub policy: Policy,
}

impl fmt::Debug for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Organisation({})", self.id)
    }
}

/// An organisation's rules.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Longest text in bytes that is carried at all.
    pub longest_text: usize,
    /// Addresses that may take part, as patterns with `*`; empty: everybody.
    pub allow: Vec<String>,
    /// Addresses that may not, as patterns with `*`; stronger than `allow`.
    pub deny: Vec<String>,
    /// Who may link rooms by the bot, as patterns with `*`; empty: nobody.
    pub administrators: Vec<String>,
    /// Rooms that may be bridged, by their addresses at home, as patterns with `*`; empty: all.
    pub allow_rooms: Vec<String>,
    /// Rooms that may not, as patterns with `*`; stronger than `allow_rooms`.
    pub deny_rooms: Vec<String>,
    /// Files that may not cross, as patterns with `*`: of media types where there is a `/` in it, else of names.
    pub forbid_files: Vec<String>,
    /// How far an author must be proved where his network does not vouch for him.
    pub least_proof: Proof,
    /// Whether it is shown that somebody is writing.
    pub typing: bool,
    /// Whether it is told that somebody has read something.
    pub read_receipts: bool,
    /// Whether it is shown that somebody is there.
    pub presence: bool,
    /// Messages that one sender may send in a minute.
    pub messages_per_minute: u32,
    /// When a message is given up and its sender told.
    pub give_up_after: Duration,
    /// When a sender is told that his message waits.
    pub tell_delay_after: Duration,
    /// How old a pushed event may be before it waits for an administrator.
    pub hold_older_than: Duration,
    /// How long the names of messages on their networks are kept.
    pub keep_mappings: Duration,
    /// How long it is remembered that something was seen.
    pub keep_seen: Duration,
    /// How long dead letters are kept.
    pub keep_dead: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            longest_text: 1024 * 1024,
            allow: Vec::new(),
            deny: Vec::new(),
            administrators: Vec::new(),
            allow_rooms: Vec::new(),
            deny_rooms: Vec::new(),
            forbid_files: USUALLY_FORBIDDEN.map(str::to_owned).to_vec(),
            least_proof: Proof::Aligned,
            typing: true,
            read_receipts: true,
            presence: false,
            messages_per_minute: 3000,
            give_up_after: 2 * DAY,
            tell_delay_after: Duration::from_secs(5 * 60),
            hold_older_than: DAY,
            keep_mappings: 90 * DAY,
            keep_seen: 400 * DAY,
            keep_dead: 30 * DAY,
        }
    }
}

impl Policy {
    /// May this person take part?
    ///
    /// # Errors
    /// [`Reason::Forbidden`].
    pub fn admits(&self, who: &Address) -> Result<(), Reason> {
        admitted(who.as_str(), &self.allow, &self.deny)
    }

    /// May this person link rooms?
    #[must_use]
    pub fn is_administrator(&self, who: &Address) -> bool {
        self.administrators.iter().any(|pattern| matches(pattern, who.as_str()))
    }

    /// May this room be bridged?
    ///
    /// # Errors
    /// [`Reason::Forbidden`].
    pub fn admits_room(&self, room: &RoomAddress) -> Result<(), Reason> {
        admitted(room.as_str(), &self.allow_rooms, &self.deny_rooms)
    }
}

fn admitted(text: &str, allow: &[String], deny: &[String]) -> Result<(), Reason> {
    let named = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, text));
    if named(deny) || !(allow.is_empty() || named(allow)) { Err(Reason::Forbidden) } else { Ok(()) }
}

/// Does `text` fit `pattern`, in which `*` stands for anything? Case does not matter.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What lives of an organisation while the gateway runs; shared by its hubs and lanes.
pub(crate) struct Live {
    pub(crate) organisation: Organisation,
    pub(crate) key: OrganisationKey,
    pub(crate) bot_name: DisplayName,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) meter: Arc<dyn Meter>,
    pub(crate) links: Option<Arc<dyn MediaLinks>>,
    pub(crate) pseudonyms: Pseudonyms,
    pub(crate) health: Arc<HealthBoard>,
    pub(crate) adapters: HashMap<Network, Arc<dyn Adapter>>,
    pub(crate) limits: Limits,
    pub(crate) in_flight: InFlight,
    /// What holds only for a moment, by the network on which it is sensed.
    pub(crate) signals: HashMap<Network, Signals>,
    /// The id that was given last.
    last_event: Mutex<Option<EventId>>,
    /// Rows of the store that hardly ever change; every change goes through this process, which then forgets them here.
    personas: Cache<Address, Persona>,
    legs: Cache<LaneKey, Arc<LegRow>>,
    chats: Cache<(Network, ChatId), LaneKey>,
    conversations: Cache<(PersonaId, PersonaId), ConversationId>,
    rooms: Cache<ConversationId, Arc<[RoomLeg]>>,
    room_chats: Cache<(Network, ChatId), ConversationId>,
    /// Legs of rooms that are to be brought up to date.
    pub(crate) refreshing: Refreshing,
    /// How long what is said lasts.
    pub(crate) timers: Cache<ConversationId, Option<Lifetime>>,
    /// Which picture somebody's network shows, as far as it was written down lately.
    pub(crate) portraits: Cache<Address, String>,
    /// Whose name has changed.
    changed: Mutex<BTreeSet<PersonaId>>,
    /// A picture is wanted, or a name has changed.
    pub(crate) portrait_wanted: Notify,
    /// One picture is made small at a time.
    pub(crate) painting: tokio::sync::Mutex<()>,
}

/// What an organisation's live part is made of.
pub(crate) struct Parts {
    pub(crate) organisation: Organisation,
    pub(crate) key: OrganisationKey,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) meter: Arc<dyn Meter>,
    pub(crate) links: Option<Arc<dyn MediaLinks>>,
    pub(crate) pseudonyms: Pseudonyms,
    pub(crate) health: Arc<HealthBoard>,
    pub(crate) adapters: Vec<Arc<dyn Adapter>>,
}

impl Live {
    pub(crate) fn new(parts: Parts) -> Self {
        let text = words::Text::GatewayName { organisation: &parts.organisation.name };
        Self {
            bot_name: DisplayName::new(&words::say(parts.organisation.language, &text)),
            limits: Limits::new(parts.organisation.policy.messages_per_minute),
            organisation: parts.organisation,
            key: parts.key,
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            meter: parts.meter,
            links: parts.links,
            pseudonyms: parts.pseudonyms,
            health: parts.health,
            signals: parts.adapters.iter().map(|adapter| (adapter.network(), Signals::default())).collect(),
            adapters: parts.adapters.into_iter().map(|adapter| (adapter.network(), adapter)).collect(),
            in_flight: InFlight::default(),
            last_event: Mutex::default(),
            personas: Cache::new(10_000),
            legs: Cache::new(20_000),
            chats: Cache::new(20_000),
            conversations: Cache::new(20_000),
            rooms: Cache::new(20_000),
            room_chats: Cache::new(20_000),
            refreshing: Refreshing::default(),
            timers: Cache::new(50_000),
            portraits: Cache::new(50_000),
            changed: Mutex::default(),
            portrait_wanted: Notify::new(),
            painting: tokio::sync::Mutex::default(),
        }
    }

    /// A new id for an event. Ids sort in the order in which they are given, also within one millisecond.
    pub(crate) fn new_event(&self) -> EventId {
        let fresh = EventId::from_parts(self.clock.now(), self.entropy.random());
        let mut last = self.last_event.lock().unwrap_or_else(PoisonError::into_inner);
        let id = last.map_or(fresh, |last| fresh.max(last.successor()));
        *last = Some(id);
        id
    }

    /// The id of an event that a network brought. What it dates gets the same id when it is received again by a gateway whose database was
    /// restored from an older copy, so that the other side recognises it. A date far from now is none: what hangs on an id goes by its age.
    pub(crate) fn event_of(&self, seen: &SeenKey, at: Option<Timestamp>) -> EventId {
        let now = self.clock.now();
        let near = |at: &Timestamp| now.since(*at) < self.organisation.policy.keep_mappings / 2 && at.since(now) < AHEAD;
        match at.filter(near) {
            Some(at) => {
                EventId::from_parts(at, u128::from_be_bytes(seen.digest).wrapping_add(u128::from(self.key.0.unsigned_abs())))
            }
            None => self.new_event(),
        }
    }

    /// The persona behind an account, made if it is new; its name follows what the network says.
    pub(crate) async fn persona(&self, account: &Address, name: Option<&DisplayName>) -> Result<Persona, StoreError> {
        let name = name.filter(|name| !name.is_empty());
        if let Some(known) = self.personas.get(account)
            && (name.is_none() || name == known.name.as_ref())
        {
            return Ok(known);
        }
        let renamed = self.personas.get(account).is_some_and(|known| known.name.as_ref() != name);
        let persona = self.store.persona(self.key, account, name, self.clock.now()).await?;
        if renamed {
            self.repaint(persona.id);
        }
        if renamed || name.is_some() {
            // The name stands in every leg that shows this person.
            let id = persona.id;
            if self.legs.iter().any(|(_, leg)| leg.other.id == id && leg.other.name != persona.name) {
                self.legs.invalidate_all();
            }
        }
        self.personas.insert(account.clone(), persona.clone());
        Ok(persona)
    }

    pub(crate) async fn leg_row(&self, lane: &LaneKey) -> Result<Option<Arc<LegRow>>, StoreError> {
        if let Some(leg) = self.legs.get(lane) {
            return Ok(Some(leg));
        }
        let Some(row) = self.store.leg(lane).await?.map(Arc::new) else { return Ok(None) };
        self.legs.insert(lane.clone(), Arc::clone(&row));
        Ok(Some(row))
    }

    pub(crate) async fn leg(&self, lane: &LaneKey) -> Result<Option<Leg>, StoreError> {
        Ok(self.leg_row(lane).await?.map(|row| Leg::from_row((*row).clone(), self)))
    }

    pub(crate) async fn leg_of_chat(&self, network: &Network, chat: &ChatId) -> Result<Option<Leg>, StoreError> {
        let at = (network.clone(), chat.clone());
        if let Some(lane) = self.chats.get(&at) {
            return self.leg(&lane).await;
        }
        let Some(row) = self.store.leg_of_chat(self.key, network, chat).await? else { return Ok(None) };
        self.chats.insert(at, LaneKey { conversation: row.conversation, network: network.clone() });
        Ok(Some(Leg::from_row(row, self)))
    }

    pub(crate) async fn bind(
        &self,
        lane: &LaneKey,
        expected: Option<&ChatId>,
        chat: Option<&ChatId>,
    ) -> Result<Bound, StoreError> {
        let bound = self.store.bind(lane, expected, chat).await?;
        self.forget(lane);
        for chat in expected.into_iter().chain(chat) {
            self.chats.invalidate(&(lane.network.clone(), chat.clone()));
        }
        Ok(bound)
    }

    /// All legs of a room; none of what is no room.
    pub(crate) async fn legs_of_room(&self, room: ConversationId) -> Result<Arc<[RoomLeg]>, StoreError> {
        if let Some(legs) = self.rooms.get(&room) {
            return Ok(legs);
        }
        let legs: Arc<[RoomLeg]> = self.store.legs_of_room(room).await?.into();
        if !legs.is_empty() {
            self.rooms.insert(room, Arc::clone(&legs));
        }
        Ok(legs)
    }

    /// A conversation is a room that this process has met.
    pub(crate) fn is_known_room(&self, conversation: ConversationId) -> bool {
        self.rooms.contains_key(&conversation)
    }

    pub(crate) async fn room_leg(&self, lane: &LaneKey) -> Result<Option<RoomLeg>, StoreError> {
        let legs = self.legs_of_room(lane.conversation).await?;
        Ok(legs.iter().find(|leg| leg.network == lane.network).cloned())
    }

    pub(crate) async fn room_of_chat(&self, network: &Network, chat: &ChatId) -> Result<Option<RoomLeg>, StoreError> {
        let at = (network.clone(), chat.clone());
        let conversation = match self.room_chats.get(&at) {
            Some(known) => known,
            None => {
                let Some(row) = self.store.room_of_chat(self.key, network, chat).await? else { return Ok(None) };
                self.room_chats.insert(at, row.conversation);
                row.conversation
            }
        };
        let leg = self.room_leg(&LaneKey { conversation, network: network.clone() }).await?;
        Ok(leg.filter(|leg| leg.chat.as_ref() == Some(chat)))
    }

    /// Forgets what is remembered of a room: it changed in the store.
    pub(crate) fn forget_room(&self, room: ConversationId) {
        for chat in self.rooms.get(&room).iter().flat_map(|legs| legs.iter()) {
            if let Some(name) = &chat.chat {
                self.room_chats.invalidate(&(chat.network.clone(), name.clone()));
            }
        }
        self.rooms.invalidate(&room);
    }

    /// The direct conversation of two people, if this process has met it.
    pub(crate) fn conversation_of(&self, one: PersonaId, other: PersonaId) -> Option<ConversationId> {
        self.conversations.get(&(one.min(other), one.max(other)))
    }

    pub(crate) fn remember_conversation(&self, one: PersonaId, other: PersonaId, conversation: ConversationId) {
        self.conversations.insert((one.min(other), one.max(other)), conversation);
    }

    /// Lets the networks that hold the files of a message go of them: it was delivered.
    pub(crate) async fn release(&self, what: &What) {
        let (What::Message(message) | What::Edit { to: message, .. }) = what else { return };
        for file in &message.attachments {
            if let Some(adapter) = self.adapters.get(&file.source.network) {
                adapter.release(&file.source).await;
            }
        }
    }

    /// His ghosts are to show how he looks and is called now.
    pub(crate) fn repaint(&self, person: PersonaId) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever finds no room is shown as he is with his next message.
        if changed.len() < MOST_CHANGED && changed.insert(person) {
            self.portrait_wanted.notify_one();
        }
    }

    /// Everybody whose ghosts are to show that.
    pub(crate) fn repainted(&self) -> BTreeSet<PersonaId> {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets what is remembered of people: how one of them looks has changed.
    pub(crate) fn forget_people(&self) {
        self.personas.invalidate_all();
        self.legs.invalidate_all();
    }

    /// Forgets what is remembered of a leg: it changed in the store.
    pub(crate) fn forget(&self, lane: &LaneKey) {
        self.legs.invalidate(lane);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("*", "anything", true),
            ("@alice:hs.example", "@alice:hs.example", true),
            ("@Alice:hs.example", "@alice:HS.example", true),
            ("*:hs.example", "@alice:hs.example", true),
            ("*:hs.example", "@alice:hs.example.evil", false),
            ("*@*.example", "bob@xmpp.example", true),
            ("*@*.example", "bob@xmpp.org", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "ac", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn deny_is_stronger_than_allow() {
        let policy = Policy { allow: vec!["*@good.example".into()], deny: vec!["eve@*".into()], ..Policy::default() };
        for (who, admitted) in [("bob@good.example", true), ("eve@good.example", false), ("bob@bad.example", false)] {
            let who = Address::new(Network::MAIL, who).unwrap();
            assert_eq!(policy.admits(&who).is_ok(), admitted);
        }
    }
}
