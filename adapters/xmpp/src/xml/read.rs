// SPDX-License-Identifier: EUPL-1.2
//! Reading a stream stanza by stanza, whatever stands in it.
//!
//! The server has already seen to well-formedness, but neither to depth nor to length: a stanza that exceeds ours is read to
//! its end and handed on without its content, so that the stream, and everybody else's stanzas in it, live on. Elements are
//! built on a stack of our own, because recursion over what a network sends is a way to be killed; and names are resolved
//! here, because the library's resolver looks through all open elements for each, which a deep stanza makes quadratic.

use minidom::Element;
use rxml::{
    NcName, Parse, RawEvent, RawParser,
    bytes::{Buf, BytesMut},
    error::EndOrError,
    parser::{Options, WithOptions},
};

use super::scope::{self, Scope};

/// Longest stanza in bytes; servers let through half a megabyte at most.
const LONGEST: usize = 1024 * 1024;
/// Deepest nesting below the stanza.
const DEEPEST: usize = 64;
/// Most elements and attributes in one stanza.
const MOST: usize = 4096;

/// Something that stood on the stream.
#[derive(Debug)]
pub(crate) enum Frame {
    /// The stream began.
    Header {
        /// What the server calls the stream.
        id: Option<String>,
    },
    /// A whole element.
    Element(Element),
    /// An element that was too deep or too long: only its name and the attributes it began with.
    Excessive(Element),
    /// The stream ended.
    Footer,
}

/// The bytes are no XML; the stream cannot be read on.
#[derive(Debug, thiserror::Error)]
#[error("the stream is not well-formed: {0}")]
pub(crate) struct StreamBroken(rxml::Error);

/// The beginning of an element, until its attributes are complete.
struct Head {
    prefix: Option<NcName>,
    name: NcName,
    attributes: Vec<(Option<NcName>, NcName, String)>,
    scope: Scope,
}

/// The state of reading one stream.
pub(crate) struct Reader {
    parser: RawParser,
    depth: usize,
    head: Option<Head>,
    /// What the stream and the open elements declare.
    scopes: Vec<Scope>,
    /// The stanza and its open descendants.
    open: Vec<Element>,
    bytes: usize,
    pieces: usize,
    excessive: bool,
}

impl Reader {
    pub(crate) fn new() -> Self {
        // The parser's own limit of 8 KiB would end the stream at a long attribute value, and anybody can send one.
        let options = Options { max_token_length: 2 * LONGEST, ..Options::default() };
        Self {
            parser: <RawParser as WithOptions>::with_options(options),
            depth: 0,
            head: None,
            scopes: Vec::new(),
            open: Vec::new(),
            bytes: 0,
            pieces: 0,
            excessive: false,
        }
    }

    /// The next thing in `input`, from which what was read is removed; [`None`] when more bytes are needed.
    ///
    /// # Errors
    /// [`StreamBroken`].
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, StreamBroken> {
        loop {
            let mut rest: &[u8] = input;
            let parsed = self.parser.parse(&mut rest, false);
            let used = input.len() - rest.len();
            input.advance(used);
            match parsed {
                Ok(Some(event)) => {
                    if let Some(frame) = self.take(event) {
                        return Ok(Some(frame));
                    }
                }
                Ok(None) => return Ok(Some(Frame::Footer)),
                Err(EndOrError::NeedMoreData) => return Ok(None),
                Err(EndOrError::Error(error)) => return Err(StreamBroken(error)),
            }
        }
    }

