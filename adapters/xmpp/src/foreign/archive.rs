// SPDX-License-Identifier: EUPL-1.2
//! What was said in a room of another server while nobody of ours listened: asked of its archive (XEP-0313), page after page, and handed in
//! before what is said meanwhile.

use std::time::Duration;

use dreiklang_engine::{
    Hub,
    port::{Received, Verdict},
};
use minidom::Element;

use super::{
    inward::{self, Heard},
    seating::Reach,
};
use crate::{
    sharing::Asking,
    xml::{child, element, namespace},
};

/// How much is asked for at once.
const PAGE: usize = 50;
/// Most pages of one gap: five thousand messages.
const PAGES: usize = 100;
/// How long the pieces of a page may be on their way after its end was told.
const LATE: Duration = Duration::from_secs(5);
/// How often it is looked whether they are there.
const LOOK: Duration = Duration::from_millis(20);

/// What is asked of an archive.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    /// What follows a message; everything where no name is given.
    After(&'a str),
    /// Its newest message.
    Newest,
}

/// Notes what the archive ends with when a room is entered: what follows is ours to carry, and after a crash also tells which of our own
/// messages the room has given to everybody. An empty name stands for an empty archive.
pub(super) async fn begin(reach: &Reach, hub: &Hub, room: &str) {
    let Some((component, orders)) = reach.listener().and_then(|component| Some((component, component.orders()?))) else { return };
    let asking = Asking { component, orders: &orders, shared: &reach.shared };
    let from = crate::address::full(component.domain.as_str());
    let answer = asking.ask(room, |id| question(&from, room, id, Part::Newest)).await;
    if let Some(fin) = answer.as_ref().and_then(|answer| child(answer, "fin", namespace::MAM)) {
        note(hub, room, &last_of(fin).unwrap_or_default()).await;
    }
}

/// The name of the last message in a page.
fn last_of(fin: &Element) -> Option<String> {
    let last = child(fin, "set", namespace::RSM).and_then(|set| child(set, "last", namespace::RSM)).map(Element::text);
    last.filter(|last| !last.is_empty())
}

/// Where the newest message of a room is noted.
pub(super) fn key(room: &str) -> String {
    format!("foreign/last/{room}")
}

/// Hands in what was missed, and then what was kept back meanwhile. `false`: the archive did not answer; it is tried again.
pub(super) async fn catch_up(reach: &Reach, hub: &Hub, room: &str) -> bool {
    let noted = match hub.note(&key(room)).await {
        Ok(noted) => noted,
        Err(error) => {
            tracing::error!(%error, "a room's newest message cannot be read");
            return false;
        }
    };
    if let Some(mut after) = noted {
        for _ in 0..PAGES {
            match page(reach, hub, room, &after).await {
                Ok(Some(last)) => after = last,
                Ok(None) => break,
                Err(()) => return false,
            }
        }
    }
    release(reach, hub, room).await
}

/// One page; the name of its last message when more follow.
async fn page(reach: &Reach, hub: &Hub, room: &str, after: &str) -> Result<Option<String>, ()> {
    let Some((component, orders)) = reach.listener().and_then(|component| Some((component, component.orders()?))) else {
        return Err(());
    };
    let foreign = &reach.shared.foreign;
    if let Some(known) = foreign.rooms().get_mut(room) {
        known.archived.clear();
    }
    let asking = Asking { component, orders: &orders, shared: &reach.shared };
    let from = crate::address::full(component.domain.as_str());
    let Some(answer) = asking.ask(room, |id| question(&from, room, id, Part::After(after))).await else { return Err(()) };
    let Some(fin) = child(&answer, "fin", namespace::MAM) else {
        // No archive, or none that knows that message: what is said from now on is heard.
        tracing::info!("a room has no archive that tells what was missed");
        return Ok(None);
    };
    let Some(last) = last_of(fin) else { return Ok(None) };
    let until = tokio::time::Instant::now() + LATE;
    loop {
        let complete = foreign.rooms().get(room).is_some_and(|known| known.archived.last().is_some_and(|(id, _)| *id == last));
        if complete {
            break;
        }
        if tokio::time::Instant::now() > until {
            return Err(());
        }
        tokio::time::sleep(LOOK).await;
    }
    let pieces = foreign.rooms().get_mut(room).map(|known| std::mem::take(&mut known.archived)).unwrap_or_default();
    let mut received = Vec::with_capacity(pieces.len());
    for (id, result) in &pieces {
        let Some(message) = inward::unwrapped(result, &from) else { continue };
        if let Heard::Said(said) = inward::read(foreign, hub, &message, Some(id)).await {
            received.push(*said);
        }
    }
    hand_in(hub, received).await?;
    note(hub, room, &last).await;
    Ok((fin.attr("complete") != Some("true")).then_some(last))
}

