// SPDX-License-Identifier: EUPL-1.2
//! What somebody meant with a message stanza. Pure: the table of what crosses, what is refused and what means nothing.

use dreiklang_model::{
    DisplayName, Feature, Kind, Language, LanguageTag, Message, NativeId, Place, Reason, Text, Timestamp, Typing, What,
};
use minidom::Element;

use super::{
    encryption::{Encryption, encryption},
    files::{self, Shared},
    formatting, references, time,
};
use crate::{
    avatars::{self, Announced},
    chat_states,
    condition::{Condition, Refusal},
    envelope::Envelope,
    xml::{child, in_stanza_namespace, namespace},
};

/// What a message stanza means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Somebody wrote something.
    Said(Box<Said>),
    /// Something we sent was refused.
    Refusal(Refusal),
    /// It cannot be carried, and its sender must hear why.
    Refused(Reason),
    /// It is addressed to something that ghosts are not.
    Unservable(Condition),
    /// Somebody tells how he is called or looks.
    Announced(Announced),
    /// Somebody is writing, or no longer (XEP-0085), and says nothing else.
    Writing(Typing),
    /// It carries nothing for people; by one word, for the count.
    Nothing(&'static str),
}

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// His id for it, or the origin-id (XEP-0359); nothing when there is neither.
    pub(crate) id: Option<NativeId>,
    /// His name (XEP-0172).
    pub(crate) name: Option<DisplayName>,
    /// When, if it was delayed (XEP-0203).
    pub(crate) sent_at: Option<Timestamp>,
    /// He asked for a receipt (XEP-0184) and gave the id that it needs.
    pub(crate) wants_receipt: bool,
    /// What.
    pub(crate) what: What<NativeId>,
}

/// Reads a message stanza; `language` is preferred among several bodies.
pub(super) fn read(stanza: &Element, envelope: &Envelope<'_>, language: Language) -> Meaning {
    match envelope.kind_of {
        Some("error") => Meaning::Refusal(Refusal::read(stanza)),
        Some("groupchat") => Meaning::Unservable(Condition::ServiceUnavailable),
        Some("headline") => avatars::in_event(stanza).map_or(Meaning::Nothing("headline"), Meaning::Announced),
        // RFC 6121 §5.2.2: anything unknown is normal.
        _ => content(stanza, envelope, language),
    }
}

/// Reads what stands in a message stanza, whatever its type.
pub(crate) fn content(stanza: &Element, envelope: &Envelope<'_>, language: Language) -> Meaning {
    if wraps_another(stanza) {
        return Meaning::Nothing("forwarded");
    }
    let body = chosen(stanza, "body", language);
    let spoken = body.and_then(|body| LanguageTag::new(body.attr_ns(namespace::XML, "lang")?));
    let body = body.map(Element::text);
    match encryption(stanza, body.as_deref()) {
        Some(Encryption::Content(scheme)) => return Meaning::Refused(Reason::Encrypted(scheme)),
        Some(Encryption::KeysOnly) => return Meaning::Nothing("keys"),
        None => {}
    }
    match what(stanza, body, language) {
        Ok(mut what) => {
            if let What::Message(message) | What::Edit { to: message, .. } = &mut what {
                message.language = spoken.filter(|_| !message.text.is_empty());
                message.expires = references::timer(stanza).flatten();
            }
            Meaning::Said(Box::new(said(stanza, envelope, what)))
        }
        // Servers that know no headlines.
        Err("empty") => avatars::in_event(stanza).map_or(Meaning::Nothing("empty"), Meaning::Announced),
        Err("chat_state") => chat_states::read(stanza).map_or(Meaning::Nothing("chat_state"), Meaning::Writing),
        Err(nothing) => Meaning::Nothing(nothing),
    }
}

