// SPDX-License-Identifier: EUPL-1.2
//! Tables of events and what they mean, and the property that nothing is ever too odd to be read.

use dreiklang_model::{
    Attachment, FileName, Format, Kind, MediaKind, MediaSource, MediaType, Message, Network, Reply, rich::Leaf,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn ours() -> Namespace {
    Namespace::new("hs.example", &[Network::XMPP, Network::MAIL]).unwrap()
}

fn event(kind: &str, content: Value) -> Value {
    let mut event = json!({
        "type": kind, "room_id": "!r:hs.example", "event_id": "$e", "sender": "@alice:hs.example",
        "origin_server_ts": 1_700_000_000_000_i64,
    });
    event["content"] = content;
    event
}

fn what(content: Value) -> What<NativeId> {
    match read(&event("m.room.message", content), &ours()) {
        Inward::Said(said) => said.what,
        other => panic!("{other:?} is nothing said"),
    }
}

fn id(text: &str) -> NativeId {
    NativeId::new(text).unwrap()
}

#[test]
fn kinds_of_text() {
    for (msgtype, kind) in [("m.text", Kind::Text), ("m.emote", Kind::Emote), ("m.notice", Kind::Notice), ("x.odd", Kind::Text)] {
        let expected = What::Message(Message { kind, ..Message::text("Grüße\nzweite Zeile") });
        assert_eq!(what(json!({ "msgtype": msgtype, "body": "Grüße\nzweite Zeile" })), expected);
    }
}

#[test]
fn threads_and_what_only_stands_in_for_them() {
    let within = |relation: Value| match what(json!({ "msgtype": "m.text", "body": "yes", "m.relates_to": relation })) {
        What::Message(message) => (message.thread.map(|it| it.to), message.in_reply_to.map(|it| it.to)),
        other => panic!("{other:?}"),
    };
    let thread = json!({ "rel_type": "m.thread", "event_id": "$root" });
    let with = |more: Value| {
        let mut relation = thread.clone();
        relation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        relation
    };
    let last = json!({ "event_id": "$last" });
    for (relation, answered) in [
        (thread.clone(), None),
        (with(json!({ "is_falling_back": true, "m.in_reply_to": last })), None),
        (with(json!({ "is_falling_back": false, "m.in_reply_to": last })), Some(id("$last"))),
        (with(json!({ "m.in_reply_to": last })), Some(id("$last"))),
    ] {
        assert_eq!(within(relation.clone()), (Some(id("$root")), answered), "{relation}");
    }
    assert_eq!(within(json!({ "is_falling_back": true, "m.in_reply_to": last })), (None, Some(id("$last"))));
    assert_eq!(within(json!({ "rel_type": "m.thread" })), (None, None));
}

#[test]
fn files_are_read_with_their_caption() {
    for (msgtype, extra, kind) in [
        ("m.image", json!({}), MediaKind::Image),
        ("m.file", json!({}), MediaKind::File),
        ("m.audio", json!({}), MediaKind::Audio),
        ("m.audio", json!({ "org.matrix.msc3245.voice": {} }), MediaKind::Voice),
        ("m.video", json!({}), MediaKind::Video),
    ] {
        let info = json!({ "mimetype": "image/png", "size": 7, "w": 3, "h": 2, "duration": 1500 });
        let mut content = json!({ "msgtype": msgtype, "body": "cat.png", "url": "mxc://x/y", "info": info });
        content.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let file = Attachment {
            kind,
            name: FileName::new("cat.png"),
            media_type: MediaType::new("image/png"),
            size: Some(7),
            dimensions: Some((3, 2)),
            blurhash: None,
            duration: Some(1500),
            source: MediaSource { network: Network::MATRIX, locator: "mxc://x/y".to_owned() },
            link: None,
        };
        let expected = |text: &str| What::Message(Message { attachments: vec![file.clone()], ..Message::text(text) });
        assert_eq!(what(content.clone()), expected(""));
        content["filename"] = json!("cat.png");
        assert_eq!(what(content.clone()), expected(""));
        content["body"] = json!("a caption");
        assert_eq!(what(content), expected("a caption"));
    }
    let Inward::Said(said) = read(&event("m.sticker", json!({ "body": "cat", "url": "mxc://x/y" })), &ours()) else { panic!() };
    assert!(matches!(said.what, What::Message(Message { attachments, .. }) if attachments[0].kind == MediaKind::Sticker));
}

#[test]
fn what_cannot_be_carried_is_named() {
    for (msgtype, feature) in [("m.image", Feature::Image), ("m.file", Feature::File), ("m.location", Feature::Location)] {
        // An encrypted file has its address elsewhere.
        let expected = What::Unsupported { feature, name: Some("cat.png".into()) };
        assert_eq!(what(json!({ "msgtype": msgtype, "body": "cat.png", "file": { "url": "mxc://x/y" } })), expected);
    }
    for (kind, feature) in [
        ("m.sticker", Feature::Sticker),
        ("org.matrix.msc3381.poll.start", Feature::Poll),
        ("m.poll.start", Feature::Poll),
        ("m.call.invite", Feature::Call),
    ] {
        let Inward::Said(said) = read(&event(kind, json!({})), &ours()) else { panic!("{kind}") };
        assert_eq!(said.what, What::Unsupported { feature, name: None }, "{kind}");
    }
}

#[test]
fn replies_lose_the_old_quotation() {
    let reply = |body: &str| {
        what(json!({ "msgtype": "m.text", "body": body, "m.relates_to": { "m.in_reply_to": { "event_id": "$o" } } }))
    };
    for (body, text, quote) in [
        ("> <@bob:hs.example> old\n> more\n\nnew", "new", Some("old\nmore")),
        ("> * <@bob:hs.example> waves\n\nnew\n\n> quoted by hand", "new\n\n> quoted by hand", Some("waves")),
        ("> not a fallback\n\nnew", "> not a fallback\n\nnew", None),
        ("new", "new", None),
        ("> <@bob:hs.example> nothing of one's own", "> <@bob:hs.example> nothing of one's own", None),
    ] {
        let in_reply_to = Some(Reply { to: id("$o"), quote: quote.map(str::to_owned) });
        assert_eq!(reply(body), What::Message(Message { in_reply_to, ..Message::text(text) }));
    }
    // Without a reply the same text is the sender's own.
    let quoted = "> <@bob:hs.example> old\n\nnew";
    assert_eq!(what(json!({ "msgtype": "m.text", "body": quoted })), What::Message(Message::text(quoted)));
}

fn said(content: Value) -> Message<NativeId> {
    match what(content) {
        What::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

fn html(body: &str, html: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body, "format": "org.matrix.custom.html", "formatted_body": html })
}

#[test]
fn formatting_is_read_where_there_is_any() {
    let strong = said(html("**x**", "<strong>x</strong>")).text;
    assert_eq!((strong.formats(), strong.reading().as_ref()), (Format::Strong.into(), "x"));
    // Without any, the text is exactly what was typed.
    assert_eq!(said(html("a  b\n", "a &nbsp;b<br>")).text, "a  b\n");
    assert_eq!(said(html("a", "<script>x</script>")).text, "a");
    let mut other = html("*x*", "<b>x</b>");
    other["format"] = json!("org.example.other");
    assert_eq!(said(other).text, "*x*");
    let mut emote = html("waves *wildly*", "waves <em>wildly</em>");
    emote["msgtype"] = json!("m.emote");
    let emote = said(emote);
    assert_eq!((emote.kind, emote.text.formats()), (Kind::Emote, Format::Emphasis.into()));
    let mut reply = html("> <@bob:hs.example> old\n\nnew", "<mx-reply><blockquote>old</blockquote></mx-reply><b>new</b>");
    reply["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": "$o" } });
    let reply = said(reply);
    assert_eq!((reply.text.reading().as_ref(), reply.in_reply_to.unwrap().quote.as_deref()), ("new", Some("old")));
    let edit = json!({ "msgtype": "m.text", "body": "* x", "m.new_content": html("*x*", "<i>x</i>"),
                       "m.relates_to": { "rel_type": "m.replace", "event_id": "$f" } });
    let What::Edit { to, .. } = what(edit) else { panic!() };
    assert_eq!(to.text.formats(), Format::Emphasis.into());
}