/// Hands in what was kept back; from then on everything is heard at once.
pub(super) async fn release(reach: &Reach, hub: &Hub, room: &str) -> bool {
    let foreign = &reach.shared.foreign;
    loop {
        let held = {
            let mut rooms = foreign.rooms();
            let Some(known) = rooms.get_mut(room) else { return true };
            match known.held.as_mut() {
                Some(held) if !held.is_empty() => std::mem::take(held),
                _ => {
                    known.held = None;
                    return true;
                }
            }
        };
        let mut received = Vec::new();
        for stanza in &held {
            if let Heard::Said(said) = inward::read(foreign, hub, stanza, None).await {
                received.push(*said);
            }
        }
        if hand_in(hub, received).await.is_err() {
            if let Some(kept) = foreign.rooms().get_mut(room).and_then(|known| known.held.as_mut()) {
                kept.splice(0..0, held);
            }
            return false;
        }
    }
}

async fn hand_in(hub: &Hub, received: Vec<Received>) -> Result<(), ()> {
    if received.is_empty() {
        return Ok(());
    }
    match hub.accept(received).await {
        Ok(verdicts) => {
            for _ in verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Refused(_))) {
                hub.dropped("refused_in_room");
            }
            Ok(())
        }
        Err(error) => {
            tracing::error!(%error, "what was said in a room cannot be stored");
            Err(())
        }
    }
}

/// From which message on a room is asked for what was missed.
pub(super) async fn note(hub: &Hub, room: &str, last: &str) {
    if let Err(error) = hub.set_note(&key(room), Some(last)).await {
        tracing::error!(%error, "a room's newest message cannot be noted");
    }
}

/// XEP-0313 §4, XEP-0059.
fn question(from: &str, room: &str, id: &str, part: Part<'_>) -> Element {
    let set = element("set", namespace::RSM);
    let set = match part {
        Part::After("") => set.text_child("max", &PAGE.to_string()),
        Part::After(name) => set.text_child("max", &PAGE.to_string()).text_child("after", name),
        Part::Newest => set.text_child("max", "1").text_child("before", ""),
    };
    let query = element("query", namespace::MAM).attr("queryid", id).child(set);
    element("iq", namespace::COMPONENT)
        .attr("type", "set")
        .attr("from", from)
        .attr("to", room)
        .attr("id", id)
        .child(query)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_an_archive() {
        let set = |part| {
            let question = question("gw/gw", "team@muc.x", "q1", part);
            let query = child(&question, "query", namespace::MAM).unwrap().clone();
            let set = child(&query, "set", namespace::RSM).unwrap().clone();
            let text = |name| child(&set, name, namespace::RSM).map(Element::text);
            (text("max"), text("after"), text("before"))
        };
        let words = |max: &str, after: Option<&str>, before: Option<&str>| {
            (Some(max.to_owned()), after.map(str::to_owned), before.map(str::to_owned))
        };
        assert_eq!(set(Part::After("a1")), words("50", Some("a1"), None));
        assert_eq!(set(Part::After("")), words("50", None, None));
        assert_eq!(set(Part::Newest), words("1", None, Some("")));
    }
}
