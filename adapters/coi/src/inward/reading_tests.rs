// SPDX-License-Identifier: EUPL-1.2
//! Recorded and hand-made mails, and what must not make anything panic.

use dreiklang_model::{DeliveryId, Emoji, EventId, Format, Formats, Reactions, Report};
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_900_000_000_000;

fn reader() -> Reader {
    Reader { domain: Domain::new("gw.example").unwrap(), trusted: Some("mx.org.test".into()) }
}

fn read(raw: &[u8]) -> Reading {
    reader().read(&Mail::parse(raw).unwrap(), raw, false, Evidence::None, Timestamp::from_millis(NOW))
}

/// A mail whose author is proved by his login.
fn proved(raw: &str) -> Vec<u8> {
    let from = raw.lines().find_map(|line| line.strip_prefix("From: ")).unwrap_or_default();
    let from = from.rsplit('<').next().unwrap_or_default().trim_end_matches('>').to_owned();
    format!("Authentication-Results: mx.org.test; auth=pass smtp.auth=\"{from}\"\r\n{raw}").into_bytes()
}

fn letter(raw: &str) -> Letter {
    match read(&proved(raw)) {
        Reading::Letter(letter) => *letter,
        other => panic!("{other:?}"),
    }
}

fn texts(raw: &str) -> Vec<String> {
    let Letter { says, files, .. } = letter(raw);
    let says = says.into_iter().map(|what| match what {
        What::Message(Message { in_reply_to: Some(reply), text, .. }) => {
            format!("{} > {}: {}", reply.to.as_str(), reply.quote.unwrap_or_default(), text.reading())
        }
        What::Message(message) => message.text.reading().into_owned(),
        What::Edit { of, to } => format!("{} := {}", of.as_str(), to.text.reading()),
        What::Retract { of } => format!("{} gone", of.as_str()),
        What::React { to, with: Reactions::All(all) } => {
            format!("{} {}", to.as_str(), all.iter().map(Emoji::as_str).collect::<String>())
        }
        What::Read { up_to } => format!("{} read", up_to.as_str()),
        What::Unsupported { feature, name } => format!("[{feature:?} {}]", name.unwrap_or_default()),
        What::Timer(timer) => format!("timer {:?}", timer.map(dreiklang_model::Lifetime::seconds)),
        other => panic!("{other:?}"),
    });
    let files = files.iter().map(|file| format!("[{:?} {} {}]", file.kind, file.name.as_str(), file.bytes.len()));
    says.chain(files).collect()
}

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../tests/samples/", $name, ".eml"))
    };
}

#[test]
fn the_language_and_the_thread_of_a_letter() {
    let begun = message_id::of_thread("plan@x.example", "gw.example");
    let raw = |fields: &str| format!("From: carol@org.test\nTo: x@gw.example\nMessage-ID: <1@org.test>\n{fields}\n\nja\n");
    let said = |fields: &str| match letter(&raw(fields)).says.remove(0) {
        What::Message(message) => (message.language, message.thread.map(|it| it.to), message.in_reply_to.map(|it| it.to)),
        other => panic!("{other:?}"),
    };
    let name = |id: &str| NativeId::new(id).ok();
    assert_eq!(said("Content-Language: de-AT"), (LanguageTag::new("de-AT"), None, None));
    assert_eq!(said("Content-Language: de, en"), (None, None, None));
    let answer = format!("References: <first@gw.example> <{begun}> <plan@x.example> <2@gw.example>\nIn-Reply-To: <2@gw.example>");
    assert_eq!(said(&answer), (None, name("plan@x.example"), name("2@gw.example")));
    assert_eq!(said("References: <2@gw.example>\nIn-Reply-To: <2@gw.example>"), (None, None, name("2@gw.example")));
}

#[test]
fn a_receipt_is_owed_to_the_author_alone() {
    for (wish, asks) in [
        ("", false),
        ("Disposition-Notification-To: <carol@org.test>\n", true),
        ("Disposition-Notification-To: Carol <Carol@Org.Test>\n", true),
        ("Disposition-Notification-To: carol@org.test\n", true),
        ("Disposition-Notification-To: <someone@else.test>\n", false),
        ("Disposition-Notification-To: nonsense\n", false),
    ] {
        assert_eq!(letter(&format!("From: carol@org.test\n{wish}\nhi\n")).asks, asks, "{wish}");
    }
}

#[test]
fn a_mail_dates_itself_the_same_whenever_it_is_read() {
    let dated = |fields: &str| letter(&format!("From: carol@org.test\n{fields}\nhi\n")).dated.map(Timestamp::as_millis);
    let at = 1_795_514_400_000;
    assert_eq!(dated("Date: Tue, 24 Nov 2026 10:00:00 +0000\n"), Some(at));
    let received = "Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\n";
    assert_eq!(dated(received), Some(at));
    assert_eq!(dated(""), None);
}

