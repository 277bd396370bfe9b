// SPDX-License-Identifier: EUPL-1.2
//! Keeps the rooms of one component: lets people in and out, and answers what they ask, in the order in which they come. Entering a room of
//! another network may take long; only what concerns that room waits for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use dreiklang_engine::{
    Attendance, Hosting, Hub, RoomLeg,
    port::{Bound, StoreError},
};
use dreiklang_model::{Address, ChatId, DisplayName, Entry, Reason, Standing, words, words::Text};
use minidom::Element;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{
    Ask, Hosted,
    disco::About,
    iq::{self, Answer, Asked},
    leg_of,
    messages::refused,
    nick::Nick,
    note,
    occupants::{Refused, Room},
    presence,
};
use crate::{
    address,
    component::Component,
    condition::{Condition, Refusal},
    envelope::{Envelope, Kind, Says},
    service::Service,
    transport::{Copies, Order},
    xml::{child, element, namespace, set_attr},
};

/// How much may wait for the keeper.
pub(crate) const WAITING: usize = 1024;
/// How many rooms may be entered at once, and how much may wait for one of them.
const AT_ONCE: usize = 32;
const WAITING_FOR_ONE: usize = 64;
/// Most people of other networks who are shown in a room: those who may do most, and whoever speaks.
pub(super) const SHOWN: usize = 500;

/// After so long whoever was in a room when the gateway ended is back, or has gone.
const SETTLED: Duration = Duration::from_secs(10 * 60);

/// What a keeper works with.
pub(crate) struct Keeper {
    pub(crate) hub: Hub,
    pub(crate) component: Arc<Component>,
    pub(crate) hosted: Arc<Hosted>,
    /// Answers for ghosts.
    pub(crate) service: Service,
    /// Where answers go.
    pub(crate) answers: mpsc::Sender<Element>,
}

/// A room that was entered, or why not.
struct Entered {
    jid: String,
    outcome: Result<Result<RoomLeg, Reason>, StoreError>,
}

/// Keeps the rooms until nobody can ask for anything any more.
pub(crate) async fn keep(keeper: Keeper, mut asked: mpsc::Receiver<Ask>) {
    let mut entering: JoinSet<Entered> = JoinSet::new();
    let mut waiting: HashMap<String, Vec<Element>> = HashMap::new();
    let mut unproved: JoinSet<()> = JoinSet::new();
    let settled = tokio::time::sleep(SETTLED);
    tokio::pin!(settled);
    let mut settling = true;
    loop {
        tokio::select! {
            ask = asked.recv() => match ask {
                Some(Ask::Online) => keeper.show_again(&mut unproved).await,
                Some(Ask::Stanza(stanza)) => keeper.sort(stanza, &mut entering, &mut waiting, &mut unproved).await,
                None => break,
            },
            Some(entered) = entering.join_next() => if let Ok(Entered { jid, outcome }) = entered {
                for stanza in waiting.remove(&jid).unwrap_or_default() {
                    keeper.receive(&jid, &stanza, Some(&outcome), &mut unproved).await;
                }
            },
            Some(_) = unproved.join_next() => {}
            () = &mut settled, if settling => {
                settling = false;
                if let Err(error) = keeper.settle().await {
                    tracing::error!(%error, "it cannot be written down who is in which room");
                }
            }
        }
    }
    entering.shutdown().await;
}

impl Keeper {
    /// Does what follows from a stanza, or lets it wait until its room is entered.
    async fn sort(
        &self,
        stanza: Element,
        entering: &mut JoinSet<Entered>,
        waiting: &mut HashMap<String, Vec<Element>>,
        unproved: &mut JoinSet<()>,
    ) {
        let Some(envelope) = Envelope::read(&stanza) else { return };
        let Some(jid) = Hosted::room_of(&self.hub, envelope.to) else { return };
        if let Some(others) = waiting.get_mut(&jid) {
            if others.len() < WAITING_FOR_ONE {
                others.push(stanza);
            } else {
                self.refuse(&jid, &envelope, Condition::ResourceConstraint, Some(&Text::RoomFull)).await;
            }
            return;
        }
        let known = match leg_of(&self.hub, &jid).await {
            // Whoever comes into a closed room is looked at each time, where it is at home.
            Ok(leg) => leg.is_some_and(|leg| leg.details.entry == Entry::Open || !joins(&envelope, &stanza)),
            Err(error) => return self.failed(&jid, &envelope, &error).await,
        };
        let wanted = joins(&envelope, &stanza) || asks_what_it_is(&envelope, &stanza);
        if known || !wanted {
            return self.receive(&jid, &stanza, None, unproved).await;
        }
        if entering.len() >= AT_ONCE {
            return self.refuse(&jid, &envelope, Condition::ResourceConstraint, Some(&Text::RoomFull)).await;
        }
        let (hub, user) = (self.hub.clone(), address::person(envelope.from));
        let room = jid.clone();
        waiting.insert(jid, vec![stanza]);
        entering.spawn(async move {
            let outcome = enter(&hub, &room, user.as_ref()).await;
            Entered { jid: room, outcome }
        });
    }

