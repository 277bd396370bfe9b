// SPDX-License-Identifier: EUPL-1.2
//! Pictures and names of people on XMPP: what they announce (XEP-0153 in presence, XEP-0084 and XEP-0172 by PEP), where the bytes are
//! asked for, and reading the answers. Pure. What ghosts show is `service/profile.rs`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dreiklang_model::{DisplayName, MediaSource, Network, PictureHash, Portrait};
use minidom::Element;

use crate::xml::{child, element, namespace};

/// Most characters of a picture in a stanza.
const LONGEST: usize = 4 * 1024 * 1024;

/// Something that somebody announces about himself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Announced {
    /// His name.
    Nick(DisplayName),
    /// His picture, by its SHA-1; nothing when he shows none.
    Picture(Option<PictureHash>),
}

/// What a presence says of a picture (XEP-0153 §4): nothing while the client does not know yet.
pub(crate) fn in_presence(presence: &Element) -> Option<Option<PictureHash>> {
    let photo = child(child(presence, "x", namespace::VCARD_UPDATE)?, "photo", namespace::VCARD_UPDATE)?;
    hash(photo.text().trim())
}

/// What an event of somebody's account says (XEP-0060 §7.1, XEP-0163).
pub(crate) fn in_event(message: &Element) -> Option<Announced> {
    let items = child(child(message, "event", namespace::PUBSUB_EVENT)?, "items", namespace::PUBSUB_EVENT)?;
    let item = child(items, "item", namespace::PUBSUB_EVENT)?;
    match items.attr("node")? {
        namespace::NICK => {
            let nick = DisplayName::new(&child(item, "nick", namespace::NICK)?.text());
            (!nick.is_empty()).then_some(Announced::Nick(nick))
        }
        namespace::AVATAR_METADATA => {
            let metadata = child(item, "metadata", namespace::AVATAR_METADATA)?;
            match child(metadata, "info", namespace::AVATAR_METADATA) {
                Some(info) => hash(info.attr("id").or_else(|| item.attr("id"))?).map(Announced::Picture),
                None => Some(Announced::Picture(None)),
            }
        }
        _ => None,
    }
}

fn hash(text: &str) -> Option<Option<PictureHash>> {
    if text.is_empty() { Some(None) } else { PictureHash::new(text).ok().map(Some) }
}

/// Where somebody's picture is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Who asks: a ghost that he shows himself to, or a component.
    pub(crate) asker: String,
    /// Who is asked: a bare JID.
    pub(crate) user: String,
    /// Which picture, where it was announced.
    pub(crate) hash: Option<PictureHash>,
}

/// The first word of what this adapter calls a place.
const PLACE: &str = "avatar";

impl Place {
    /// The picture as the engine knows it; `version` changes with it.
    pub(crate) fn portrait(&self, version: &str) -> Portrait {
        let hash = self.hash.as_ref().map_or("-", PictureHash::as_str);
        let locator = format!("{PLACE} {} {} {hash}", self.asker, self.user);
        Portrait { version: version.to_owned(), source: Some(MediaSource { network: Network::XMPP, locator }) }
    }

    /// [`None`] for what is another file.
    pub(crate) fn read(locator: &str) -> Option<Self> {
        let mut words = locator.split(' ');
        if words.next() != Some(PLACE) {
            return None;
        }
        let (asker, user, hash) = (words.next()?.to_owned(), words.next()?.to_owned(), words.next()?);
        Some(Self { asker, user, hash: PictureHash::new(hash).ok() })
    }

    /// Asks for the data that he published (XEP-0084 §4.2).
    pub(crate) fn question_for_data(&self, id: &str) -> Option<Element> {
        let item = element("item", namespace::PUBSUB).attr("id", self.hash.as_ref()?.as_str());
        let items = element("items", namespace::PUBSUB).attr("node", namespace::AVATAR_DATA).child(item);
        let ask = self.question(id).child(element("pubsub", namespace::PUBSUB).child(items));
        Some(ask.build())
    }

    /// Asks for his vCard (XEP-0054 §3.2).
    pub(crate) fn question_for_card(&self, id: &str) -> Element {
        self.question(id).child(element("vCard", namespace::VCARD)).build()
    }

    fn question(&self, id: &str) -> crate::xml::Builder {
        element("iq", namespace::COMPONENT).attr("type", "get").attr("from", &self.asker).attr("to", &self.user).attr("id", id)
    }
}

/// The picture in the answer to [`Place::question_for_data`].
pub(crate) fn data(answer: &Element) -> Option<Vec<u8>> {
    let items = child(child(answer, "pubsub", namespace::PUBSUB)?, "items", namespace::PUBSUB)?;
    let data = child(child(items, "item", namespace::PUBSUB)?, "data", namespace::AVATAR_DATA)?;
    decoded(&data.text())
}

