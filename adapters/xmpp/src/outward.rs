// SPDX-License-Identifier: EUPL-1.2
//! From the canonical model to stanzas. Pure: the same delivery gives the same stanzas, so a repeat is recognised.

use dreiklang_engine::port::Deliverable;
use dreiklang_model::{
    Attachment, DeliveryId, DisplayName, Emoji, Kind, Language, Lifetime, Message, NativeId, Place, Placed, Reactions, Reason,
    Reply, Report, Side, Text as RichText, Timestamp, What, quoting,
    words::{self, Text},
};
use dreiklang_richtext::styling;
use minidom::Element;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    address,
    condition::Condition,
    envelope::Says,
    inward::{BLURHASH_URI, THREAD, stamp},
    mention,
    senders::Origin,
    sharing::Reachable,
    xml::{Builder, element, namespace},
};

/// The outside of what is said: who says it, where, and under which name it is known there.
#[derive(Debug, Clone)]
pub(crate) struct Outside<'a> {
    pub(crate) id: DeliveryId,
    pub(crate) place: Where<'a>,
    /// The full JID of who says it.
    pub(crate) from: String,
    /// How he is called.
    pub(crate) name: &'a DisplayName,
    /// When its author did it.
    pub(crate) sent_at: Timestamp,
    /// That time is to be shown.
    pub(crate) late: bool,
}

/// Where something is said.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Where<'a> {
    /// To one person by a ghost: their bare JIDs.
    Direct { user: &'a str, ghost: &'a str },
    /// Among the people of a room, by its bare JID. Its stanzas are addressed to nobody yet.
    Room(&'a str),
}

impl<'a> Outside<'a> {
    fn direct(delivery: &'a Deliverable) -> Self {
        let leg = &delivery.leg;
        Self {
            id: delivery.id,
            place: Where::Direct { user: leg.user.address.as_str(), ghost: leg.ghost.as_str() },
            from: address::full(leg.ghost.as_str()),
            name: &leg.ghost_name,
            sent_at: delivery.sent_at,
            late: delivery.late,
        }
    }
}

/// The stanzas for one delivery. `origin` is where the message came from that a report is about, if that is still known; `files` are
/// those of a message as they can be had, in their order.
pub(crate) fn stanzas(delivery: &Deliverable, origin: Option<&Origin>, files: &[Reachable], language: Language) -> Vec<Element> {
    said(Outside::direct(delivery), &delivery.what, origin, files, language)
}

/// The same for whatever is said anywhere.
pub(crate) fn said(
    outside: Outside<'_>,
    what: &What<Placed>,
    origin: Option<&Origin>,
    files: &[Reachable],
    language: Language,
) -> Vec<Element> {
    let writer = Writer { outside, language };
    match what {
        What::Message(message) if message.attachments.is_empty() => vec![writer.message(message, None)],
        What::Message(message) => files.iter().map(|file| writer.file(message, file)).collect(),
        What::Edit { of, to } => vec![writer.message(to, Some(of))],
        What::Retract { of } => of.parts.iter().enumerate().map(|(index, part)| writer.retraction(index, part)).collect(),
        What::React { to, with: Reactions::All(all) } => vec![writer.reactions(&to.native, all)],
        What::React { to, with: Reactions::And(one) } => vec![writer.reactions(&to.native, std::slice::from_ref(one))],
        What::Read { up_to } => vec![writer.displayed(up_to.parts.last().unwrap_or(&up_to.native))],
        What::Place(place) => writer.place(place),
        What::Poll(poll) => vec![writer.note(&Text::Poll { poll })],
        What::Timer(timer) => vec![writer.timer(*timer)],
        What::Unsupported { feature, name } => {
            vec![writer.note(&Text::CannotCarry { feature: *feature, name: name.as_deref() })]
        }
        What::Opened => vec![writer.note(&Text::Opened { name: writer.outside.name.as_str() })],
        What::Report { of, report } => match (report, origin) {
            (Report::Delivered, _) => vec![writer.receipt(of, origin)],
            (Report::Delayed, _) => vec![writer.note(&Text::Delayed)],
            (Report::Reduced(feature), _) => vec![writer.note(&Text::Reduced { feature: *feature })],
            (Report::Failed(reason), Some(origin)) => vec![writer.failure(of, reason, origin)],
            (Report::Failed(reason), None) => vec![writer.note(&Text::Failed { reason })],
        },
    }
}

