// SPDX-License-Identifier: EUPL-1.2
//! What everybody in a room is sent, in which order, by a table of what happens there.

use std::sync::Arc;

use dreiklang_engine::{
    Author, Ghost, Hosting, Member, RoomLeg,
    port::{Recipient, Wanted},
};
use dreiklang_model::{
    Address, ChatId, ConversationId, DeliveryId, DisplayName, Echo, EventId, Language, Network, PersonaId, RoomDetails, Side,
    Standing, Timestamp, Topic, Written,
};
use minidom::Element;

use super::{
    disco::About,
    iq::{Answer, Asked, answer},
    messages::{Heard, heard, reflected},
    nick::Nick,
    occupants::{Behind, OccupantIds, Refused, Room},
    presence::shows,
    speech::Speech,
};
use crate::{
    envelope::Envelope,
    transport::Copies,
    xml::{child, namespace},
};

const ROOM: &str = "#plan%hs.example@matrix.gw";
const BOB: &str = "bob@x.example/desk";
const PHONE: &str = "bob@x.example/phone";
const CARL: &str = "carl@x.example/r";

fn leg() -> RoomLeg {
    RoomLeg {
        conversation: ConversationId::from_parts(Timestamp::from_millis(0), 1),
        network: Network::XMPP,
        chat: ChatId::new(ROOM).ok(),
        hosting: Hosting::Ours,
        home: Network::MATRIX,
        address: "#plan:hs.example".to_owned(),
        details: RoomDetails { topic: Topic::new("plans"), ..RoomDetails::default() },
        notes: None,
    }
}

fn room() -> Room {
    Room::new(ROOM, &leg(), OccupantIds::new([7; 32]))
}

fn member(number: i64, nick: &str, standing: Standing) -> Member {
    let ghost = Ghost {
        written: Written::new(format!("u{number}%hs.example@matrix.gw")).unwrap(),
        address: Address::new(Network::MATRIX, format!("@u{number}:hs.example")).unwrap(),
        name: DisplayName::new(nick),
        bot: false,
        picture: None,
    };
    Member { persona: PersonaId(number), ghost, nick: DisplayName::new(nick), standing }
}

fn wanted(members: &[(i64, &str, Standing)], total: usize) -> Wanted {
    let members = members.iter().map(|(number, nick, standing)| member(*number, nick, *standing)).collect();
    Wanted { room: leg(), members, total }
}

fn nick(text: &str) -> Nick {
    Nick::asked(text).unwrap()
}

fn join(room: &mut Room, device: &str, as_whom: &str) -> Vec<String> {
    let (_, mut copies) = room.join(device, &nick(as_whom), Vec::new()).unwrap();
    copies.push(room.subject(device));
    told(&copies)
}

/// One line for each stanza that somebody gets.
fn told(copies: &[Copies]) -> Vec<String> {
    copies.iter().flat_map(|copies| copies.to.iter().map(|to| format!("{to}: {}", short(&copies.stanza)))).collect()
}

fn short(stanza: &Element) -> String {
    let place = stanza.attr("from").and_then(|from| from.strip_prefix(ROOM)).expect("everything comes from the room");
    if let Some(subject) = child(stanza, "subject", namespace::COMPONENT) {
        return format!("subject {}", subject.text());
    }
    let user = child(stanza, "x", namespace::MUC_USER).expect("it says who");
    let codes: Vec<_> =
        user.children().filter(|child| child.name() == "status").filter_map(|status| status.attr("code")).collect();
    let Some(item) = child(user, "item", namespace::MUC_USER) else { return format!("room {}", codes.join(",")) };
    let new = item.attr("nick").map(|new| format!("={new}")).unwrap_or_default();
    let gone = if stanza.attr("type") == Some("unavailable") { "-" } else { "+" };
    let held = format!("{}/{}", item.attr("affiliation").unwrap(), item.attr("role").unwrap());
    format!("{gone}{place}{new} {held} {}", codes.join(",")).trim_end().to_owned()
}