    fn take(&mut self, event: RawEvent) -> Option<Frame> {
        let bytes = event.metrics().len();
        match event {
            RawEvent::XmlDeclaration(..) => None,
            RawEvent::ElementHeadOpen(_, (prefix, name)) => {
                self.depth += 1;
                if self.depth == 2 {
                    (self.bytes, self.pieces, self.excessive) = (0, 0, false);
                }
                self.measure(bytes, 1);
                self.head = (!self.excessive || self.depth == 2).then(|| Head {
                    prefix,
                    name,
                    attributes: Vec::new(),
                    scope: Scope::default(),
                });
                None
            }
            RawEvent::Attribute(_, (prefix, name), value) => {
                self.measure(bytes, 1);
                if !self.excessive
                    && let Some(head) = &mut self.head
                {
                    head.attributes.extend(head.scope.declare(prefix, name, value));
                }
                None
            }
            RawEvent::ElementHeadClose(_) => {
                self.measure(bytes, 0);
                let head = self.head.take()?;
                self.begin(head)
            }
            RawEvent::Text(_, text) => {
                self.measure(bytes, 0);
                if !self.excessive
                    && let Some(parent) = self.open.last_mut()
                {
                    parent.append_text(text);
                }
                None
            }
            RawEvent::ElementFoot(_) => self.end(),
        }
    }

    fn begin(&mut self, head: Head) -> Option<Frame> {
        let Head { prefix, name, attributes, scope } = head;
        if self.depth > 2 && self.excessive {
            return None;
        }
        self.scopes.push(scope);
        let space = scope::of_element(&self.scopes, prefix.as_ref());
        let mut element = Element::bare(name.as_str(), space.as_str());
        for (prefix, name, value) in attributes {
            element.set_attr(scope::of_attribute(&self.scopes, prefix.as_ref()), name, value);
        }
        if self.depth == 1 {
            return Some(Frame::Header { id: element.attr("id").map(str::to_owned) });
        }
        self.open.push(element);
        None
    }

    fn end(&mut self) -> Option<Frame> {
        self.depth = self.depth.saturating_sub(1);
        match self.depth {
            0 => Some(Frame::Footer),
            1 => {
                self.scopes.truncate(1);
                self.open.pop().map(if self.excessive { Frame::Excessive } else { Frame::Element })
            }
            _ if self.excessive => None,
            _ => {
                self.scopes.pop();
                let child = self.open.pop()?;
                self.open.last_mut()?.append_child(child);
                None
            }
        }
    }