#[test]
fn pills_mention_people() {
    for href in [
        "https://matrix.to/#/@_xmpp_bob=40x.example:hs.example",
        "https://matrix.to/#/%40_xmpp_bob%3D40x.example%3Ahs.example",
        "matrix:u/_xmpp_bob=40x.example:hs.example",
    ] {
        let text = said(html("Bob: hi", &format!("<a href=\"{href}\">Bob</a>: hi"))).text;
        let spans = text.rich().unwrap().spans();
        let Leaf::Mention { who, name } = &spans[0].leaf else { panic!("{href}") };
        assert_eq!((who.as_str(), name.as_str()), ("@_xmpp_bob=40x.example:hs.example", "Bob"));
        assert_eq!(text.reading(), "Bob: hi");
    }
    let room = said(html("x", "<a href=\"https://matrix.to/#/%23room:hs.example\">room</a>")).text;
    assert_eq!(room.formats(), Format::Link.into());
}

#[test]
fn reactions_and_redactions_name_their_event() {
    let said = |event: Value| match read(&event, &ours()) {
        Inward::Said(said) => said.what,
        other => panic!("{other:?}"),
    };
    let relation = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$o", "key": "👍️" } });
    let thumb = Reactions::And(Emoji::new("👍").unwrap());
    assert_eq!(said(event("m.reaction", relation)), What::React { to: id("$o"), with: thumb });
    assert_eq!(said(event("m.room.redaction", json!({ "redacts": "$o" }))), What::Retract { of: id("$o") });
    let mut before_v11 = event("m.room.redaction", json!({}));
    before_v11["redacts"] = json!("$o");
    assert_eq!(said(before_v11), What::Retract { of: id("$o") });
}