fn said(stanza: &Element, envelope: &Envelope<'_>, what: What<NativeId>) -> Said {
    let origin = child(stanza, "origin-id", namespace::SID).and_then(|origin| origin.attr("id"));
    let id = envelope.id.or(origin).and_then(|id| NativeId::new(id).ok());
    let nick = child(stanza, "nick", namespace::NICK).map(|nick| DisplayName::new(&nick.text()));
    Said {
        name: nick.filter(|name| !name.is_empty()),
        sent_at: child(stanza, "delay", namespace::DELAY).and_then(|delay| time::read(delay.attr("stamp")?)),
        wants_receipt: envelope.id.is_some() && child(stanza, "request", namespace::RECEIPTS).is_some(),
        id,
        what,
    }
}

/// Carbons (XEP-0280), archive results (XEP-0313) and forwarded stanzas speak of messages of other people.
fn wraps_another(stanza: &Element) -> bool {
    stanza.children().any(|child| {
        let carbon = child.is("received", namespace::CARBONS) || child.is("sent", namespace::CARBONS);
        carbon || child.is("result", namespace::MAM) || child.is("forwarded", namespace::FORWARD)
    })
}

/// The text of a child that may be there in several languages.
fn text_of(stanza: &Element, name: &str, language: Language) -> Option<String> {
    chosen(stanza, name, language).map(Element::text)
}

/// Of children that may be there in several languages (RFC 6121 §5.2.3) the preferred one, else the one without, else the first. What
/// stands at the stanza itself is no language of a text: servers put it there for all that a client sends.
fn chosen<'a>(stanza: &'a Element, name: &str, language: Language) -> Option<&'a Element> {
    let texts = || {
        let all = stanza.children().filter(|child| child.name() == name && in_stanza_namespace(child));
        all.filter(|child| !child.text().is_empty())
    };
    let tag = |child: &Element| child.attr_ns(namespace::XML, "lang").unwrap_or("").to_ascii_lowercase();
    let preferred = texts().find(|child| tag(child).split('-').next() == Some(language.tag()));
    preferred.or_else(|| texts().find(|child| tag(child).is_empty())).or_else(|| texts().next())
}

fn what(stanza: &Element, body: Option<String>, language: Language) -> Result<What<NativeId>, &'static str> {
    if let Some(retraction) = references::retraction(stanza) {
        return retraction;
    }
    if let Some(reactions) = references::reactions(stanza, body.as_deref()) {
        return reactions;
    }
    if let Some(place) = place(stanza) {
        return Ok(What::Place(place));
    }
    let unsupported = |feature, name| Ok(What::Unsupported { feature, name });
    let shared = files::shared(stanza);
    let subject = text_of(stanza, "subject", language);
    if let Some(body) = body.or_else(|| subject.clone()) {
        let subject = subject.filter(|subject| *subject != body);
        let (text, answer) = formatting::text(stanza, &body, |body| references::answer(stanza, body));
        let thread = references::thread(stanza);
        let mut message = Message { subject, in_reply_to: answer.to, thread, ..message(text) };
        if let Some(Shared::File(file)) = shared {
            // Beside a file the body is its address, or a caption.
            let said = message.text.reading();
            if said.trim() == file.source.locator || said.trim() == address_of(stanza).unwrap_or_default() {
                message.text = Text::plain("");
            }
            message.attachments.push(*file);
        }
        return Ok(match references::corrected(stanza) {
            Some(of) => What::Edit { of, to: message },
            None => What::Message(message),
        });
    }
    match shared {
        Some(Shared::File(file)) => {
            let thread = references::thread(stanza);
            return Ok(What::Message(Message { attachments: vec![*file], thread, ..Message::text("") }));
        }
        Some(Shared::Encrypted) => return unsupported(Feature::File, None),
        Some(Shared::Elsewhere(kind, name)) => return unsupported(kind.feature(), name.map(String::from)),
        None => {}
    }
    if child(stanza, "geoloc", namespace::GEOLOC).is_some() {
        return unsupported(Feature::Location, None);
    }
    if child(stanza, "propose", namespace::JINGLE_MESSAGE).is_some() {
        return unsupported(Feature::Call, None);
    }
    if child(stanza, "reference", namespace::SIMS).is_some() {
        return unsupported(Feature::File, None);
    }
    let timer = references::timer(stanza).map(What::Timer);
    timer.or_else(|| references::displayed(stanza)).ok_or_else(|| service_content(stanza))
}