    /// `entered`: what came of entering the room, if that was done for this stanza.
    async fn receive(
        &self,
        jid: &str,
        stanza: &Element,
        entered: Option<&Result<Result<RoomLeg, Reason>, StoreError>>,
        unproved: &mut JoinSet<()>,
    ) {
        let Some(envelope) = Envelope::read(stanza) else { return };
        let failed = match entered {
            Some(Err(error)) => Some(error),
            _ => None,
        };
        if let Some(error) = failed {
            return self.failed(jid, &envelope, error).await;
        }
        if let Some(Ok(Err(reason))) = entered {
            return self.turn_away(jid, &envelope, reason).await;
        }
        let done = match (envelope.kind, envelope.kind_of) {
            (_, Some("error")) => self.bounced(jid, &envelope, stanza, unproved).await,
            (Kind::Presence, None) => self.present(jid, &envelope, stanza, unproved).await,
            (Kind::Presence, Some("unavailable")) => self.leave(jid, &envelope, stanza, unproved).await,
            // Nobody subscribes to a room, and what is in it is known to whoever is (RFC 6121 §3.1.3: silence is an answer).
            (Kind::Presence | Kind::Message, _) => Ok(()),
            (Kind::Iq, _) => self.question(jid, &envelope, stanza).await,
        };
        if let Err(error) = done {
            self.failed(jid, &envelope, &error).await;
        }
    }

    /// Somebody comes in, is called otherwise, or says how he is there.
    async fn present(
        &self,
        jid: &str,
        envelope: &Envelope<'_>,
        stanza: &Element,
        unproved: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        let wish = envelope.to.split_once('/').map(|(_, nick)| nick).unwrap_or_default();
        let here = self.hosted.rooms().get(jid).and_then(|room| room.nick_of(envelope.from).cloned());
        let shows = presence::shows(stanza);
        match (here, joins(envelope, stanza)) {
            (_, true) => self.join(jid, envelope, wish, shows, unproved).await,
            (None, false) => {
                self.answer(presence::out_of_step(jid, wish), envelope.from).await;
                Ok(())
            }
            (Some(nick), false) if nick.as_str() == wish || Nick::asked(wish).as_ref() == Some(&nick) => {
                self.change(jid, unproved, |room| ((), room.present(envelope.from, shows))).await;
                Ok(())
            }
            (Some(_), false) => self.rename(jid, envelope, wish, unproved).await,
        }
    }