#[test]
fn whoever_comes_sees_the_others_then_himself_then_the_subject() {
    let mut room = room();
    room.show(wanted(&[(1, "Alice", Standing::Moderator)], 5000));
    assert_eq!(
        join(&mut room, BOB, "Bob"),
        [
            "bob@x.example/desk: +/Alice admin/moderator",
            "bob@x.example/desk: +/Bob member/participant 100,110",
            "bob@x.example/desk: subject plans",
        ]
    );
    assert_eq!(
        join(&mut room, CARL, "Carl"),
        [
            "carl@x.example/r: +/Alice admin/moderator",
            "carl@x.example/r: +/Bob member/participant",
            "bob@x.example/desk: +/Carl member/participant",
            "carl@x.example/r: +/Carl member/participant 100,110",
            "carl@x.example/r: subject plans",
        ]
    );
}

#[test]
fn people_are_shown_with_full_addresses_and_stable_ids() {
    let mut room = room();
    room.show(wanted(&[(1, "Alice", Standing::Member)], 1));
    let (_, copies) = room.join(BOB, &nick("Bob"), Vec::new()).unwrap();
    let jids: Vec<_> = copies
        .iter()
        .filter_map(|copies| {
            let item = child(child(&copies.stanza, "x", namespace::MUC_USER)?, "item", namespace::MUC_USER)?;
            item.attr("jid").map(str::to_owned)
        })
        .collect();
    assert_eq!(jids, ["u1%hs.example@matrix.gw/gw", BOB]);
    let id = |copies: &Copies| {
        child(&copies.stanza, "occupant-id", namespace::OCCUPANT_ID).and_then(|id| id.attr("id").map(str::to_owned)).unwrap()
    };
    assert_ne!(id(&copies[0]), id(&copies[1]));
    assert_eq!(id(&copies[1]), room.occupant_id("bob@x.example"), "it says who he is, not with which device");
    let elsewhere = Room::new("#other%hs.example@matrix.gw", &leg(), OccupantIds::new([7; 32]));
    assert_ne!(elsewhere.occupant_id("bob@x.example"), room.occupant_id("bob@x.example"));
}

#[test]
fn several_devices_share_a_nickname() {
    let mut room = room();
    join(&mut room, BOB, "Bob");
    assert_eq!(
        join(&mut room, PHONE, "Bobby"),
        [
            "bob@x.example/desk: +/Bob member/participant 110",
            "bob@x.example/phone: +/Bob member/participant 100,110,210",
            "bob@x.example/phone: subject plans",
        ]
    );
    join(&mut room, CARL, "Carl");
    assert_eq!(room.everybody().len(), 3);
    let left = room.leave(PHONE, None, false).unwrap();
    assert_eq!((told(&left.copies), left.gone), (vec!["bob@x.example/phone: -/Bob member/none 110".to_owned()], None));
    let left = room.leave(BOB, Some("bye"), false).unwrap();
    assert_eq!(told(&left.copies), ["bob@x.example/desk: -/Bob member/none 110", "carl@x.example/r: -/Bob member/none"]);
    assert_eq!(left.gone.as_deref(), Some("bob@x.example"));
    assert!(room.leave(BOB, None, false).is_none(), "who is gone cannot go");
    assert!(!join(&mut room, PHONE, "Bob").is_empty(), "and he may come again");
}

#[test]
fn who_comes_again_is_told_everything_again() {
    let mut room = room();
    join(&mut room, CARL, "Carl");
    join(&mut room, BOB, "Bob");
    assert_eq!(
        join(&mut room, BOB, "Bob"),
        [
            "bob@x.example/desk: +/Carl member/participant",
            "carl@x.example/r: +/Bob member/participant",
            "bob@x.example/desk: +/Bob member/participant 100,110",
            "bob@x.example/desk: subject plans",
        ]
    );
    assert_eq!(room.everybody().len(), 2);
}