#[test]
fn recorded_chat_mails_say_what_was_typed() {
    let first = letter(sample!("plain-01-first-text"));
    assert_eq!((first.from.as_str(), first.name.unwrap().as_str(), first.subject.as_str()), ("alice@org.test", "Alice", ""));
    assert_eq!(first.id.as_str(), "d78b4f4e-bae6-435c-895b-20c598ec21f2@localhost");
    for (raw, expected) in [
        (sample!("plain-01-first-text"), vec!["Hello Bob, first message"]),
        (
            sample!("plain-03-reply-quote"),
            vec!["d78b4f4e-bae6-435c-895b-20c598ec21f2@localhost > Hello Bob, first message: A reply from Bob"],
        ),
        (sample!("plain-06-reaction"), vec!["d78b4f4e-bae6-435c-895b-20c598ec21f2@localhost 👍"]),
        (sample!("plain-08-edit"), vec!["1bff1a6a-fd14-467e-a882-7b2af792c0d4@localhost := Hello world"]),
    ] {
        assert_eq!(texts(raw), expected);
    }
    assert!(texts(sample!("plain-04-image")).iter().any(|said| said.starts_with("[Image")));
    assert!(texts(sample!("plain-05-voice")).iter().any(|said| said.starts_with("[Voice")));
}

#[test]
fn encrypted_mail_is_refused_by_name() {
    let raw = proved(sample!("enc-01-text"));
    let Reading::Rejected(rejected) = read(&raw) else { panic!() };
    assert_eq!(rejected.reason, Reason::Encrypted("OpenPGP".into()));
    for (kind, scheme) in
        [("application/pkcs7-mime; smime-type=enveloped-data", "S/MIME"), ("multipart/encrypted; boundary=b", "OpenPGP")]
    {
        let raw = proved(&format!("From: <a@org.test>\r\nContent-Type: {kind}\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"));
        let Reading::Rejected(rejected) = read(&raw) else { panic!("{kind}") };
        assert_eq!(rejected.reason, Reason::Encrypted(scheme.into()));
    }
}

#[test]
fn who_is_not_proved_is_rejected_and_programs_are_ignored() {
    let raw = sample!("plain-01-first-text").as_bytes();
    let Reading::Unproved(domain, rejected) = read(raw) else { panic!() };
    assert_eq!((domain.as_str(), rejected.reason, rejected.why), ("org.test", Reason::NotAuthenticated, "forged"));
    let signed = reader().read(&Mail::parse(raw).unwrap(), raw, false, Evidence::Signature, Timestamp::from_millis(NOW));
    assert!(matches!(signed, Reading::Letter(_)));
    let two = b"From: <a@org.test>\r\nFrom: <b@org.test>\r\n\r\nx";
    let signed = reader().read(&Mail::parse(two).unwrap(), two, false, Evidence::Signature, Timestamp::from_millis(NOW));
    assert!(matches!(signed, Reading::Rejected(Rejected { why: "malformed", .. })));
    let two = proved("From: <a@org.test>\r\nFrom: <b@org.test>\r\n\r\nx");
    assert!(matches!(read(&two), Reading::Rejected(Rejected { why: "malformed", .. })));
    assert_eq!(read(sample!("hand-12-list").as_bytes()), Reading::Ignored("list"));
    assert_eq!(read(sample!("hand-16-mdn").as_bytes()), Reading::Ignored("receipt"), "nobody vouches for it");
    assert_eq!(read(b"From: <matrix.a=b@gw.example>\r\n\r\nx"), Reading::Ignored("loop"));
    assert_eq!(read(b"From: MAILER-DAEMON@x.example\r\n\r\nx"), Reading::Ignored("automatic"));
}