/// What people read where a file of theirs would stand that cannot be brought there.
pub(crate) fn missing_file(delivery: &Deliverable, file: &Attachment, why: &Reason, language: Language) -> Element {
    missing(Outside::direct(delivery), file, why, language)
}

/// The same for a file that is missing anywhere.
pub(crate) fn missing(outside: Outside<'_>, file: &Attachment, why: &Reason, language: Language) -> Element {
    Writer { outside, language }.message(&Message::notice(words::missing(language, file, why)), None)
}

/// XEP-0172.
pub(crate) fn nick(name: &DisplayName) -> Builder {
    element("nick", namespace::NICK).text(name.as_str())
}

/// How long something stays after it was read (XEP-0466).
fn ephemeral(timer: Option<Lifetime>) -> Builder {
    element("ephemeral", namespace::EPHEMERAL).attr("timer", &timer.map_or(0, Lifetime::seconds).to_string())
}

/// The thread in which a message stands, named by the message with which it began, and how long it stays.
fn framed(stanza: Builder, message: &Message<Placed>) -> Builder {
    let stanza = stanza.children(message.expires.map(|lifetime| ephemeral(Some(lifetime))));
    match &message.thread {
        Some(thread) => stanza.text_child("thread", &format!("{THREAD}{}", thread.to.native.as_str())),
        None => stanza,
    }
}

struct Writer<'a> {
    outside: Outside<'a>,
    language: Language,
}