#[test]
fn a_nickname_is_one_persons_and_no_ghosts() {
    let mut room = room();
    join(&mut room, CARL, "Bob");
    for other in ["Bob", "bob"] {
        assert_eq!(room.join(BOB, &nick(other), Vec::new()).err(), Some(Refused::NickTaken));
    }
    assert!(room.nick_of(BOB).is_none());
    // A ghost that is called like somebody of XMPP is marked.
    assert_eq!(
        told(&room.show(wanted(&[(1, "Bob", Standing::Member), (2, "BOB", Standing::Member)], 2))),
        ["carl@x.example/r: +/Bob (matrix) member/participant", "carl@x.example/r: +/BOB (matrix) 2 member/participant",]
    );
    // And gives way when somebody comes who is called so.
    let mut room = self::room();
    join(&mut room, CARL, "Carl");
    room.show(wanted(&[(1, "Bob", Standing::Member)], 1));
    assert_eq!(
        join(&mut room, BOB, "Bob"),
        [
            "carl@x.example/r: -/Bob=Bob (matrix) member/participant 303",
            "carl@x.example/r: +/Bob (matrix) member/participant",
            "bob@x.example/desk: +/Bob (matrix) member/participant",
            "bob@x.example/desk: +/Carl member/participant",
            "carl@x.example/r: +/Bob member/participant",
            "bob@x.example/desk: +/Bob member/participant 100,110",
            "bob@x.example/desk: subject plans",
        ]
    );
    assert_eq!(room.behind("Bob (matrix)"), Some(Behind::Ghost("u1%hs.example@matrix.gw".to_owned())));
    assert_eq!(room.behind("Bob"), Some(Behind::Person(vec![BOB.into()])));
}

#[test]
fn a_change_of_name_is_told_to_all_devices() {
    let mut room = room();
    join(&mut room, BOB, "Bob");
    join(&mut room, CARL, "Carl");
    assert_eq!(room.rename(BOB, &nick("Carl")).err(), Some(Refused::NickTaken));
    assert_eq!(
        told(&room.rename(BOB, &nick("Bobby")).unwrap()),
        [
            "carl@x.example/r: -/Bob=Bobby member/participant 303",
            "bob@x.example/desk: -/Bob=Bobby member/participant 303,110",
            "carl@x.example/r: +/Bobby member/participant",
            "bob@x.example/desk: +/Bobby member/participant 110",
        ]
    );
    assert_eq!(room.nick_of(BOB).map(Nick::as_str), Some("Bobby"));
    assert_eq!(room.behind("Bob"), None);
}

#[test]
fn only_what_differs_is_told() {
    let mut room = room();
    room.show(wanted(&[(1, "Alice", Standing::Member), (2, "Dora", Standing::Member)], 2));
    join(&mut room, BOB, "Bob");
    assert!(room.show(wanted(&[(1, "Alice", Standing::Member), (2, "Dora", Standing::Member)], 2)).is_empty());
    let mut now = wanted(&[(1, "Alicia", Standing::Moderator), (3, "Emil", Standing::Visitor)], 2);
    now.room.details.topic = Topic::new("other plans");
    now.room.details.name = Some(DisplayName::new("Plans"));
    assert_eq!(
        told(&room.show(now)),
        [
            "bob@x.example/desk: -/Dora member/none",
            "bob@x.example/desk: -/Alice=Alicia admin/moderator 303",
            "bob@x.example/desk: +/Alicia admin/moderator",
            "bob@x.example/desk: +/Emil none/visitor",
            "bob@x.example/desk: room 104",
            "bob@x.example/desk: subject other plans",
        ]
    );
}

#[test]
fn whoever_speaks_is_shown_first_and_stays_in_a_large_room() {
    let mut room = room();
    join(&mut room, BOB, "Bob");
    room.show(wanted(&[(1, "Alice", Standing::Owner)], 5000));
    let (as_whom, copies) = room.speaker(&member(77, "Zoe", Standing::Member));
    assert_eq!((as_whom.as_str(), told(&copies)), ("Zoe", vec!["bob@x.example/desk: +/Zoe member/participant".to_owned()]));
    assert!(room.speaker(&member(77, "Zoe", Standing::Member)).1.is_empty());
    assert!(room.show(wanted(&[(1, "Alice", Standing::Owner)], 5000)).is_empty());
    // Where everybody is shown, who is not among them is gone.
    assert_eq!(told(&room.show(wanted(&[(1, "Alice", Standing::Owner)], 1))), ["bob@x.example/desk: -/Zoe member/none"]);
    for number in 100..300 {
        room.speaker(&member(number, &format!("n{number}"), Standing::Member));
    }
    assert!(room.powers().len() < 110, "those who spoke long ago make place");
}