#[test]
fn letters_of_all_shapes_are_read() {
    let head = "From: Carol <carol@org.test>\r\nMIME-Version: 1.0\r\n";
    for (rest, expected) in [
        ("\r\nplain\r\n", vec!["plain"]),
        ("Subject: only this\r\n\r\n\r\n", vec!["only this"]),
        (
            "Subject: The invoice\r\nContent-Type: application/pdf; name=invoice.pdf\r\n\r\nx\r\n",
            vec!["The invoice", "[File invoice.pdf 3]"],
        ),
        ("Content-Type: text/plain; format=flowed\r\n\r\none \r\ntwo\r\n-- \r\nsig\r\n", vec!["one two"]),
        (
            "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n",
            vec!["Grüße"],
        ),
        ("Content-Type: text/html\r\n\r\n<p>Hi <b>you</b></p><img src=http://t.example/p.gif>", vec!["Hi you"]),
        (
            "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--b--\r\n",
            vec!["plain"],
        ),
        (
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee\r\n--b\r\nContent-Type: application/pdf; name=plan.pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\nx\r\n--b--\r\n",
            vec!["see", "[File plan.pdf 1]"],
        ),
        (
            "Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsigned\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n",
            vec!["signed"],
        ),
        (
            "\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nsaid\r\n- -- dashed\r\n-----BEGIN PGP SIGNATURE-----\r\nx\r\n-----END PGP SIGNATURE-----\r\n",
            vec!["said\n-- dashed"],
        ),
    ] {
        assert_eq!(texts(&format!("{head}{rest}")), expected, "{rest}");
    }
    let emote = letter(&format!("{head}\r\n/me waves\r\n"));
    let emote_says = vec![What::Message(Message { kind: dreiklang_model::Kind::Emote, ..Message::text("waves") })];
    assert_eq!(emote.says, emote_says);
    let dated = letter(&format!("{head}Subject: Re: AW: Plan\r\nDate: Mon, 23 Nov 2026 05:43:26 +0000\r\n\r\nx"));
    assert_eq!((dated.subject.as_str(), dated.sent_at.as_millis()), ("Plan", 1_795_412_606_000));
    let future = letter(&format!("{head}Date: Mon, 23 Nov 2099 05:43:26 +0000\r\n\r\nx"));
    assert_eq!(future.sent_at.as_millis(), NOW);
    assert!(future.id.as_str().starts_with("digest-"));
}

#[test]
fn formatting_is_read_from_the_form_that_has_it() {
    let alternative = |plain: &str, kind: &str, other: &str| {
        format!(
            "From: carol@org.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\n{plain}\r\n--b\r\nContent-Type: {kind}\r\n\r\n{other}\r\n--b--\r\n"
        )
    };
    let single = |kind: &str, text: &str| format!("From: carol@org.test\r\nContent-Type: {kind}\r\n\r\n{text}\r\n");
    for (raw, text, formats) in [
        // The plain form says the same without formatting.
        (alternative("Hi *you*  ", "text/html", "<p>Hi <b>you</b></p>"), "Hi you", Format::Strong.into()),
        (alternative("Hi you", "text/html", "<p>Hi you</p>"), "Hi you", Formats::NONE),
        // It does not: whatever the other form is, this is what people were meant to read.
        (alternative("Hi you", "text/html", "<p>Hi <b>you all</b></p>"), "Hi you", Formats::NONE),
        (alternative("Hi you", "text/markdown", "Hi **you**"), "Hi you", Format::Strong.into()),
        (single("text/markdown", "# Plan"), "Plan", Format::Heading.into()),
        (
            single("text/html", "see <a href=\"https://x.example/\">this</a>"),
            "see this (https://x.example/)",
            Format::Link.into(),
        ),
        // Asterisks that somebody typed are his.
        (single("text/plain", "2 *3* 4 and **x** and `y`"), "2 *3* 4 and **x** and `y`", Formats::NONE),
        (single("text/plain; format=flowed", "# no _heading_"), "# no _heading_", Formats::NONE),
        (single("text/html", "<div>/me</div>"), "/me", Formats::NONE),
    ] {
        let says = letter(&raw).says;
        let [What::Message(message)] = says.as_slice() else { panic!("{raw}") };
        assert_eq!((message.text.reading().as_ref(), message.text.formats()), (text, formats), "{raw}");
    }
    // A quotation is left out of both forms.
    let plain = "Yes.\r\n\r\nOn 11/24/26 10:12, Alice wrote:\r\n> Coming?";
    let html =
        "<p><i>Yes</i>.</p><div class=moz-cite-prefix>On 11/24/26 10:12, Alice wrote:<br></div><blockquote>Coming?</blockquote>";
    let answer = alternative(plain, "text/html", html).replace("MIME", "In-Reply-To: <1@y>\r\nMIME");
    let says = letter(&answer).says;
    let [What::Message(message)] = says.as_slice() else { panic!() };
    assert_eq!((message.text.reading().as_ref(), message.text.formats()), ("Yes.", Format::Emphasis.into()));
}