/// What a vCard says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) name: Option<DisplayName>,
    pub(crate) picture: Option<Vec<u8>>,
}

/// The vCard in the answer to [`Place::question_for_card`]; empty where there is none.
pub(crate) fn card(answer: &Element) -> Card {
    let Some(card) = child(answer, "vCard", namespace::VCARD) else { return Card::default() };
    let text = |name| child(card, name, namespace::VCARD).map(|found| DisplayName::new(&found.text()));
    let name = ["FN", "NICKNAME"].into_iter().find_map(|name| text(name).filter(|name| !name.is_empty()));
    let binval = child(card, "PHOTO", namespace::VCARD).and_then(|photo| child(photo, "BINVAL", namespace::VCARD));
    Card { name, picture: binval.and_then(|binval| decoded(&binval.text())) }
}

/// Base 64 with whatever lines and spaces clients put into it.
fn decoded(text: &str) -> Option<Vec<u8>> {
    if text.len() > LONGEST {
        return None;
    }
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(dense).ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12";

    fn parse(xml: &str) -> Element {
        xml.parse().unwrap()
    }

    #[test]
    fn presences() {
        let said =
            |content: &str| in_presence(&parse(&format!("<presence xmlns='jabber:component:accept'>{content}</presence>")));
        assert_eq!(said(""), None);
        assert_eq!(said("<x xmlns='vcard-temp:x:update'/>"), None, "not known yet");
        assert_eq!(said("<x xmlns='vcard-temp:x:update'><photo/></x>"), Some(None));
        let hashed = format!("<x xmlns='vcard-temp:x:update'><photo>{}</photo></x>", HASH.to_uppercase());
        assert_eq!(said(&hashed), Some(PictureHash::new(HASH).ok()));
        assert_eq!(said("<x xmlns='vcard-temp:x:update'><photo>odd</photo></x>"), None);
    }

    #[test]
    fn events() {
        let event = |node: &str, item: &str| {
            let space = namespace::PUBSUB_EVENT;
            in_event(&parse(&format!(
                "<message xmlns='jabber:component:accept'><event xmlns='{space}'><items node='{node}'>{item}</items></event></message>"
            )))
        };
        let info = format!(
            "<item id='{HASH}'><metadata xmlns='urn:xmpp:avatar:metadata'><info id='{HASH}' bytes='7' type='image/png'/></metadata></item>"
        );
        assert_eq!(event("urn:xmpp:avatar:metadata", &info), Some(Announced::Picture(PictureHash::new(HASH).ok())));
        let none = "<item id='x'><metadata xmlns='urn:xmpp:avatar:metadata'/></item>";
        assert_eq!(event("urn:xmpp:avatar:metadata", none), Some(Announced::Picture(None)));
        let nick = "<item><nick xmlns='http://jabber.org/protocol/nick'>Bob\u{202e}</nick></item>";
        assert_eq!(event(namespace::NICK, nick), Some(Announced::Nick(DisplayName::new("Bob"))));
        for odd in ["", "<item/>", "<item><nick xmlns='http://jabber.org/protocol/nick'> </nick></item>"] {
            assert_eq!(event(namespace::NICK, odd), None, "{odd}");
        }
        assert_eq!(event("urn:other", &info), None);
    }

    #[test]
    fn places_and_answers() {
        for hash in [None, PictureHash::new(HASH).ok()] {
            let place = Place { asker: "alice%hs@gw/gw".into(), user: "bob@x".into(), hash };
            let portrait = place.portrait("7");
            assert_eq!(portrait.version, "7");
            assert_eq!(Place::read(&portrait.source.unwrap().locator), Some(place));
        }
        assert_eq!(Place::read("https://x/1.png"), None);

        let answer = "<iq xmlns='jabber:component:accept'><pubsub xmlns='http://jabber.org/protocol/pubsub'>\
            <items node='urn:xmpp:avatar:data'><item id='x'><data xmlns='urn:xmpp:avatar:data'>cGlj\n dHVyZQ==</data></item></items>\
            </pubsub></iq>";
        assert_eq!(data(&parse(answer)).as_deref(), Some(b"picture".as_slice()));
        let answer = "<iq xmlns='jabber:component:accept'><vCard xmlns='vcard-temp'><FN> </FN><NICKNAME>Bob</NICKNAME>\
            <PHOTO><TYPE>image/png</TYPE><BINVAL>cGljdHVyZQ==</BINVAL></PHOTO></vCard></iq>";
        let card_ = card(&parse(answer));
        assert_eq!((card_.name, card_.picture.as_deref()), (Some(DisplayName::new("Bob")), Some(b"picture".as_slice())));
        assert_eq!(card(&parse("<iq xmlns='jabber:component:accept' type='error'/>")), Card::default());
    }
}