#[test]
fn the_end_and_a_loss_are_told() {
    let mut room = room();
    room.restore(BOB, nick("Bob"));
    room.restore(PHONE, nick("Bob"));
    room.restore(CARL, nick("Carl"));
    assert_eq!(room.everybody().len(), 3);
    let here: Vec<_> = room.attendance().into_iter().map(|one| (one.who.as_str().to_owned(), one.nick)).collect();
    let named = |jid: &str, nick: &str| (jid.to_owned(), Some(DisplayName::new(nick)));
    assert_eq!(here, [named("bob@x.example", "Bob"), named("carl@x.example", "Carl")]);
    let left = room.leave(CARL, None, true).unwrap();
    assert_eq!(
        told(&left.copies),
        [
            "carl@x.example/r: -/Carl member/none 110,333",
            "bob@x.example/desk: -/Carl member/none 333",
            "bob@x.example/phone: -/Carl member/none 333",
        ]
    );
    assert_eq!(
        told(&room.close()),
        ["bob@x.example/desk: -/Bob member/none 110,332", "bob@x.example/phone: -/Bob member/none 110,332"]
    );
    assert!(room.is_empty());
    room.restore(CARL, nick("Carl"));
    let copies = room.destroy();
    assert_eq!(told(&copies), ["carl@x.example/r: -/Carl none/none 110"]);
    let user = child(&copies[0].stanza, "x", namespace::MUC_USER).unwrap();
    assert!(child(user, "destroy", namespace::MUC_USER).is_some());
}

fn message(attributes: &str, content: &str) -> Element {
    format!("<message xmlns='jabber:component:accept' {attributes}>{content}</message>").parse().unwrap()
}

fn hears(room: &Room, attributes: &str, content: &str) -> Heard {
    let stanza = message(attributes, content);
    heard(ROOM, Some(room), &stanza, &Envelope::read(&stanza).unwrap(), Language::English)
}

fn condition(answers: &[Element]) -> (String, Option<String>) {
    let [answer] = answers else { panic!("{answers:?}") };
    let error = child(answer, "error", namespace::COMPONENT).unwrap();
    (error.children().next().unwrap().name().to_owned(), error.attr("by").map(str::to_owned))
}

fn to_all(from: &str) -> String {
    format!("from='{from}' to='{ROOM}' type='groupchat' id='1'")
}

#[test]
fn what_is_said_to_all_is_given_back_as_it_was_and_with_the_rooms_name_for_it() {
    let mut room = room();
    join(&mut room, BOB, "Bob");
    let content = format!(
        "<body>hi</body><thread>t</thread><stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='forged'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='bob@x.example' id='his'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>\
         <x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x><odd xmlns='urn:odd'>kept</odd>"
    );
    let Heard::Said(said, Recipient::Room { chat, echo: Some(echo) }) = hears(&room, &to_all(BOB), &content) else { panic!() };
    assert_eq!((said.id.unwrap().as_str(), chat.as_str()), ("1", ROOM));
    let id = DeliveryId { event: EventId::from_parts(Timestamp::from_millis(1), 7), part: 0 };
    let given = reflected(ROOM, &echo, id, None).unwrap();
    assert_eq!((given.attr("id"), given.attr("type"), given.attr("to")), (Some("1"), Some("groupchat"), None));
    assert_eq!(given.attr("from"), Some(format!("{ROOM}/Bob").as_str()));
    let ids: Vec<_> =
        given.children().filter(|child| child.name() == "stanza-id").map(|id| (id.attr("by"), id.attr("id"))).collect();
    assert_eq!(ids, [(Some("bob@x.example"), Some("his")), (Some(ROOM), Some(id.to_string().as_str()))]);
    let occupants: Vec<_> = given.children().filter(|child| child.name() == "occupant-id").map(|id| id.attr("id")).collect();
    assert_eq!(occupants, [Some(room.occupant_id("bob@x.example").as_str())]);
    assert!(child(&given, "x", namespace::MUC_USER).is_none());
    assert!(given.children().any(|child| child.name() == "odd" && child.text() == "kept"));
    assert_eq!(child(&given, "body", namespace::COMPONENT).unwrap().text(), "hi");
    let late = reflected(ROOM, &echo, id, Some("2002-09-10T23:08:25Z")).unwrap();
    assert_eq!(child(&late, "delay", namespace::DELAY).unwrap().attr("from"), Some(ROOM));
    assert!(reflected(ROOM, &Echo("<".to_owned()), id, None).is_none());
}