    fn measure(&mut self, bytes: usize, pieces: usize) {
        if self.depth < 2 {
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.pieces = self.pieces.saturating_add(pieces);
        let exceeds = self.bytes > LONGEST || self.pieces > MOST || self.depth > DEEPEST + 2;
        if exceeds && !self.excessive {
            self.excessive = true;
            self.open.truncate(1);
            if let Some(stanza) = self.open.last_mut() {
                stanza.take_nodes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
                          xmlns:stream='http://etherx.jabber.org/streams' id='s1'>";

    fn read(chunks: &[&[u8]]) -> Vec<Frame> {
        let (mut reader, mut input, mut frames) = (Reader::new(), BytesMut::new(), Vec::new());
        for chunk in chunks {
            input.extend_from_slice(chunk);
            while let Some(frame) = reader.next(&mut input).unwrap() {
                frames.push(frame);
            }
        }
        frames
    }

    fn stanzas(xml: &str) -> Vec<Frame> {
        let whole = format!("{HEADER}{xml}<message id='last'/></stream:stream>");
        let mut frames = read(&[whole.as_bytes()]);
        assert!(matches!(frames.remove(0), Frame::Header { id: Some(id) } if id == "s1"));
        assert!(matches!(frames.pop(), Some(Frame::Footer)));
        assert!(matches!(frames.pop(), Some(Frame::Element(last)) if last.attr("id") == Some("last")), "the stream lives on");
        frames
    }

    #[test]
    fn a_stanza_is_whole_however_it_is_cut() {
        let xml = format!("{HEADER} <message to='ä'><body>1 &lt; 2 &amp; ü</body></message>\n</stream:stream>");
        let bytes: Vec<&[u8]> = xml.as_bytes().chunks(1).collect();
        let frames = read(&bytes);
        let [Frame::Header { .. }, Frame::Element(message), Frame::Footer] = frames.as_slice() else { panic!("{frames:?}") };
        assert_eq!(message.attr("to"), Some("ä"));
        assert_eq!(message.get_child("body", "jabber:component:accept").unwrap().text(), "1 < 2 & ü");
    }

    #[test]
    fn long_attributes_and_texts_do_not_end_the_stream() {
        let long = "x".repeat(300_000);
        let frames = stanzas(&format!("<message id='{long}'><body>{long}</body></message>"));
        let [Frame::Element(message)] = frames.as_slice() else { panic!("not read") };
        assert_eq!(message.attr("id").map(str::len), Some(300_000));
        assert_eq!(message.children().next().unwrap().text().len(), 300_000);
    }

    #[test]
    fn what_exceeds_keeps_its_head_only() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let many = "<a/>".repeat(MOST + 1);
        let long = "y".repeat(LONGEST + 1);
        for content in [deep, many, long] {
            let frames = stanzas(&format!("<message from='a@b' id='1'>{content}<body>x</body></message>"));
            let [Frame::Excessive(head)] = frames.as_slice() else { panic!("taken as it was") };
            assert_eq!((head.attr("from"), head.attr("id")), (Some("a@b"), Some("1")));
            assert_eq!(head.nodes().len(), 0);
        }
    }

    #[test]
    fn sixty_four_deep_is_not_too_deep() {
        let deep = format!("<message>{}{}</message>", "<a>".repeat(DEEPEST), "</a>".repeat(DEEPEST));
        assert!(matches!(stanzas(&deep).as_slice(), [Frame::Element(_)]));
    }

    #[test]
    fn a_stanza_of_attributes_keeps_its_first() {
        let attributes: String = (0..=MOST).map(|number| format!(" a{number}='x'")).collect();
        let frames = stanzas(&format!("<message from='a@b'{attributes}>x</message>"));
        let [Frame::Excessive(head)] = frames.as_slice() else { panic!("taken as it was") };
        assert_eq!(head.attr("from"), Some("a@b"));
    }

    #[test]
    fn names_have_the_namespace_in_whose_scope_they_stand() {
        let frames = stanzas(
            "<message xml:lang='de'><a xmlns='urn:a' xmlns:b='urn:b' b:x='1' x='2'><b:c/><d/></a><e/><stream:f/><g:h g:i='3'/></message>",
        );
        let [Frame::Element(message)] = frames.as_slice() else { panic!("not read") };
        assert_eq!(message.attr_ns("http://www.w3.org/XML/1998/namespace", "lang"), Some("de"));
        let a = message.get_child("a", "urn:a").unwrap();
        assert_eq!((a.attr_ns("urn:b", "x"), a.attr("x")), (Some("1"), Some("2")));
        assert!(a.has_child("c", "urn:b") && a.has_child("d", "urn:a"));
        assert!(message.has_child("e", "jabber:component:accept"));
        assert!(message.has_child("f", "http://etherx.jabber.org/streams"));
        assert_eq!(message.get_child("h", "").unwrap().attr("i"), Some("3"), "an undeclared prefix is no reason to end");
    }

    #[test]
    fn text_between_stanzas_is_nothing() {
        assert!(stanzas(" \n stray \n").is_empty());
    }

    #[test]
    fn no_xml_is_an_error() {
        for bad in ["<a", "<!DOCTYPE x>", "<?pi?>", "<a></b>", "&x;", "<message a=1/>"] {
            let mut input = BytesMut::from(format!("{HEADER}{bad}<").as_bytes());
            let mut reader = Reader::new();
            let outcome = loop {
                match reader.next(&mut input) {
                    Ok(Some(_)) => {}
                    other => break other,
                }
            };
            assert!(outcome.is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut input = BytesMut::from(HEADER.as_bytes());
            input.extend_from_slice(&bytes);
            let mut reader = Reader::new();
            while let Ok(Some(_)) = reader.next(&mut input) {}
        }
    }
}