#[test]
fn what_chat_programs_do_to_earlier_messages() {
    let head = "From: Carol <carol@org.test>\r\nMIME-Version: 1.0\r\nChat-Version: 1.0\r\n";
    for (rest, expected) in [
        ("Chat-Delete: <1@y> <2@y>\r\n\r\n🚮", vec!["1@y gone", "2@y gone"]),
        ("Chat-Content: deleterequest\r\nIn-Reply-To: <1@y>\r\n\r\nx", vec!["1@y gone"]),
        ("Chat-Edit: <1@y>\r\n\r\n> old\r\n\r\n✏️right", vec!["1@y := right"]),
        ("Chat-Content: editrequest; x=y\r\nIn-Reply-To: <1@y>\r\n\r\nright", vec!["1@y := right"]),
        ("Content-Disposition: reaction\r\nIn-Reply-To: <1@y>\r\n\r\n❤️ x", vec!["1@y ❤"]),
        ("Content-Disposition: reaction\r\nIn-Reply-To: <1@y>\r\n\r\n\r\n", vec!["1@y "]),
        ("In-Reply-To: <1@y>\r\n\r\n> one\r\n> two\r\n\r\nyes", vec!["1@y > one\ntwo: yes"]),
        ("In-Reply-To: <1@y>\r\n\r\nyes", vec!["yes"]),
    ] {
        assert_eq!(texts(&format!("{head}{rest}\r\n")), expected, "{rest}");
    }
    // Whoever writes a letter has chosen the one that he answers.
    assert_eq!(texts("From: carol@org.test\r\nIn-Reply-To: <1@y>\r\n\r\nyes\r\n"), ["1@y > : yes"]);
    assert_eq!(texts("From: carol@org.test\r\nIn-Reply-To: <1@y>\r\n\r\n> one\r\n\r\nyes\r\n"), ["1@y > : > one\n\nyes"]);
    assert_eq!(texts(sample!("hand-16-mdn")), ["chat$group.4321dcba1234.S2571BC.2878@bridge.org.test read"]);
}

#[test]
fn what_chat_programs_say_about_the_chat_is_no_message() {
    let mail =
        |fields: &str| format!("From: a@b.example\r\nMessage-ID: <1@x>\r\nChat-Version: 1.0\r\n{fields}\r\n\r\nYou did it.\r\n");
    for fields in [
        "Chat-Content: message-pinned",
        "Chat-Content: group-avatar-changed",
        "Chat-Content: call-ended",
        "Chat-Group-Member-Removed: c@d.example",
        "Chat-Group-Name-Changed: Crew",
        "Iroh-Node-Addr: x",
    ] {
        assert_eq!(read(&proved(&mail(fields))), Reading::Ignored("empty"), "{fields}");
    }
    for (fields, said) in [
        ("Chat-Content: call", "[Call ]"),
        ("Chat-Content: ephemeral-timer-changed\r\nEphemeral-Timer: 3600", "timer Some(3600)"),
        ("Chat-Content: ephemeral-timer-changed\r\nEphemeral-Timer: 0", "timer None"),
        ("Chat-Content: ephemeral-timer-changed", "timer None"),
        ("Ephemeral-Timer: 3600", "You did it."),
        ("Chat-Group-Name: Crew", "You did it."),
    ] {
        assert_eq!(texts(&mail(fields)), [said], "{fields}");
    }
    let Letter { says, .. } = letter(&mail("Ephemeral-Timer: 3600"));
    let lifetime = says.iter().find_map(|what| match what {
        What::Message(message) => message.expires,
        _ => None,
    });
    assert_eq!(lifetime.map(dreiklang_model::Lifetime::seconds), Some(3600));
    let app = "From: a@b.example\r\nMessage-ID: <1@x>\r\nChat-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: application/webxdc+zip\r\nContent-Disposition: attachment; filename=\"poll.xdc\"\r\n\r\nPK\r\n\
        --b\r\nContent-Type: application/json\r\nContent-Disposition: attachment; filename=\"status-update.json\"\r\n\r\n{}\r\n--b--\r\n";
    assert_eq!(texts(app), ["[File poll.xdc 2]"]);
}

#[test]
fn names_of_files_are_read_however_programs_write_them() {
    for (name, expected) in [
        ("filename=\"plain.pdf\"", "plain.pdf"),
        ("filename*=utf-8''Bescheid%20M%C3%BCller.pdf", "Bescheid Müller.pdf"),
        ("filename*0*=utf-8''Besch;\r\n filename*1*=eid.pdf", "Bescheid.pdf"),
        ("filename=\"=?utf-8?B?TcO8bGxlci5wZGY=?=\"", "Müller.pdf"),
        ("filename=\"../../x\\\\y\\\"z.pdf\"", "yz.pdf"),
    ] {
        let raw = format!(
            "From: a@b.example\r\nMessage-ID: <1@x>\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; {name}\r\n\r\n%PDF\r\n"
        );
        let Letter { files, .. } = letter(&raw);
        assert_eq!(files.first().map(|file| file.name.as_str()), Some(expected), "{name}");
    }
}