#[test]
fn receipts_are_those_of_people_and_public() {
    let receipt = |kind: &str, user: &str| json!({ "type": "m.receipt", "room_id": "!r:hs.example", "content": { "$e": { kind: { user: { "ts": 7 } } } } });
    let found = |event: Value| receipts(&[event], &ours()).into_iter().map(|said| said.what).collect::<Vec<_>>();
    assert_eq!(found(receipt("m.read", "@alice:hs.example")), [What::Read { up_to: id("$e") }]);
    for nothing in [
        receipt("m.read.private", "@alice:hs.example"),
        receipt("m.read", "@_xmpp_bob=40x:hs.example"),
        receipt("m.read", "nobody"),
        json!({ "type": "m.receipt", "room_id": 7, "content": [] }),
        json!({ "type": "m.typing", "room_id": "!r:hs.example", "content": {} }),
    ] {
        assert_eq!(found(nothing), []);
    }
}

#[test]
fn edits() {
    let edit = |new: Value| {
        json!({ "msgtype": "m.text", "body": "* right", "m.new_content": new,
                "m.relates_to": { "rel_type": "m.replace", "event_id": "$first" } })
    };
    let expected = What::Edit { of: id("$first"), to: Message::text("right") };
    assert_eq!(what(edit(json!({ "msgtype": "m.text", "body": "right" }))), expected);
    let unread = read(&event("m.room.message", edit(json!({}))), &ours());
    assert_eq!(unread, Inward::Ignored);
    // No new content: the fallback is a message of its own.
    let bare = json!({ "msgtype": "m.text", "body": "* right", "m.relates_to": { "rel_type": "m.replace", "event_id": "$f" } });
    assert_eq!(what(bare), What::Message(Message::text("* right")));
}