    async fn join(
        &self,
        jid: &str,
        envelope: &Envelope<'_>,
        wish: &str,
        shows: Vec<Element>,
        unproved: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        let Some(nick) = Nick::asked(wish) else {
            self.refuse(jid, envelope, Condition::JidMalformed, Some(&Text::RoomNickUnusable)).await;
            return Ok(());
        };
        let Some(user) = address::person(envelope.from) else {
            self.refuse(jid, envelope, Condition::BadRequest, None).await;
            return Ok(());
        };
        // Also for a room that is known: the rules may say otherwise about him.
        let leg = match enter(&self.hub, jid, Some(&user)).await? {
            Ok(leg) => leg,
            Err(reason) => {
                self.turn_away(jid, envelope, &reason).await;
                return Ok(());
            }
        };
        let chat = leg.chat.clone();
        if let Some(elsewhere) = chat.as_ref().map(ChatId::as_str).filter(|chat| *chat != jid) {
            self.refuse(jid, envelope, Condition::Gone, Some(&Text::RoomMoved { address: elsewhere })).await;
            return Ok(());
        }
        let (Some(chat), Some(wanted)) = (chat, self.hub.wanted(leg.conversation, SHOWN).await?) else { return Ok(()) };
        let Some(ids) = self.hosted.ids.get().cloned() else {
            self.refuse(jid, envelope, Condition::ResourceConstraint, Some(&Text::RoomFull)).await;
            return Ok(());
        };
        // Durable before he hears that he is in: what is said from then on goes to him.
        let device = note(jid, envelope.from);
        let before = self.hub.note(&device).await?;
        self.hub.set_note(&device, Some(nick.as_str())).await?;
        self.hosted.rooms().entry(jid.to_owned()).or_insert_with(|| Room::new(jid, &leg, ids));
        let joined = self
            .change(jid, unproved, |room| {
                let mut copies = room.show(wanted);
                match room.join(envelope.from, &nick, shows) {
                    Ok((nick, more)) => {
                        copies.extend(more);
                        copies.push(room.subject(envelope.from));
                        (Ok(nick), copies)
                    }
                    Err(refused) => (Err(refused), copies),
                }
            })
            .await;
        match joined {
            Some(Ok(given)) => {
                if given != nick {
                    self.hub.set_note(&device, Some(given.as_str())).await?;
                }
                self.attend(&chat, user, &given).await
            }
            Some(Err(refused)) => {
                self.hub.set_note(&device, before.as_deref()).await?;
                self.empty(jid);
                let (condition, text) = match refused {
                    Refused::NickTaken => (Condition::Conflict, Text::RoomNickTaken),
                    Refused::TooMany => (Condition::ResourceConstraint, Text::RoomFull),
                };
                self.refuse(jid, envelope, condition, Some(&text)).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn rename(&self, jid: &str, envelope: &Envelope<'_>, wish: &str, unproved: &mut JoinSet<()>) -> Result<(), StoreError> {
        let Some(nick) = Nick::asked(wish) else {
            self.refuse(jid, envelope, Condition::JidMalformed, Some(&Text::RoomNickUnusable)).await;
            return Ok(());
        };
        let renamed = self.change(jid, unproved, |room| match room.rename(envelope.from, &nick) {
            Ok(copies) => (Ok(()), copies),
            Err(refused) => (Err(refused), Vec::new()),
        });
        if let Some(Err(_)) = renamed.await {
            self.refuse(jid, envelope, Condition::Conflict, Some(&Text::RoomNickTaken)).await;
            return Ok(());
        }
        let Some(user) = address::person(envelope.from) else { return Ok(()) };
        let devices = self.hosted.rooms().get(jid).map(|room| room.devices(user.as_str())).unwrap_or_default();
        for device in devices {
            self.hub.set_note(&note(jid, &device), Some(nick.as_str())).await?;
        }
        let Ok(chat) = ChatId::new(jid) else { return Ok(()) };
        self.attend(&chat, user, &nick).await
    }

    /// Somebody is in a room under a name; whoever has not said yet how he is called is called so everywhere.
    async fn attend(&self, chat: &ChatId, who: Address, nick: &Nick) -> Result<(), StoreError> {
        let name = DisplayName::new(nick.as_str());
        let here = Attendance { who: who.clone(), nick: Some(name.clone()), standing: Some(Standing::Member) };
        self.hub.attend(chat, vec![here], false).await?;
        if self.hub.name_of(&who).await?.is_none() {
            self.hub.rename(&who, &name).await?;
        }
        Ok(())
    }

    async fn leave(
        &self,
        jid: &str,
        envelope: &Envelope<'_>,
        stanza: &Element,
        unproved: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        let says = child(stanza, "status", namespace::COMPONENT).map(Element::text);
        self.part(jid, envelope.from, says.as_deref(), false, unproved).await
    }

    /// A stanza of ours came back: whoever is not there any more is not in the room either (XEP-0045 §18.3.2).
    async fn bounced(
        &self,
        jid: &str,
        envelope: &Envelope<'_>,
        stanza: &Element,
        unproved: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        if !is_gone(Refusal::read(stanza).condition) {
            self.hub.dropped("error");
            return Ok(());
        }
        self.part(jid, envelope.from, None, true, unproved).await
    }

    async fn part(
        &self,
        jid: &str,
        device: &str,
        says: Option<&str>,
        lost: bool,
        unproved: &mut JoinSet<()>,
    ) -> Result<(), StoreError> {
        let left = self.change(jid, unproved, |room| match room.leave(device, says, lost) {
            Some(left) => (Some(left.gone), left.copies),
            None => (None, Vec::new()),
        });
        let Some(Some(gone)) = left.await else { return Ok(()) };
        self.empty(jid);
        self.hub.set_note(&note(jid, device), None).await?;
        let (Some(who), Ok(chat)) = (gone.as_deref().and_then(address::person), ChatId::new(jid)) else { return Ok(()) };
        self.hub.attend(&chat, vec![Attendance { who, nick: None, standing: None }], false).await
    }

    async fn question(&self, jid: &str, envelope: &Envelope<'_>, stanza: &Element) -> Result<(), StoreError> {
        let Some(leg) = leg_of(&self.hub, jid).await? else {
            self.refuse(jid, envelope, Condition::ItemNotFound, None).await;
            return Ok(());
        };
        let others = match asks_what_it_is(envelope, stanza) {
            true => self.hub.wanted(leg.conversation, 0).await?.map_or(0, |wanted| wanted.total),
            false => 0,
        };
        let answer = {
            let rooms = self.hosted.rooms();
            let room = rooms.get(jid);
            let occupants = others + room.map_or(0, Room::people);
            let about = About { address: &leg.address, details: &leg.details, occupants };
            iq::answer(&Asked { jid, room, about, language: self.hub.language() }, envelope, stanza)
        };
        match answer {
            Answer::None => {}
            Answer::Stanza(answer) => self.send(answer).await,
            Answer::OfGhost(ghost) => {
                let mut asked = stanza.clone();
                set_attr(&mut asked, "to", &ghost);
                if let Some(mut answer) = self.service.answer_for(&asked).await {
                    set_attr(&mut answer, "from", envelope.to);
                    self.send(answer).await;
                }
            }
        }
        Ok(())
    }

    /// Whoever did not come back after the gateway was started is in none of its rooms any more.
    async fn settle(&self) -> Result<(), StoreError> {
        for leg in self.hub.rooms().await? {
            let Some(chat) = leg.chat.as_ref().filter(|_| leg.hosting == Hosting::Ours) else { continue };
            if address::domain(chat.as_str()) != self.component.domain.as_str() {
                continue;
            }
            let people = self.hosted.rooms().get(chat.as_str()).map(Room::attendance).unwrap_or_default();
            self.hub.attend(chat, people, true).await?;
        }
        Ok(())
    }

    /// Everybody in a room whose view of it may be wrong is told everything again.
    async fn show_again(&self, unproved: &mut JoinSet<()>) {
        let uncertain = |room: &mut Room| std::mem::take(&mut room.uncertain);
        let rooms: Vec<String> = {
            let mut rooms = self.hosted.rooms();
            rooms.iter_mut().filter_map(|(jid, room)| uncertain(room).then(|| jid.clone())).collect()
        };
        for jid in rooms {
            if address::domain(&jid) == self.component.domain.as_str() {
                self.change(&jid, unproved, |room| ((), room.again())).await;
            }
        }
    }

    /// Changes a room and tells what follows, in one order with everything else that is said in it.
    async fn change<T>(
        &self,
        jid: &str,
        unproved: &mut JoinSet<()>,
        change: impl FnOnce(&mut Room) -> (T, Vec<Copies>),
    ) -> Option<T> {
        let (done, proved) = oneshot::channel();
        let answer = change_room(&self.component, &self.hosted, jid, done, change).await?;
        let (hosted, jid) = (Arc::clone(&self.hosted), jid.to_owned());
        unproved.spawn(async move {
            if !matches!(proved.await, Ok(Ok(())))
                && let Some(room) = hosted.rooms().get_mut(&jid)
            {
                room.uncertain = true;
            }
        });
        Some(answer)
    }

    /// A room that nobody is in needs no memory.
    fn empty(&self, jid: &str) {
        let mut rooms = self.hosted.rooms();
        if rooms.get(jid).is_some_and(Room::is_empty) {
            rooms.remove(jid);
        }
    }

    /// Somebody is not let in.
    async fn turn_away(&self, jid: &str, envelope: &Envelope<'_>, reason: &Reason) {
        let condition = match reason {
            Reason::Rejected => Condition::Forbidden,
            reason => Condition::of(reason),
        };
        self.refuse_in_words(jid, envelope, condition, Some(&words::reason(self.hub.language(), reason))).await;
    }

    async fn failed(&self, jid: &str, envelope: &Envelope<'_>, error: &StoreError) {
        tracing::error!(%error, "something in a room could not be done");
        self.refuse(jid, envelope, Condition::InternalServerError, None).await;
    }

    async fn refuse(&self, jid: &str, envelope: &Envelope<'_>, condition: Condition, text: Option<&Text<'_>>) {
        let text = text.map(|text| words::say(self.hub.language(), text));
        self.refuse_in_words(jid, envelope, condition, text.as_deref()).await;
    }

    async fn refuse_in_words(&self, jid: &str, envelope: &Envelope<'_>, condition: Condition, text: Option<&str>) {
        // Whoever goes is not kept.
        if envelope.kind == Kind::Presence && envelope.kind_of.is_some() {
            return;
        }
        let says = text.map(|text| Says { language: self.hub.language().tag(), text });
        if let Some(mut answer) = refused(jid, envelope, condition, says) {
            if envelope.kind == Kind::Presence {
                answer.append_child(element("x", namespace::MUC).build());
            }
            self.send(answer).await;
        }
    }

    async fn answer(&self, mut stanza: Element, to: &str) {
        set_attr(&mut stanza, "to", to);
        self.send(stanza).await;
    }

    async fn send(&self, stanza: Element) {
        if self.answers.send(stanza).await.is_err() {
            self.hub.dropped("untold");
        }
    }
}

/// Changes a room, and puts what people are told of it into the connection of its component, behind whatever was said before. Answers
/// nothing when there is no such room. Without a connection the room changes all the same: `done` says that it is not known what people saw.
pub(super) async fn change_room<T>(
    component: &Component,
    hosted: &Hosted,
    jid: &str,
    done: oneshot::Sender<Result<(), dreiklang_engine::port::DeliveryError>>,
    change: impl FnOnce(&mut Room) -> (T, Vec<Copies>),
) -> Option<T> {
    let place = match component.orders() {
        // Room in the queue first: between the change and what is told of it nobody else says anything.
        Some(orders) => orders.reserve_owned().await.ok(),
        None => None,
    };
    let mut rooms = hosted.rooms();
    let (answer, copies) = change(rooms.get_mut(jid)?);
    match place {
        _ if copies.is_empty() => drop(done.send(Ok(()))),
        Some(place) => {
            // Nobody can refuse for everybody: a bounce comes from one of them.
            if let Some(to) = address::person(jid) {
                place.send(Order { id: String::new(), to, stanzas: Vec::new(), copies, done });
            }
        }
        None => drop(done),
    }
    drop(rooms);
    Some(answer)
}

/// The leg of a room, entered for somebody if it was not yet, and bound to this JID if it is bound to none.
async fn enter(hub: &Hub, jid: &str, user: Option<&Address>) -> Result<Result<RoomLeg, Reason>, StoreError> {
    let mut leg = match hub.room_at(jid, user).await? {
        Ok(leg) => leg,
        Err(reason) => return Ok(Err(reason)),
    };
    let Ok(chat) = ChatId::new(jid) else { return Ok(Err(Reason::UnknownRecipient)) };
    if leg.chat.is_none() {
        match hub.bind_room(leg.conversation, None, Some(&chat)).await? {
            Bound::Changed(_) => {
                if let Some(now) = hub.room(leg.conversation).await? {
                    leg = now;
                }
            }
            Bound::Yes => leg.chat = Some(chat),
        }
    }
    Ok(Ok(leg))
}

fn joins(envelope: &Envelope<'_>, stanza: &Element) -> bool {
    envelope.kind == Kind::Presence && envelope.kind_of.is_none() && child(stanza, "x", namespace::MUC).is_some()
}

/// What a client asks before it joins.
fn asks_what_it_is(envelope: &Envelope<'_>, stanza: &Element) -> bool {
    envelope.kind == Kind::Iq
        && envelope.kind_of == Some("get")
        && !envelope.to.contains('/')
        && child(stanza, "query", namespace::DISCO_INFO).is_some_and(|query| query.attr("node").is_none())
}

/// Conditions after which somebody's device is not there any more (the list that biboumi and Prosody share).
fn is_gone(condition: &str) -> bool {
    matches!(
        condition,
        "gone"
            | "item-not-found"
            | "jid-malformed"
            | "recipient-unavailable"
            | "redirect"
            | "remote-server-not-found"
            | "remote-server-timeout"
            | "service-unavailable"
            | "unknown"
    )
}
