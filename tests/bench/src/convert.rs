// SPDX-License-Identifier: EUPL-1.2
//! What it costs to turn a message of one network into one of another, on one core: reading the bytes that came, what it means, reducing it
//! to what the target shows, writing the bytes that go. Without the database and without any network.

use std::{fs, hint::black_box, path::Path, time::Instant};

use dreiklang_engine::{Leg, Person, port::Deliverable};
use dreiklang_model::{
    Address, Capabilities, ConversationId, DeliveryId, DisplayName, EventId, Language, NativeId, Network, PersonaId, Placed,
    Side, Timestamp, What, Written, adapt,
};

const MESSAGES: u32 = 20_000;
/// Between which lines of the page the table stands, and its head.
const BEGIN: &str = "<!-- written by dreiklang-bench convert -->";
const END: &str = "<!-- end -->";
const HEAD: &str = "| one core | Matrix → XMPP | Matrix → mail | XMPP → Matrix | XMPP → mail | mail → Matrix | mail → XMPP |\n\
                    | --- | --- | --- | --- | --- | --- | --- |\n";

/// A message as each network brings it.
struct Sample {
    name: &'static str,
    matrix: &'static str,
    xmpp: &'static str,
    mail: &'static str,
}

const PLAIN: Sample = Sample {
    name: "a plain text of 100 letters",
    matrix: r#"{"type":"m.room.message","room_id":"!r:hs.example","event_id":"$e0123456789012345678901234567890123456789","sender":"@alice:hs.example","origin_server_ts":1800000000000,"content":{"msgtype":"m.text","body":"A message of the length that people write to each other on a working day, with a date and a greeting."}}"#,
    xmpp: "<message from='bob@xmpp.example/phone' to='alice%hs.example@matrix.gw.example' type='chat' id='1'><body>A message of the length that people write to each other on a working day, with a date and a greeting.</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='1'/></message>",
    mail: "From: Carol <carol@mail.example>\r\nTo: matrix.alice=hs.example@gw.example\r\nSubject: Plan\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <1@mail.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nA message of the length that people write to each other on a working day, with a date and a greeting.\r\n",
};

const RICH: Sample = Sample {
    name: "a formatted answer with a list and a link",
    matrix: r#"{"type":"m.room.message","room_id":"!r:hs.example","event_id":"$e0123456789012345678901234567890123456789","sender":"@alice:hs.example","origin_server_ts":1800000000000,"content":{"msgtype":"m.text","body":"**Agenda**\n\n* first, see the [plan](https://town.example/plan)\n* then `lunch`","format":"org.matrix.custom.html","formatted_body":"<p><strong>Agenda</strong></p><ul><li>first, see the <a href=\"https://town.example/plan\">plan</a></li><li>then <code>lunch</code></li></ul>","m.relates_to":{"m.in_reply_to":{"event_id":"$f0123456789012345678901234567890123456789"}}}}"#,
    xmpp: "<message from='bob@xmpp.example/phone' to='alice%hs.example@matrix.gw.example' type='chat' id='1'><body>&gt; And what comes first?\n*Agenda*\n\n&gt; as we said\n\n```\nfirst the plan\n```\nthen `lunch`</body><reply xmlns='urn:xmpp:reply:0' to='alice%hs.example@matrix.gw.example' id='0'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='23'/></fallback><request xmlns='urn:xmpp:receipts'/></message>",
    mail: "From: Carol <carol@mail.example>\r\nTo: matrix.alice=hs.example@gw.example\r\nSubject: Re: Plan\r\nDate: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <1@mail.example>\r\nIn-Reply-To: <0@gw.example>\r\nReferences: <0@gw.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nAgenda\r\n\r\n  * first, see the plan (https://town.example/plan)\r\n  * then lunch\r\n\r\nAm 14.01.27 um 18:00 schrieb Alice:\r\n> And what comes first?\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p><b>Agenda</b></p><ul><li>first, see the <a href=\"https://town.example/plan\">plan</a></li><li>then <code>lunch</code></li></ul><blockquote>And what comes first?</blockquote></body></html>\r\n--b--\r\n",
};

/// `write`: the page whose table is written anew.
pub(crate) fn run(write: Option<&Path>) {
    let mut rows = Vec::new();
    for sample in [PLAIN, RICH] {
        let names = ["Matrix", "XMPP", "mail"];
        let mut row = vec![sample.name.to_owned()];
        for (from, source) in names.iter().enumerate() {
            for (to, target) in names.iter().enumerate().filter(|(to, _)| *to != from) {
                let mut stream = dreiklang_xmpp::measuring::Stream::default();
                let mut read = || match from {
                    0 => dreiklang_matrix::measuring::read(black_box(sample.matrix.as_bytes())),
                    1 => stream.read(black_box(sample.xmpp.as_bytes())),
                    _ => dreiklang_coi::measuring::read(black_box(sample.mail.as_bytes())),
                };
                let convert = |what: What<NativeId>| {
                    let written = match to {
                        0 => dreiklang_matrix::measuring::write(&delivery(what, Network::MATRIX, "@bob:hs.example")),
                        1 => dreiklang_xmpp::measuring::write(&delivery(what, Network::XMPP, "bob@xmpp.example")),
                        _ => dreiklang_coi::measuring::write(&delivery(what, Network::MAIL, "carol@mail.example")),
                    };
                    black_box(written.expect("a message becomes a message"))
                };
                let begun = Instant::now();
                for _ in 0..MESSAGES {
                    convert(read().expect("it says something"));
                }
                let each = begun.elapsed() / MESSAGES;
                println!("convert: {}, {source} → {target}: {:.1} µs", sample.name, each.as_secs_f64() * 1e6);
                row.push(format!("{:.0} µs", each.as_secs_f64() * 1e6));
            }
        }
        rows.push(row);
    }
    if let Some(page) = write {
        let text = fs::read_to_string(page).expect("the page is there");
        let (before, rest) = text.split_once(BEGIN).expect("the page has a place for the table");
        let (_, after) = rest.split_once(END).expect("the place ends");
        let rows: String = rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
        fs::write(page, format!("{before}{BEGIN}\n{HEAD}{rows}{END}{after}")).expect("the page can be written");
    }
}

/// What is delivered for what was received; whatever it refers to is known.
fn delivery(what: What<NativeId>, network: Network, user: &str) -> Deliverable {
    let at = Timestamp::from_millis(1_800_000_000_000);
    let event = EventId::from_parts(at, 7);
    let ours = what.refer(Language::English, |_| Some(event)).what.expect("it refers to what is known");
    let capabilities = Capabilities { subject: dreiklang_model::Support::AsText, ..Capabilities::FULL };
    let reduced = adapt(ours, &capabilities, Language::English).parts.remove(0);
    let native = NativeId::new("0@gw.example").unwrap();
    let placed = reduced
        .refer(Language::English, |_| Some(Placed { native: native.clone(), parts: vec![native.clone()], by: Side::Ghost }));
    let person = |network, address: &str| Person { persona: PersonaId(1), address: Address::new(network, address).unwrap() };
    Deliverable {
        id: DeliveryId { event, part: 0 },
        leg: Leg {
            conversation: ConversationId::from_parts(at, 1),
            user: person(network, user),
            ghost: Written::new("x@gw.example").unwrap(),
            other: person(Network::new("other").unwrap(), "alice"),
            ghost_name: DisplayName::new("Alice"),
            ghost_picture: None,
            bot: false,
            chat: None,
            notes: None,
        },
        sent_at: at,
        late: false,
        what: placed.what.expect("it refers to what is known"),
    }
}