#[test]
fn who_is_not_in_the_room_is_told_so_by_the_room() {
    let mut room = room();
    join(&mut room, BOB, "Bob");
    for (from, to) in [(CARL, ROOM.to_owned()), (PHONE, ROOM.to_owned()), (CARL, format!("{ROOM}/Bob"))] {
        let kind = if to == ROOM { "groupchat" } else { "chat" };
        let Heard::Answers(answers) = hears(&room, &format!("from='{from}' to='{to}' type='{kind}' id='1'"), "<body>x</body>")
        else {
            panic!("{from}")
        };
        assert_eq!(condition(&answers), ("not-acceptable".to_owned(), Some(ROOM.to_owned())), "{from}");
    }
    let stanza = message(&to_all(BOB), "<body>x</body>");
    let nowhere = heard(ROOM, None, &stanza, &Envelope::read(&stanza).unwrap(), Language::English);
    let Heard::Answers(answers) = nowhere else { panic!() };
    assert_eq!(condition(&answers).0, "not-acceptable");
}

#[test]
fn everything_else_that_is_sent_to_a_room() {
    let mut room = room();
    room.show(wanted(&[(1, "Alice", Standing::Member)], 1));
    join(&mut room, BOB, "Bob");
    join(&mut room, CARL, "Carl");
    let to = |nick: &str| format!("from='{BOB}' to='{ROOM}/{nick}' type='chat' id='1'");
    // Privately: to a ghost it is the chat with him, to one of XMPP the room passes it on.
    let Heard::Said(_, Recipient::Ghost(ghost)) = hears(&room, &to("Alice"), "<body>psst</body>") else { panic!() };
    assert_eq!(ghost, "u1%hs.example@matrix.gw");
    let Heard::Answers(passed) = hears(&room, &to("Carl"), "<body>psst</body>") else { panic!() };
    assert_eq!((passed[0].attr("from"), passed[0].attr("to")), (Some(format!("{ROOM}/Bob").as_str()), Some(CARL)));
    assert_eq!((passed[0].attr("type"), passed.len()), (Some("chat"), 1));
    let Heard::Answers(nobody) = hears(&room, &to("Emil"), "<body>psst</body>") else { panic!() };
    assert_eq!(condition(&nobody).0, "item-not-found");
    let Heard::Answers(subject) = hears(&room, &to_all(BOB), "<subject>mine</subject>") else { panic!() };
    assert_eq!(condition(&subject).0, "forbidden");
    // A chat state is shown to the others, and nowhere else.
    let composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    let Heard::Answers(shown) = hears(&room, &to_all(BOB), composing) else { panic!() };
    assert_eq!(shown.iter().map(|stanza| stanza.attr("to")).collect::<Vec<_>>(), [Some(BOB), Some(CARL)]);
    let invitation =
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='dave@y.example'><reason>come</reason></invite></x>";
    let Heard::Answers(invited) = hears(&room, &format!("from='{BOB}' to='{ROOM}' id='1'"), invitation) else { panic!() };
    assert_eq!((invited[0].attr("from"), invited[0].attr("to")), (Some(ROOM), Some("dave@y.example")));
    let invite = child(child(&invited[0], "x", namespace::MUC_USER).unwrap(), "invite", namespace::MUC_USER).unwrap();
    assert_eq!(invite.attr("from"), Some(BOB));
    assert_eq!(child(&invited[0], "x", namespace::CONFERENCE).unwrap().attr("jid"), Some(ROOM));
    let bounced = hears(&room, &format!("from='{BOB}' to='{ROOM}' type='error' id='1'"), "");
    assert!(matches!(bounced, Heard::Concerns));
}