/// A place: XEP-0080, or a body that is nothing but its address (RFC 5870), as most clients send it.
pub(crate) fn place(stanza: &Element) -> Option<Place> {
    let body =
        child(stanza, "body", namespace::COMPONENT).or_else(|| child(stanza, "body", namespace::CLIENT)).map(Element::text);
    let named = body.as_deref().and_then(Place::from_uri);
    let Some(spot) = child(stanza, "geoloc", namespace::GEOLOC) else { return named };
    let text = |name| child(spot, name, namespace::GEOLOC).map(Element::text);
    let number = |name| text(name).and_then(|number| number.trim().parse::<f64>().ok());
    let spotted = number("lat").zip(number("lon")).and_then(|(latitude, longitude)| Place::new(latitude, longitude));
    let said = body.filter(|_| named.is_none());
    let label = said.or_else(|| ["description", "text", "locality"].into_iter().find_map(text));
    Some(spotted.or(named)?.with(number("accuracy"), label.as_deref()))
}

/// The address that a file was given, as it was written.
fn address_of(stanza: &Element) -> Option<String> {
    Some(child(child(stanza, "x", namespace::OOB)?, "url", namespace::OOB)?.text().trim().to_owned())
}

/// By one word, what a message without anything for people was.
fn service_content(stanza: &Element) -> &'static str {
    let has = |space: &str| stanza.children().any(|child| child.has_ns(space));
    if has(namespace::RECEIPTS) {
        "receipt"
    } else if stanza.children().any(|child| child.ns().starts_with("urn:xmpp:chat-markers:")) {
        "marker"
    } else if has(namespace::CHAT_STATES) {
        "chat_state"
    } else {
        "empty"
    }
}