impl Writer<'_> {
    fn envelope(&self) -> Builder {
        let (kind, to) = match self.outside.place {
            Where::Direct { user, .. } => ("chat", Some(user)),
            Where::Room(_) => ("groupchat", None),
        };
        element("message", namespace::COMPONENT)
            .attr("type", kind)
            .attr("from", &self.outside.from)
            .maybe_attr("to", to)
            .attr("id", &self.outside.id.to_string())
    }

    /// A message or, with `corrects`, a new version of one (XEP-0308: always of the first).
    fn message(&self, message: &Message<Placed>, corrects: Option<&Placed>) -> Element {
        let text = match message.kind {
            Kind::Emote => message.text.clone().prefixed("/me "),
            Kind::Text | Kind::Notice => message.text.clone(),
        };
        let mut stanza = self.envelope();
        if let Some(subject) = &message.subject {
            stanza = stanza.text_child("subject", subject);
        }
        if let Some(of) = corrects {
            stanza = stanza.child(element("replace", namespace::CORRECT).attr("id", of.native.as_str()));
        }
        self.said(framed(self.body(stanza, &text, message), message))
    }

    /// The body: styled text (XEP-0393) or, where signs in it would be taken for styling, one that is not to be styled; with whom it
    /// mentions; and what it answers (XEP-0461), with the quote in it for clients that know no replies (XEP-0428).
    fn body(&self, stanza: Builder, text: &RichText, message: &Message<Placed>) -> Builder {
        let reply = message.in_reply_to.as_ref();
        let (text, mentions) = mention::stood_in(text.clone());
        let styled = styling::write(&text);
        let quote = reply.and_then(|reply| reply.quote.as_deref());
        let body = quote.map_or_else(|| styled.body.clone(), |quote| quoting(quote, &styled.body));
        let end = body.chars().count() - styled.body.chars().count();
        let (body, mentions) = mention::written(&body, &mentions);
        let fallback = quote.map(|_| {
            let range = element("body", namespace::FALLBACK).attr("start", "0").attr("end", &end.to_string());
            element("fallback", namespace::FALLBACK).attr("for", namespace::REPLY).child(range)
        });
        stanza
            .child(match &message.language {
                Some(language) => element("body", namespace::COMPONENT).lang(language.as_str()).text(&body),
                None => element("body", namespace::COMPONENT).text(&body),
            })
            .children(reply.map(|reply| self.answered(reply)))
            .children(fallback)
            .children(mentions)
            .children(styled.unstyled.then(|| element("unstyled", namespace::STYLING)))
    }

    /// What is answered, without words.
    fn answered(&self, reply: &Reply<Placed>) -> Builder {
        let author = match (self.outside.place, reply.to.by) {
            (Where::Direct { user, .. }, Side::User) => Some(user),
            (Where::Direct { ghost, .. }, Side::Ghost) => Some(ghost),
            // The name that a room gives to a message is enough.
            (Where::Room(_), _) => None,
        };
        element("reply", namespace::REPLY).maybe_attr("to", author).attr("id", reply.to.native.as_str())
    }

    /// One file: the body is its address and nothing else, for clients show it only so (XEP-0066; more in XEP-0447).
    fn file(&self, message: &Message<Placed>, Reachable { file, address }: &Reachable) -> Element {
        let text = |name, text: &str| element(name, namespace::FILE_METADATA).text(text);
        let mut metadata = element("file", namespace::FILE_METADATA)
            .child(text("media-type", file.media_type.as_str()))
            .child(text("name", file.name.as_str()));
        let numbers = [
            ("size", file.size),
            ("width", file.dimensions.map(|(width, _)| width.into())),
            ("height", file.dimensions.map(|(_, height)| height.into())),
            ("length", file.duration.map(u64::from)),
        ];
        for (name, number) in numbers {
            metadata = metadata.children(number.map(|number| text(name, &number.to_string())));
        }
        let blurred =
            file.blurhash.as_ref().map(|hash| format!("{BLURHASH_URI}{}", utf8_percent_encode(hash.as_str(), NON_ALPHANUMERIC)));
        metadata = metadata.children(blurred.map(|uri| {
            let (width, height) = file.dimensions.unzip();
            element("thumbnail", namespace::THUMBS)
                .attr("uri", &uri)
                .attr("media-type", "image/blurhash")
                .maybe_attr("width", width.map(|width| width.to_string()).as_deref())
                .maybe_attr("height", height.map(|height| height.to_string()).as_deref())
        }));
        let sources = element("sources", namespace::SFS).child(element("url-data", namespace::URL_DATA).attr("target", address));
        let sharing = element("file-sharing", namespace::SFS).attr("disposition", "inline").child(metadata).child(sources);
        let oob = element("x", namespace::OOB).text_child("url", address);
        let answered = message.in_reply_to.as_ref().map(|reply| self.answered(reply));
        self.said(framed(self.envelope().text_child("body", address).child(oob).child(sharing).children(answered), message))
    }

    /// XEP-0080, beside the address in the body, which clients show as a place only when nothing else stands there; then the words.
    fn place(&self, place: &Place) -> Vec<Element> {
        let text = |name, text: &str| element(name, namespace::GEOLOC).text(text);
        let spot = element("geoloc", namespace::GEOLOC)
            .children(place.accuracy.map(|metres| text("accuracy", &metres.to_string())))
            .children(place.label.as_ref().map(|label| text("description", label)))
            .child(text("lat", &place.latitude().to_string()))
            .child(text("lon", &place.longitude().to_string()));
        let shown = self.said(self.envelope().text_child("body", &place.uri()).child(spot));
        let words = place.label.as_ref().map(|label| {
            let id = format!("{}.1", self.outside.id);
            self.envelope()
                .attr("id", &id)
                .text_child("body", label)
                .children(self.nick())
                .child(element("origin-id", namespace::SID).attr("id", &id))
                .child(element("store", namespace::HINTS))
                .build()
        });
        std::iter::once(shown).chain(words).collect()
    }

    /// His name, where it does not stand in his address already.
    fn nick(&self) -> Option<Builder> {
        matches!(self.outside.place, Where::Direct { .. }).then(|| nick(self.outside.name))
    }

    /// What every message of a ghost bears. Nobody asks a whole room for receipts (XEP-0184 §5.3).
    fn said(&self, stanza: Builder) -> Element {
        let outside = &self.outside;
        let (direct, told_by) = match outside.place {
            Where::Direct { ghost, .. } => (true, address::domain(ghost)),
            Where::Room(room) => (false, room),
        };
        let late = outside.late.then(|| stamp(outside.sent_at)).flatten();
        let delay = late.map(|stamp| element("delay", namespace::DELAY).attr("from", told_by).attr("stamp", &stamp));
        stanza
            .children(self.nick())
            .child(element("origin-id", namespace::SID).attr("id", &outside.id.to_string()))
            .children(direct.then(|| element("request", namespace::RECEIPTS)))
            .child(element("markable", namespace::MARKERS))
            .child(element("store", namespace::HINTS))
            .children(delay)
            .build()
    }

    /// XEP-0424. Every part of a message is retracted by a stanza of its own.
    fn retraction(&self, index: usize, of: &NativeId) -> Element {
        let id = format!("{}{}", self.outside.id, if index == 0 { String::new() } else { format!(".{index}") });
        self.envelope()
            .attr("id", &id)
            .text_child("body", &words::say(self.language, &Text::Retracted))
            .child(element("retract", namespace::RETRACT_1).attr("id", of.as_str()))
            .child(element("fallback", namespace::FALLBACK).attr("for", namespace::RETRACT_1))
            .child(element("store", namespace::HINTS))
            .build()
    }

    /// XEP-0444: all of the ghost's reactions to a message.
    fn reactions(&self, to: &NativeId, all: &[Emoji]) -> Element {
        let emojis = all.iter().map(|emoji| element("reaction", namespace::REACTIONS).text(&emoji.qualified()));
        self.envelope()
            .child(element("reactions", namespace::REACTIONS).attr("id", to.as_str()).children(emojis))
            .child(element("store", namespace::HINTS))
            .build()
    }

    /// XEP-0333.
    fn displayed(&self, up_to: &NativeId) -> Element {
        self.envelope()
            .child(element("displayed", namespace::MARKERS).attr("id", up_to.as_str()))
            .child(element("store", namespace::HINTS))
            .build()
    }

    /// XEP-0466 §3.4: from now on. Whoever is not there hears it later.
    fn timer(&self, timer: Option<Lifetime>) -> Element {
        self.envelope().child(ephemeral(timer)).child(element("store", namespace::HINTS)).build()
    }

    /// Something the gateway says where the ghost would.
    fn note(&self, text: &Text<'_>) -> Element {
        let said = words::say(self.language, text);
        self.message(&Message::notice(said), None)
    }

    /// XEP-0184 §5. Shown in the chat to which the message was sent.
    fn receipt(&self, of: &NativeId, origin: Option<&Origin>) -> Element {
        let receipt = match origin {
            Some(origin) => self.envelope().attr("from", &origin.to),
            None => self.envelope(),
        };
        receipt
            .child(element("received", namespace::RECEIPTS).attr("id", of.as_str()))
            .child(element("store", namespace::HINTS))
            .build()
    }

    /// RFC 6120 §8.3, to the device that sent the message.
    fn failure(&self, of: &NativeId, reason: &Reason, origin: &Origin) -> Element {
        let text = words::reason(self.language, reason);
        element("message", namespace::COMPONENT)
            .attr("type", "error")
            .attr("from", &origin.to)
            .attr("to", &origin.device)
            .attr("id", of.as_str())
            .child(Condition::of(reason).element(Some(Says { language: self.language.tag(), text: &text })))
            .build()
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_engine::{Leg, Person};
    use dreiklang_model::{
        Address, Blurhash, ConversationId, DeliveryId, EventId, Feature, FileName, LanguageTag, MediaKind, MediaSource,
        MediaType, Network, PersonaId, Rich, Timestamp, Written,
        rich::{Block, Leaf, Span},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::xml::child;

    fn delivery(what: What<Placed>) -> Deliverable {
        let at = Timestamp::from_millis(1_031_699_305_000);
        let person = |network, address: &str| Person { persona: PersonaId(1), address: Address::new(network, address).unwrap() };
        Deliverable {
            id: DeliveryId { event: EventId::from_parts(at, 7), part: 1 },
            leg: Leg {
                conversation: ConversationId::from_parts(at, 8),
                user: person(Network::XMPP, "bob@xmpp.example"),
                ghost: Written::new("alice%hs.example@matrix.gw.example").unwrap(),
                other: person(Network::MATRIX, "@alice:hs.example"),
                ghost_name: DisplayName::new("Alice"),
                ghost_picture: None,
                bot: false,
                chat: None,
                notes: None,
            },
            sent_at: at,
            late: false,
            what,
        }
    }

    fn one(delivery: &Deliverable, origin: Option<&Origin>) -> Element {
        let files: Vec<_> = match &delivery.what {
            What::Message(message) => message.attachments.as_slice(),
            _ => &[],
        }
        .iter()
        .map(|file| Reachable { file: file.clone(), address: "https://up.example/1".to_owned() })
        .collect();
        let mut all = stanzas(delivery, origin, &files, Language::English);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn body(stanza: &Element) -> String {
        child(stanza, "body", namespace::COMPONENT).unwrap().text()
    }

    #[test]
    fn a_message_has_everything_that_clients_use() {
        let said = Message { subject: Some("Plan".into()), kind: Kind::Emote, ..Message::text("waves") };
        let sent = Deliverable { late: true, ..delivery(What::Message(said)) };
        let stanza = one(&sent, None);
        let id = sent.id.to_string();
        assert_eq!(stanza.attr("type"), Some("chat"));
        assert_eq!(stanza.attr("from"), Some("alice%hs.example@matrix.gw.example/gw"));
        assert_eq!(stanza.attr("to"), Some("bob@xmpp.example"));
        assert_eq!(stanza.attr("id"), Some(id.as_str()));
        assert_eq!(body(&stanza), "/me waves");
        assert_eq!(child(&stanza, "subject", namespace::COMPONENT).unwrap().text(), "Plan");
        assert_eq!(child(&stanza, "nick", namespace::NICK).unwrap().text(), "Alice");
        assert_eq!(child(&stanza, "origin-id", namespace::SID).unwrap().attr("id"), Some(id.as_str()));
        assert!(child(&stanza, "request", namespace::RECEIPTS).is_some());
        assert!(child(&stanza, "store", namespace::HINTS).is_some());
        let delay = child(&stanza, "delay", namespace::DELAY).unwrap();
        assert_eq!(delay.attr("stamp"), Some("2002-09-10T23:08:25.000Z"));
        assert_eq!(delay.attr("from"), Some("matrix.gw.example"));
        assert!(child(&one(&delivery(What::Message(Message::text("x"))), None), "delay", namespace::DELAY).is_none());
    }

    #[test]
    fn places() {
        let place = Place::new(53.07516, 8.80777).unwrap().with(Some(35.0), Some("Town hall"));
        let sent = stanzas(&delivery(What::Place(place.clone())), None, &[], Language::English);
        let [shown, words] = sent.as_slice() else { panic!() };
        assert_eq!(body(shown), "geo:53.07516,8.80777;u=35");
        assert_eq!(crate::inward::place(shown), Some(place));
        assert_eq!(body(words), "Town hall");
        assert_ne!(shown.attr("id"), words.attr("id"));
        let bare = What::Place(Place::new(1.0, 2.0).unwrap());
        assert_eq!(stanzas(&delivery(bare), None, &[], Language::English).len(), 1);
    }

    #[test]
    fn reports() {
        let of = NativeId::new("theirs").unwrap();
        let report = |report| delivery(What::Report { of: of.clone(), report });
        let origin = Origin { device: "bob@xmpp.example/phone".into(), to: "\\40alice\\3ahs.example@matrix.gw.example".into() };

        let receipt = one(&report(Report::Delivered), None);
        assert_eq!(child(&receipt, "received", namespace::RECEIPTS).unwrap().attr("id"), Some("theirs"));
        assert_eq!(receipt.attr("from"), Some("alice%hs.example@matrix.gw.example/gw"));
        assert!(child(&receipt, "request", namespace::RECEIPTS).is_none(), "a receipt asks for no receipt");
        assert_eq!(one(&report(Report::Delivered), Some(&origin)).attr("from"), Some(origin.to.as_str()));

        let failed = one(&report(Report::Failed(Reason::UnknownRecipient)), Some(&origin));
        assert_eq!((failed.attr("type"), failed.attr("id")), (Some("error"), Some("theirs")));
        assert_eq!((failed.attr("from"), failed.attr("to")), (Some(origin.to.as_str()), Some("bob@xmpp.example/phone")));
        let error = child(&failed, "error", namespace::COMPONENT).unwrap();
        assert!(child(error, "item-not-found", namespace::STANZA_ERRORS).is_some());
        assert!(!child(error, "text", namespace::STANZA_ERRORS).unwrap().text().is_empty());

        let told = one(&report(Report::Failed(Reason::UnknownRecipient)), None);
        assert_eq!(told.attr("type"), Some("chat"));
        assert!(body(&told).contains("not delivered"));
        assert!(!body(&one(&report(Report::Delayed), None)).is_empty());
        assert!(body(&one(&report(Report::Reduced(Feature::Poll)), None)).contains("poll"));
    }

    fn placed(ids: &[&str], by: Side) -> Placed {
        let parts: Vec<_> = ids.iter().map(|id| NativeId::new(*id).unwrap()).collect();
        Placed { native: parts[0].clone(), parts, by }
    }

    #[test]
    fn answers_name_the_message_and_its_author() {
        let answer = |quote: Option<&str>, by| {
            let in_reply_to = Some(Reply { to: placed(&["1"], by), quote: quote.map(str::to_owned) });
            one(&delivery(What::Message(Message { in_reply_to, ..Message::text("yes 😀") })), None)
        };
        let stanza = answer(Some("grüß dich"), Side::User);
        let reply = child(&stanza, "reply", namespace::REPLY).unwrap();
        assert_eq!((reply.attr("to"), reply.attr("id")), (Some("bob@xmpp.example"), Some("1")));
        assert_eq!(body(&stanza), "> grüß dich\n\nyes 😀");
        let fallback = child(&stanza, "fallback", namespace::FALLBACK).unwrap();
        let range = child(fallback, "body", namespace::FALLBACK).unwrap();
        assert_eq!((range.attr("start"), range.attr("end")), (Some("0"), Some("13")));
        let bare = answer(None, Side::Ghost);
        assert_eq!(child(&bare, "reply", namespace::REPLY).unwrap().attr("to"), Some("alice%hs.example@matrix.gw.example"));
        assert_eq!(body(&bare), "yes 😀");
    }

    #[test]
    fn the_language_stands_at_the_body() {
        let tag = |stanza: &Element| {
            child(stanza, "body", namespace::COMPONENT).unwrap().attr_ns(namespace::XML, "lang").map(str::to_owned)
        };
        let said = |language| one(&delivery(What::Message(Message { language, ..Message::text("ja") })), None);
        assert_eq!(tag(&said(LanguageTag::new("de-AT"))).as_deref(), Some("de-AT"));
        assert_eq!(tag(&said(None)), None);
    }

    #[test]
    fn timers() {
        let timer = |what| {
            let stanza = one(&delivery(what), None);
            let timer = child(&stanza, "ephemeral", namespace::EPHEMERAL).and_then(|it| it.attr("timer")).map(str::to_owned);
            (timer, child(&stanza, "body", namespace::COMPONENT).is_some())
        };
        assert_eq!(timer(What::Timer(Lifetime::new(60))), (Some("60".into()), false));
        assert_eq!(timer(What::Timer(None)), (Some("0".into()), false));
        assert_eq!(timer(What::Message(Message { expires: Lifetime::new(60), ..Message::text("x") })), (Some("60".into()), true));
        assert_eq!(timer(What::Message(Message::text("x"))), (None, true));
    }

    #[test]
    fn a_thread_is_named_by_its_beginning() {
        let thread = Some(Reply { to: placed(&["1"], Side::User), quote: Some("the plan".into()) });
        let stanza = one(&delivery(What::Message(Message { thread, ..Message::text("yes") })), None);
        assert_eq!(child(&stanza, "thread", namespace::COMPONENT).unwrap().text(), "thread-of-1");
        assert_eq!(body(&stanza), "yes");
        assert!(child(&stanza, "reply", namespace::REPLY).is_none(), "a thread is no answer");
    }

    #[test]
    fn what_refers_to_a_message_names_it() {
        let corrected = one(&delivery(What::Edit { of: placed(&["1"], Side::Ghost), to: Message::text("right") }), None);
        assert_eq!(child(&corrected, "replace", namespace::CORRECT).unwrap().attr("id"), Some("1"));
        assert_eq!(body(&corrected), "right");
        let retracted = delivery(What::Retract { of: placed(&["1", "2"], Side::Ghost) });
        let all = stanzas(&retracted, None, &[], Language::English);
        let of: Vec<_> = all.iter().map(|one| child(one, "retract", namespace::RETRACT_1).unwrap().attr("id")).collect();
        assert_eq!(of, [Some("1"), Some("2")]);
        assert_ne!(all[0].attr("id"), all[1].attr("id"));
        let heart = Reactions::All(vec![Emoji::new("❤").unwrap()]);
        let reacted = one(&delivery(What::React { to: placed(&["1"], Side::User), with: heart }), None);
        let reactions = child(&reacted, "reactions", namespace::REACTIONS).unwrap();
        assert_eq!((reactions.attr("id"), reactions.children().next().unwrap().text()), (Some("1"), "❤️".to_owned()));
        let read = one(&delivery(What::Read { up_to: placed(&["1", "2"], Side::User) }), None);
        assert_eq!(child(&read, "displayed", namespace::MARKERS).unwrap().attr("id"), Some("2"));
    }

    #[test]
    fn formatting_is_styled_and_what_only_looks_like_it_is_not() {
        let sent = |text: RichText| one(&delivery(What::Message(Message::text(text))), None);
        let unstyled = |stanza: &Element| child(stanza, "unstyled", namespace::STYLING).is_some();
        let rich = |body: &str| RichText::from(styling::read(body));
        let strong = sent(rich("*now* or `never`"));
        assert_eq!((body(&strong).as_str(), unstyled(&strong)), ("*now* or `never`", false));
        let typed = sent("*now* or `never`".into());
        assert_eq!((body(&typed).as_str(), unstyled(&typed)), ("*now* or `never`", true));
        let harmless = sent("2 * 3 * 4\n> quoted".into());
        assert_eq!((body(&harmless).as_str(), unstyled(&harmless)), ("2 * 3 * 4\n> quoted", false));
        let emote = delivery(What::Message(Message { kind: Kind::Emote, ..Message::text(rich("waves *wildly*")) }));
        assert_eq!(body(&one(&emote, None)), "/me waves *wildly*");
        let in_reply_to = Some(Reply { to: placed(&["1"], Side::User), quote: Some("old".into()) });
        let answer = one(&delivery(What::Message(Message { in_reply_to, ..Message::text(rich("*yes*")) })), None);
        assert_eq!(body(&answer), "> old\n\n*yes*");
        let corrected = one(&delivery(What::Edit { of: placed(&["1"], Side::Ghost), to: Message::text(rich("_x_")) }), None);
        assert_eq!(body(&corrected), "_x_");
    }

    #[test]
    fn mentions_name_their_place_behind_a_quote() {
        let who = Address::new(Network::XMPP, "bob@xmpp.example").unwrap();
        let mention = Span { leaf: Leaf::Mention { who, name: "Bob".into() }, ..Span::plain("") };
        let text: RichText = Rich::new(vec![Block::Paragraph(vec![mention, Span::plain(": *")])]).into();
        let in_reply_to = Some(Reply { to: placed(&["1"], Side::User), quote: Some("old".into()) });
        let stanza = one(&delivery(What::Message(Message { in_reply_to, ..Message::text(text) })), None);
        assert_eq!(body(&stanza), "> old\n\nBob: *");
        let reference = child(&stanza, "reference", namespace::REFERENCE).unwrap();
        assert_eq!((reference.attr("begin"), reference.attr("end")), (Some("7"), Some("10")));
        assert_eq!(reference.attr("uri"), Some("xmpp:bob@xmpp.example"));
        assert_eq!(child(&stanza, "mention", namespace::MENTIONS).unwrap().attr("jid"), Some("bob@xmpp.example"));
    }

    #[test]
    fn a_file_is_its_address() {
        let file = Attachment {
            kind: MediaKind::Image,
            name: FileName::new("cat.png"),
            media_type: MediaType::new("image/png"),
            size: Some(7),
            dimensions: Some((3, 2)),
            blurhash: Blurhash::new("LEHV6nWB2yk8pyo0adR*.7kCMdnj"),
            duration: None,
            source: MediaSource { network: Network::MATRIX, locator: "mxc://x/y".into() },
            link: None,
        };
        let in_reply_to = Some(Reply { to: placed(&["1"], Side::User), quote: Some("old".into()) });
        let said = Message { attachments: vec![file], in_reply_to, ..Message::text("") };
        let stanza = one(&delivery(What::Message(said)), None);
        assert_eq!(body(&stanza), "https://up.example/1");
        assert_eq!(child(&stanza, "reply", namespace::REPLY).unwrap().attr("id"), Some("1"));
        let oob = child(&stanza, "x", namespace::OOB).unwrap();
        assert_eq!(child(oob, "url", namespace::OOB).unwrap().text(), "https://up.example/1");
        let sharing = child(&stanza, "file-sharing", namespace::SFS).unwrap();
        let metadata = child(sharing, "file", namespace::FILE_METADATA).unwrap();
        assert_eq!(child(metadata, "width", namespace::FILE_METADATA).unwrap().text(), "3");
        let thumbnail = child(metadata, "thumbnail", namespace::THUMBS).unwrap();
        assert_eq!(thumbnail.attr("uri"), Some("data:image/blurhash,LEHV6nWB2yk8pyo0adR%2A%2E7kCMdnj"));
    }

    #[test]
    fn what_was_not_reduced_is_still_readable() {
        assert!(body(&one(&delivery(What::Opened), None)).contains("Alice"));
        let file = What::Unsupported { feature: Feature::File, name: Some("a.pdf".into()) };
        assert!(body(&one(&delivery(file), None)).contains("a.pdf"));
    }

    proptest! {
        #[test]
        fn any_text_is_well_formed_and_comes_back(text in any::<String>(), name in any::<String>()) {
            let mut sent = delivery(What::Message(Message::text(text.clone())));
            sent.leg.ghost_name = DisplayName::new(&name);
            let mut bytes = rxml::bytes::BytesMut::new();
            crate::xml::write(&one(&sent, None), &mut bytes).unwrap();
            let back: Element = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
            let legal = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
            prop_assert_eq!(body(&back), text.chars().filter(legal).collect::<String>());
        }
    }
}