fn ask(room: Option<&Room>, attributes: &str, payload: &str) -> Result<Option<Element>, String> {
    let stanza: Element = format!("<iq xmlns='jabber:component:accept' {attributes} id='1'>{payload}</iq>").parse().unwrap();
    let envelope = Envelope::read(&stanza).unwrap();
    let details = RoomDetails::default();
    let about = About { address: "#plan:hs.example", details: &details, occupants: 3 };
    match answer(&Asked { jid: ROOM, room, about, language: Language::English }, &envelope, &stanza) {
        Answer::None => Err("silence".to_owned()),
        Answer::OfGhost(ghost) => Err(ghost),
        Answer::Stanza(answer) if answer.attr("type") == Some("error") => {
            let (condition, by) = condition(std::slice::from_ref(&answer));
            assert_eq!(by.as_deref(), Some(ROOM));
            Err(condition)
        }
        Answer::Stanza(answer) => Ok(answer.children().next().cloned()),
    }
}

#[test]
fn every_question_has_an_answer() {
    let mut room = room();
    room.show(wanted(&[(1, "Alice", Standing::Moderator)], 1));
    join(&mut room, BOB, "Bob");
    join(&mut room, CARL, "Carl");
    let here = format!("from='{BOB}' to='{ROOM}'");
    let stranger = format!("from='eve@x.example/r' to='{ROOM}'");
    let phone = format!("from='{PHONE}' to='{ROOM}'");
    let admin = |item: &str| format!("<query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query>");
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    for (who, kind, payload, refused) in [
        (&stranger, "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", None),
        (&stranger, "get", "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", Some("item-not-found")),
        (&stranger, "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", None),
        (&stranger, "get", ping, None),
        (&phone, "set", "<query xmlns='urn:xmpp:mam:2'/>", None),
        (&here, "get", "<query xmlns='urn:xmpp:mam:2'/>", None),
        (&stranger, "set", "<query xmlns='urn:xmpp:mam:2'/>", Some("forbidden")),
        (&here, "get", "<metadata xmlns='urn:xmpp:mam:2'/>", None),
        (&here, "get", &admin("<item affiliation='admin'/>"), None),
        (&here, "get", &admin(""), Some("bad-request")),
        (&stranger, "get", &admin("<item affiliation='admin'/>"), Some("forbidden")),
        (&here, "set", &admin("<item nick='Alice' role='none'/>"), Some("not-allowed")),
        (&here, "get", "<query xmlns='http://jabber.org/protocol/muc#owner'/>", Some("forbidden")),
        (&here, "set", "<moderate xmlns='urn:xmpp:message-moderate:1' id='1'/>", Some("forbidden")),
        (&here, "get", "<vCard xmlns='vcard-temp'/>", Some("item-not-found")),
        (&here, "get", "<query xmlns='jabber:iq:register'/>", Some("feature-not-implemented")),
        (&here, "get", "<x xmlns='urn:unknown'/>", Some("service-unavailable")),
        (&here, "get", "", Some("bad-request")),
        (&format!("{here} "), "foo", ping, Some("bad-request")),
    ] {
        let answered = ask(Some(&room), &format!("{who} type='{kind}'"), payload);
        assert_eq!(answered.err().as_deref(), refused, "{kind} {payload}");
    }
    let Ok(Some(list)) = ask(Some(&room), &format!("{here} type='get'"), &admin("<item affiliation='admin'/>")) else { panic!() };
    let nicks: Vec<_> = list.children().map(|item| item.attr("nick").unwrap()).collect();
    assert_eq!(nicks, ["Alice"]);
    let Ok(Some(fin)) = ask(Some(&room), &format!("{here} type='set'"), "<query xmlns='urn:xmpp:mam:2'/>") else { panic!() };
    assert_eq!((fin.name(), fin.attr("complete")), ("fin", Some("true")));
    let own = "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>";
    let Ok(Some(mine)) = ask(Some(&room), &format!("{here} type='get'"), own) else { panic!() };
    assert_eq!(mine.children().next().unwrap().attr("name"), Some("Bob"));
    let Ok(Some(nobodys)) = ask(Some(&room), &format!("{stranger} type='get'"), own) else { panic!() };
    assert_eq!(nobodys.children().count(), 0);
}