fn message(text: Text) -> Message<NativeId> {
    // XEP-0245: the four characters at the very beginning, and something after them.
    match text.without_prefix("/me ") {
        Some(action) => Message { kind: Kind::Emote, ..Message::text(action) },
        None => Message::text(text),
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Attachment, Emoji, FileName, Lifetime, MediaKind, MediaSource, MediaType, Network, Reactions, Reply};
    use proptest::prelude::*;

    use super::*;

    fn parse(attributes: &str, content: &str) -> Element {
        format!("<message xmlns='jabber:component:accept' from='bob@x/r' to='alice%hs@gw' {attributes}>{content}</message>")
            .parse()
            .unwrap()
    }

    fn meaning(attributes: &str, content: &str) -> Meaning {
        let stanza = parse(attributes, content);
        read(&stanza, &Envelope::read(&stanza).unwrap(), Language::German)
    }

    fn said(attributes: &str, content: &str) -> Said {
        match meaning(attributes, content) {
            Meaning::Said(said) => *said,
            other => panic!("{other:?}"),
        }
    }

    fn text(text: &str) -> What<NativeId> {
        What::Message(Message::text(text))
    }

    fn spoken(tag: &str, text: &str) -> What<NativeId> {
        What::Message(Message { language: LanguageTag::new(tag), ..Message::text(text) })
    }

    fn picture(caption: &str) -> What<NativeId> {
        let file = Attachment {
            kind: MediaKind::Image,
            name: FileName::new("1.png"),
            media_type: MediaType::new("image/png"),
            size: None,
            dimensions: None,
            blurhash: None,
            duration: None,
            source: MediaSource { network: Network::XMPP, locator: "https://x/1.png".into() },
            link: None,
        };
        What::Message(Message { attachments: vec![file], ..Message::text(caption) })
    }

    #[test]
    fn what_is_carried() {
        let native = |id: &str| NativeId::new(id).unwrap();
        let unsupported = |feature, name: Option<&str>| What::Unsupported { feature, name: name.map(str::to_owned) };
        for (attributes, content, what) in [
            ("type='chat'", "<body>hello</body>", text("hello")),
            ("", "<body>hello</body>", text("hello")),
            ("type='foo'", "<body>hello</body>", text("hello")),
            ("type=''", "<thread>1</thread><thread>2</thread>stray<body>hello</body>", text("hello")),
            ("", "<body xmlns='jabber:client'>hello</body>", text("hello")),
            ("", "<body>/me waves</body>", What::Message(Message { kind: Kind::Emote, ..Message::text("waves") })),
            ("", "<body>/me </body>", text("/me ")),
            ("", "<body>/mean</body>", text("/mean")),
            ("", "<body xml:lang='fr'>oui</body><body xml:lang='de-AT'>ja</body>", spoken("de-AT", "ja")),
            ("", "<body xml:lang='fr'>oui</body><body>yes</body>", text("yes")),
            ("", "<body xml:lang='fr'>oui</body><body xml:lang='en'>yes</body>", spoken("fr", "oui")),
            ("xml:lang='en'", "<body>ja</body>", text("ja")),
            ("", "<body xml:lang='de_AT'>ja</body>", text("ja")),
            (
                "type='normal'",
                "<subject>Plan</subject><body>at 8</body>",
                What::Message(Message { subject: Some("Plan".into()), ..Message::text("at 8") }),
            ),
            ("", "<subject>Plan</subject>", text("Plan")),
            (
                "",
                "<body>right</body><replace xmlns='urn:xmpp:message-correct:0' id='first'/>",
                What::Edit { of: native("first"), to: Message::text("right") },
            ),
            ("", "<body>right</body><replace xmlns='urn:xmpp:message-correct:0' id=''/>", text("right")),
            (
                "",
                "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>👍</reaction></reactions>",
                What::React { to: native("1"), with: Reactions::All(vec![Emoji::new("👍").unwrap()]) },
            ),
            (
                "",
                "<retract xmlns='urn:xmpp:message-retract:1' id='1'/><body>unsupported by your client</body>",
                What::Retract { of: native("1") },
            ),
            ("", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", What::Read { up_to: native("1") }),
            (
                "",
                "<body>> old\nyes</body><reply xmlns='urn:xmpp:reply:0' id='1'/><fallback xmlns='urn:xmpp:fallback:0' \
                 for='urn:xmpp:reply:0'><body start='0' end='6'/></fallback>",
                What::Message(Message {
                    in_reply_to: Some(Reply { to: native("1"), quote: Some("old".into()) }),
                    ..Message::text("yes")
                }),
            ),
            ("", "<body>https://x/1.png</body><x xmlns='jabber:x:oob'><url>https://x/1.png</url></x>", picture("")),
            ("", "<body>look</body><x xmlns='jabber:x:oob'><url>https://x/1.png</url></x>", picture("look")),
            ("", "<x xmlns='jabber:x:oob'><url>https://x/1.png</url></x>", picture("")),
            ("", "<x xmlns='jabber:x:oob'><url>aesgcm://x/1.png#00</url></x>", unsupported(Feature::File, None)),
            ("", "<x xmlns='jabber:x:oob'><url/></x>", unsupported(Feature::File, None)),
            (
                "",
                "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><media-type>image/png</media-type>\
                 <name>cat.png</name></file></file-sharing>",
                unsupported(Feature::Image, Some("cat.png")),
            ),
            ("", "<file-sharing xmlns='urn:xmpp:sfs:0'/>", unsupported(Feature::File, None)),
            ("", "<geoloc xmlns='http://jabber.org/protocol/geoloc'/>", unsupported(Feature::Location, None)),
            ("", "<body>geo:1.5,2;u=7</body>", What::Place(Place::new(1.5, 2.0).unwrap().with(Some(7.0), None))),
            ("", "<body>see geo:1.5,2</body>", text("see geo:1.5,2")),
            (
                "",
                "<body>Town hall</body><geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>1.5</lat><lon>2</lon></geoloc>",
                What::Place(Place::new(1.5, 2.0).unwrap().with(None, Some("Town hall"))),
            ),
            ("", "<ephemeral xmlns='urn:xmpp:ephemeral:0' timer='60'/>", What::Timer(Lifetime::new(60))),
            ("", "<ephemeral xmlns='urn:xmpp:ephemeral:0' timer='0'/>", What::Timer(None)),
            (
                "",
                "<body>soon gone</body><ephemeral xmlns='urn:xmpp:ephemeral:0' timer='60'/>",
                What::Message(Message { expires: Lifetime::new(60), ..Message::text("soon gone") }),
            ),
            ("", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", unsupported(Feature::Call, None)),
        ] {
            assert_eq!(said(attributes, content).what, what, "{attributes} {content}");
        }
    }

    #[test]
    fn what_means_nothing_or_is_refused() {
        for (attributes, content, meant) in [
            ("type='headline'", "<body>news</body>", Meaning::Nothing("headline")),
            ("type='groupchat'", "<body>hi</body>", Meaning::Unservable(Condition::ServiceUnavailable)),
            ("", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", Meaning::Writing(Typing::Started)),
            ("", "<dancing xmlns='http://jabber.org/protocol/chatstates'/>", Meaning::Nothing("chat_state")),
            ("", "<received xmlns='urn:xmpp:receipts' id='1'/>", Meaning::Nothing("receipt")),
            ("", "<displayed xmlns='urn:xmpp:chat-markers:0'/>", Meaning::Nothing("marker")),
            ("", "<body/>", Meaning::Nothing("empty")),
            ("", "", Meaning::Nothing("empty")),
            ("", "<reactions xmlns='urn:xmpp:reactions:0'/>", Meaning::Nothing("malformed")),
            ("", "<body>x</body><received xmlns='urn:xmpp:carbons:2'/>", Meaning::Nothing("forwarded")),
            ("", "<result xmlns='urn:xmpp:mam:2'/>", Meaning::Nothing("forwarded")),
            ("", "<privilege xmlns='urn:xmpp:privilege:2'/>", Meaning::Nothing("empty")),
            (
                "",
                "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload/></encrypted><body>OMEMO</body>",
                Meaning::Refused(Reason::Encrypted("OMEMO".into())),
            ),
        ] {
            assert_eq!(meaning(attributes, content), meant, "{attributes} {content}");
        }
        assert!(matches!(meaning("type='error'", "<body>mine</body><error/>"), Meaning::Refusal(_)));
    }

    #[test]
    fn what_stands_around_it() {
        // XEP-0280 §9: whoever wants no carbons of his message says so in it.
        assert_eq!(said("", "<body>x</body><private xmlns='urn:xmpp:carbons:2'/>").what, text("x"));
        let plain = said("", "<body>x</body>");
        assert_eq!((plain.id, plain.name, plain.sent_at, plain.wants_receipt), (None, None, None, false));
        let full = said(
            "id='1'",
            "<body>x</body><nick xmlns='http://jabber.org/protocol/nick'> Bob\u{202e} B. </nick>\
             <request xmlns='urn:xmpp:receipts'/><delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>\
             <origin-id xmlns='urn:xmpp:sid:0' id='2'/>",
        );
        assert_eq!(full.id, NativeId::new("1").ok());
        assert_eq!(full.name, Some(DisplayName::new("Bob B.")));
        assert_eq!(full.sent_at, Some(Timestamp::from_millis(1_031_699_305_000)));
        assert!(full.wants_receipt);
        let origin = said("", "<body>x</body><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='2'/>");
        assert_eq!((origin.id, origin.wants_receipt), (NativeId::new("2").ok(), false), "a receipt needs an id");
    }

    proptest! {
        #[test]
        fn any_body_is_carried_whole(body in "\\PC{1,200}") {
            let mut stanza = parse("", "<body/>");
            if let Some(child) = stanza.children_mut().next() { child.append_text(body.clone()) }
            let envelope = Envelope::read(&stanza).unwrap();
            if let Meaning::Said(said) = read(&stanza, &envelope, Language::English) {
                let What::Message(message) = said.what else { panic!() };
                let back = if message.kind == Kind::Emote { message.text.prefixed("/me ") } else { message.text };
                // Of styling the signs are left out, of anything else nothing.
                let words = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
                match back.rich() {
                    Some(_) => prop_assert_eq!(words(&back.reading()), words(&body)),
                    None => prop_assert_eq!(back.reading(), body),
                }
            } else {
                prop_assert!(body.starts_with("?OTR"));
            }
        }
    }
}