#[test]
fn what_is_not_carried() {
    for (kind, content, meaning) in [
        ("m.reaction", json!({ "m.relates_to": {} }), Inward::Dropped("reaction")),
        ("m.room.redaction", json!({}), Inward::Malformed),
        ("m.room.message", json!({}), Inward::Ignored),
        ("m.room.message", json!({ "msgtype": "m.text", "body": " \n" }), Inward::Ignored),
        ("m.room.message", json!({ "msgtype": "m.text", "body": 7 }), Inward::Ignored),
        ("m.typing", json!({}), Inward::Ignored),
    ] {
        assert_eq!(read(&event(kind, content.clone()), &ours()), meaning, "{kind} {content}");
    }
    let encrypted = read(&event("m.room.encrypted", json!({ "algorithm": "m.megolm.v1.aes-sha2" })), &ours());
    assert!(matches!(encrypted, Inward::Encrypted(sent) if sent.event == "$e"));
    let mut state = event("m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" }));
    state["state_key"] = json!("");
    assert!(matches!(read(&state, &ours()), Inward::EncryptionOn(_)));
    state["state_key"] = json!("odd");
    assert_eq!(read(&state, &ours()), Inward::Ignored);
}

#[test]
fn our_own_are_ignored() {
    for sender in ["@_xmpp_bob=40x:hs.example", "@dreiklang:hs.example"] {
        let mut said = event("m.room.message", json!({ "msgtype": "m.text", "body": "echo" }));
        said["sender"] = json!(sender);
        assert_eq!(read(&said, &ours()), Inward::Ignored);
    }
}

#[test]
fn memberships() {
    let mut invite = event("m.room.member", json!({ "membership": "invite", "is_direct": true, "displayname": " Bob\u{202e} " }));
    invite["state_key"] = json!("@_xmpp_bob=40x:hs.example");
    invite["unsigned"] = json!({ "invite_room_state": [
        { "type": "m.room.encryption", "state_key": "", "content": { "algorithm": "x" } },
        { "type": "m.room.join_rules", "state_key": "", "content": { "join_rule": "public" } },
        7,
    ] });
    let Inward::Member(member) = read(&invite, &ours()) else { panic!() };
    assert_eq!(member.membership, Membership::Invite);
    assert_eq!(member.name, Some(DisplayName::new("Bob")));
    assert_eq!(member.preview, Preview { encrypted: true, public: true });
    invite["state_key"] = json!("nobody");
    assert_eq!(read(&invite, &ours()), Inward::Malformed);
}

#[test]
fn room_ids_without_a_server() {
    let mut said = event("m.room.message", json!({ "msgtype": "m.text", "body": "v12" }));
    said["room_id"] = json!("!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM");
    assert!(matches!(read(&said, &ours()), Inward::Said(_)));
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["m.text", "m.replace", "m.room.message", "!r", "$e", "@a:b", "invite", "> <@a:b>\n"])
            .prop_map(Value::from),
    ];
    let keys = vec![
        "type",
        "room_id",
        "event_id",
        "sender",
        "origin_server_ts",
        "content",
        "state_key",
        "msgtype",
        "body",
        "m.relates_to",
        "m.new_content",
        "rel_type",
        "m.in_reply_to",
        "membership",
        "unsigned",
        "invite_room_state",
        "displayname",
        "filename",
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(keys.clone()), inner, 0..8)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_is_too_odd(odd in anything(), content in anything(), kind in prop::sample::select(vec![
        "m.room.message", "m.room.member", "m.sticker", "m.room.encryption", "m.room.encrypted", "other",
    ])) {
        let _ = read(&odd, &ours());
        let mut near = event(kind, content);
        if let (Some(near), Some(odd)) = (near.as_object_mut(), odd.as_object()) {
            near.extend(odd.clone());
        }
        let _ = read(&near, &ours());
        let _ = delivery_mark(&near);
    }

    #[test]
    fn a_reply_is_never_emptied(body in "(> |>|<@a:b>|\n|x| ){0,12}") {
        prop_assert!(body.trim().is_empty() || !message::parted(&body).0.trim().is_empty());
    }
}