#[test]
fn a_mail_in_a_mail_opens_however_it_was_encoded() {
    let inner = "Subject: Plan\r\n\r\nat nine\r\n";
    for (encoding, content) in [("7bit", inner), ("base64", "U3ViamVjdDogUGxhbg0KDQphdCBuaW5lDQo=\r\n")] {
        let raw = format!(
            "From: a@b.example\r\nMessage-ID: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
             Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{content}\r\n--b--\r\n"
        );
        let Letter { files, .. } = letter(&raw);
        let file = files.first().unwrap();
        assert_eq!(file.name.as_str(), "Plan.eml", "{encoding}");
        assert_eq!(String::from_utf8_lossy(&file.bytes).trim_end(), inner.trim_end(), "{encoding}");
    }
}

#[test]
fn bounces_name_our_delivery() {
    let id = DeliveryId { event: EventId::from_parts(Timestamp::from_millis(NOW), 9), part: 0 };
    let ours = crate::message_id::of_delivery(id, &reader().domain);
    let bounce = |status: &str, original: &str| {
        format!(
            "From: MAILER-DAEMON@mx.org.test\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; \
             report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--b\r\nContent-Type: \
             message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n{status}\r\n\r\n--b\r\n{original}\r\n--b--\r\n"
        )
    };
    let failed = "Original-Recipient: rfc822;carol@org.test\r\nFinal-Recipient: rfc822; dora@org.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n such user";
    let returned = format!("Content-Type: message/rfc822\r\n\r\nFrom: x@gw.example\r\nMessage-ID: <{ours}>\r\n\r\ntext");
    let headers = format!("Content-Type: text/rfc822-headers\r\n\r\nFrom: x@gw.example\r\nMessage-ID:\r\n <{ours}>\r\n");
    for original in [&returned, &headers] {
        let Reading::Bounce(found) = read(bounce(failed, original).as_bytes()) else { panic!("{original}") };
        assert_eq!(found.delivery, id);
        assert_eq!(found.recipients, ["carol@org.test", "dora@org.test"]);
        assert_eq!(found.report, Report::Failed(Reason::UnknownRecipient));
    }
    for global in ["message/global", "message/global-headers"] {
        let original = format!("Content-Type: {global}\r\n\r\nFrom: x@gw.example\r\nMessage-ID: <{ours}>\r\n\r\n");
        let raw = bounce("Final-Recipient: utf-8; jörg@org.test\r\nAction: failed\r\nStatus: 5.2.2", &original);
        let raw = raw.replace("message/delivery-status", "message/global-delivery-status");
        let Reading::Bounce(found) = read(raw.as_bytes()) else { panic!("{global}") };
        assert_eq!((found.delivery, found.recipients), (id, vec!["jörg@org.test".to_owned()]));
    }
    let delayed = "Final-Recipient: rfc822; c@org.test\r\nAction: delayed\r\nStatus: 4.4.1";
    assert!(matches!(read(bounce(delayed, &headers).as_bytes()), Reading::Bounce(Bounce { report: Report::Delayed, .. })));
    let foreign = "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <chat$1@other.example>\r\n";
    assert_eq!(read(bounce(failed, foreign).as_bytes()), Reading::Ignored("report"));
}

#[test]
fn monsters_are_survived() {
    let nested = (0..2000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect::<String>();
    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(300_000);
    let fewer = "Content-Type: message/rfc822\r\n\r\n".repeat(990);
    let many = "X-Header: value\r\n".repeat(10_000);
    let line = "x".repeat(4_000_000);
    for rest in [nested, messages, fewer, format!("{many}\r\ntext"), format!("\r\n{line}"), format!("Subject: {line}\r\n\r\n")] {
        let raw = proved(&format!("From: <carol@org.test>\r\n{rest}"));
        if let Some(mail) = Mail::parse(&raw) {
            reader().read(&mail, &raw, false, Evidence::None, Timestamp::from_millis(NOW));
            crate::inward::recipients(&mail, &reader().domain);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        head in "((From|To|Date|Subject|Content-Type|Message-ID|References|Authentication-Results): ?[ -~]{0,60}\r\n){0,8}",
        body in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut raw = proved(&format!("From: <carol@org.test>\r\n{head}\r\n"));
        raw.extend(body);
        if let Some(mail) = Mail::parse(&raw) {
            reader().read(&mail, &raw, false, Evidence::None, Timestamp::from_millis(NOW));
        }
    }
}
