// SPDX-License-Identifier: EUPL-1.2
//! Answers as the usual programs write them, in German and English.

use proptest::prelude::*;

use super::*;
use crate::flowed::{fixed, shown};

fn answer(text: &str) -> String {
    shown(&letter(fixed(text), true)).trim_end().to_owned()
}

#[test]
fn only_what_the_author_wrote_is_left_of_an_answer() {
    for (program, text, own) in [
        (
            "Thunderbird, below",
            "Am 24.11.26 um 10:12 schrieb Alice:\n> Kommst du?\n\nJa, um acht.\n\n-- \nCarol",
            "\nJa, um acht.",
        ),
        (
            "Thunderbird, above",
            "Ja, um acht.\n\nAm 24.11.26 um 10:12 schrieb Alice (Matrix):\n> Kommst du?\n> \n> Gruß\n",
            "Ja, um acht.",
        ),
        ("Thunderbird, English", "Yes.\n\nOn 11/24/26 10:12, Alice wrote:\n> Coming?\n", "Yes."),
        (
            "Gmail, wrapped",
            "Yes, at eight.\n\nOn Tue, Nov 24, 2026 at 10:12 AM Alice <\nmatrix.alice=hs.example@gw.example> wrote:\n\n> Coming?\n>\n",
            "Yes, at eight.",
        ),
        (
            "Gmail, German",
            "Ja.\n\nAm Di., 24. Nov. 2026 um 10:12 Uhr schrieb Alice <\nmatrix.alice=hs.example@gw.example>:\n\n> Kommst du?\n",
            "Ja.",
        ),
        (
            "Apple Mail",
            "Yes!\n\nSent from my iPhone\n\n> On 24. Nov 2026, at 10:12, Alice <a@gw.example> wrote:\n> \n> Coming?\n",
            "Yes!\n\nSent from my iPhone\n\n> On 24. Nov 2026, at 10:12, Alice <a@gw.example> wrote:\n>\n> Coming?",
        ),
        (
            "Apple Mail on the Mac",
            "Ja!\n\nVon meinem iPhone gesendet\n\nAm 24.11.2026 um 10:12 schrieb Alice <a@gw.example>:\n\n> Kommst du?\n",
            "Ja!",
        ),
        (
            "Outlook",
            "Ja, gerne.\n\nViele Grüße\nCarol\n\nVon: Alice <a@gw.example>\nGesendet: Dienstag, 24. November 2026 10:12\nAn: Carol <c@mail.example>\nBetreff: Nachricht von Alice\n\nKommst du?\n",
            "Ja, gerne.\n\nViele Grüße\nCarol",
        ),
        (
            "Outlook, English, with its line",
            "Sure.\n\n________________________________\nFrom: Alice <a@gw.example>\nSent: Tuesday, November 24, 2026 10:12\nTo: Carol\nSubject: Message from Alice\n\nComing?\n",
            "Sure.",
        ),
        (
            "Outlook, in bold",
            "Sure.\n\n*From:* Alice <a@gw.example>\n*Sent:* Tuesday\n*To:* Carol\n*Subject:* Hi\n\nComing?",
            "Sure.",
        ),
        (
            "old Outlook",
            "Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Alice [mailto:a@gw.example]\nGesendet: Dienstag\nAn: Carol\nBetreff: Hallo\n\nKommst du?",
            "Ja.",
        ),
        (
            "GMX, WEB.DE",
            "Ja.\n\nGesendet: Dienstag, 24. November 2026 um 10:12 Uhr\nVon: \"Alice\" <a@gw.example>\nAn: carol@gmx.example\nBetreff: Nachricht von Alice\nKommst du?",
            "Ja.",
        ),
        (
            "K-9",
            "Ja.\n\nAm 24. November 2026 10:12:13 MEZ schrieb Alice <a@gw.example>:\n>Kommst du?\n>\n-- \nDiese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
            "Ja.",
        ),
        (
            "between quotations",
            "Am 24.11.26 um 10:12 schrieb Alice:\n> Kommst du?\nJa.\n> Bringst du Brot?\nNein.",
            "Am 24.11.26 um 10:12 schrieb Alice:\n> Kommst du?\nJa.\n> Bringst du Brot?\nNein.",
        ),
        (
            "forwarded",
            "Sieh mal:\n\n-------- Weitergeleitete Nachricht --------\nBetreff: Plan\nDatum: heute\nVon: Dora\nAn: Carol\n\nText",
            "Sieh mal:\n\n-------- Weitergeleitete Nachricht --------\nBetreff: Plan\nDatum: heute\nVon: Dora\nAn: Carol\n\nText",
        ),
        ("own words that look alike", "Sie schrieb:\nund so weiter", "Sie schrieb:\nund so weiter"),
        ("own quotation", "Wie heißt es?\n> Sein oder nicht sein", "Wie heißt es?\n> Sein oder nicht sein"),
        ("own list", "Von: Köln\nNach: Bonn\nAn: beide", "Von: Köln\nNach: Bonn\nAn: beide"),
        ("nothing but the quotation", "Am 24.11.26 schrieb Alice:\n> Kommst du?", "Am 24.11.26 schrieb Alice:\n> Kommst du?"),
    ] {
        assert_eq!(answer(text), own.trim_end(), "{program}");
    }
}

#[test]
fn a_first_letter_loses_its_signature_only() {
    let first = |text: &str| shown(&letter(fixed(text), false)).trim_end().to_owned();
    assert_eq!(first("Hallo\n\n-- \nCarol\nAmt 7"), "Hallo");
    assert_eq!(first("Hallo\n\nSent from my iPhone"), "Hallo");
    assert_eq!(first("Hallo\n--\nkein Gruß"), "Hallo\n--\nkein Gruß");
    assert_eq!(first("Am 1.1. schrieb Alice:\n> so\nJa"), "Am 1.1. schrieb Alice:\n> so\nJa");
    assert_eq!(first("-- \nCarol"), "-- \nCarol");
}

#[test]
fn chat_loses_what_delta_chat_adds() {
    let said = |text: &str| shown(&chat(fixed(text)).0).trim().to_owned();
    assert_eq!(said("> Hello Bob\n\nA reply\n\n-- \nstatus"), "A reply");
    assert_eq!(said("text\n> mine"), "text\n> mine");
    assert_eq!(said("> only"), "> only");
}

proptest! {
    #[test]
    fn something_is_always_left(text in "([a-z: \n>-]|Von: |Am 1 schrieb A:\n|-- \n){1,200}") {
        let lines = fixed(&text);
        let said = lines.iter().any(|line| !is_blank(line));
        for answers in [true, false] {
            let left = letter(lines.clone(), answers);
            prop_assert_eq!(left.iter().any(|line| !is_blank(line)), said);
        }
    }
}