#[test]
fn a_device_asks_whether_it_is_still_in_the_room() {
    let mut room = room();
    room.show(wanted(&[(1, "Alice", Standing::Moderator)], 1));
    join(&mut room, BOB, "Bob");
    join(&mut room, CARL, "Carl");
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    for (room, from, to, answered) in [
        (Some(&room), BOB, "Bob", None),
        (Some(&room), PHONE, "Bob", Some("not-acceptable")),
        (None, BOB, "Bob", Some("not-acceptable")),
        (Some(&room), BOB, "Emil", Some("item-not-found")),
        (Some(&room), BOB, "Carl", Some("service-unavailable")),
        (Some(&room), BOB, "Alice", Some("u1%hs.example@matrix.gw")),
    ] {
        let answer = ask(room, &format!("from='{from}' to='{ROOM}/{to}' type='get'"), ping);
        assert_eq!(answer.err().as_deref(), answered, "{from} {to}");
    }
}

#[test]
fn a_presence_is_passed_on_without_what_others_have_no_use_for() {
    let stanza: Element =
        "<presence xmlns='jabber:component:accept'><show>away</show><status>lunch</status><priority>5</priority>\
        <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/><x xmlns='http://jabber.org/protocol/muc'/>\
        <secret xmlns='urn:x'/></presence>"
            .parse()
            .unwrap();
    let names: Vec<_> = shows(&stanza).iter().map(|child| child.name().to_owned()).collect();
    assert_eq!(names, ["show", "status", "c"]);
}

#[test]
fn a_room_of_five_thousand_is_joined_at_once() {
    let mut room = room();
    let members: Vec<_> = (0..500).map(|number| member(number, &format!("Name {number}"), Standing::Member)).collect();
    let begun = std::time::Instant::now();
    room.show(Wanted { room: leg(), members, total: 5000 });
    let (_, copies) = room.join(BOB, &nick("Bob"), Vec::new()).unwrap();
    assert_eq!(copies.len(), 501);
    assert!(begun.elapsed() < std::time::Duration::from_secs(1), "{:?}", begun.elapsed());
    let all: Vec<Arc<str>> = copies.into_iter().flat_map(|copies| copies.to).collect();
    assert!(all.iter().all(|to| &**to == BOB));
}

#[test]
fn what_a_moderator_takes_back_the_room_takes_back() {
    let mut room = room();
    join(&mut room, BOB, "Bob");
    room.show(wanted(&[(1, "Alice", Standing::Moderator), (2, "Dora", Standing::Member)], 2));
    let says = |room: &mut Room, number: i64, id: &str, content: &str, taken_back| {
        let stanza = message(&format!("id='{id}' type='groupchat' from='{ROOM}'"), content);
        let author = Author::Ghost(member(number, "", Standing::Member));
        Speech::Said { stanzas: vec![stanza], author, taken_back }.copies(ROOM, room).remove(0).stanza
    };
    let retract = |id: &str| format!("<retract xmlns='urn:xmpp:message-retract:1' id='{id}'/>");
    let said = says(&mut room, 2, "1", "<body>x</body>", None);
    assert_eq!(said.attr("from"), Some(format!("{ROOM}/Dora").as_str()));
    let echo = message(&format!("id='b' type='groupchat' from='{ROOM}/Bob'"), "<body>x</body>");
    Speech::Echo { stanza: echo, id: "2".to_owned(), author: Some("bob@x.example".to_owned()) }.copies(ROOM, &mut room);
    for (number, of, side, by_room) in [
        (2, "1", Side::Ghost, false),
        (1, "1", Side::Ghost, true),
        (1, "2", Side::User, true),
        (1, "forgotten", Side::Ghost, false),
    ] {
        let stanza = says(&mut room, number, "r", &retract(of), Some(side));
        let retract = child(&stanza, "retract", namespace::RETRACT_1).unwrap();
        let moderated = child(retract, "moderated", namespace::MODERATE);
        assert_eq!((stanza.attr("from") == Some(ROOM), moderated.is_some()), (by_room, by_room), "{number} {of}");
        if let Some(moderated) = moderated {
            assert_eq!(moderated.attr("by"), Some(format!("{ROOM}/Alice").as_str()));
        }
    }
}
