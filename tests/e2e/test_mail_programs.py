# SPDX-License-Identifier: EUPL-1.2
"""What people do with mail programs: several recipients, attachments, answers in every shape, odd headers; and what their
mail servers do: full mailboxes, greylisting. By both ways in."""

from __future__ import annotations

import asyncio
import email.policy
from collections.abc import Iterator

import pytest
from clients import MailClient
from conftest import WAYS, People, Way
from ghosts import on_mail, on_xmpp
from pair import Pair, is_report
from servers import Lab
from servers.gateway import Gateway
from talkers import OnXmpp, said

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


async def other(pair: Pair, people: People, way: Way) -> Pair:
    """Somebody else on XMPP, and the same Carol."""
    return Pair(OnXmpp(await people.xmpp(server=way.xmpp)), pair.carol)


async def test_one_mail_to_two_ghosts_in_to_and_cc_reaches_each_once(pair: Pair, people: People, way: Way) -> None:
    dora = await other(pair, people, way)
    erik = await other(pair, people, way)
    mail = pair.carol.compose([pair.bob_for_carol, dora.bob_for_carol], "for all three", Cc=erik.bob_for_carol)
    await pair.carol.send(mail)
    for one in (pair, dora, erik):
        await one.bob_hears("for all three")
        await one.carol.send_text(one.bob_for_carol, "for you alone")
        await one.bob_hears("for you alone")
        assert one.bob_heard() == ["for all three", "for you alone"]


async def test_one_mail_to_a_ghost_and_to_somebody_with_a_mailbox_reaches_both(pair: Pair, people: People) -> None:
    frank = await people.mail()
    await pair.carol.send_text([frank.address, pair.bob_for_carol], "dinner at eight")
    await pair.bob_hears("dinner at eight")
    mail = await frank.wait_text("dinner at eight")
    assert pair.carol.address in (mail.header("From") or "")
    pair.bob.client.send_message(pair.carol_for_bob, "fine")
    answer = await pair.carol.wait_text("fine")
    assert answer.header("To") == pair.carol.address, "an answer to her, not to everybody"
    await frank.fetch()
    assert len(frank.mails.items) == 1


async def test_of_several_recipients_only_the_one_who_does_not_exist_is_reported(pair: Pair) -> None:
    nobody = on_mail("nobody@not-an-xmpp-server.localhost").replace("xmpp.", "fax.", 1)
    await pair.carol.send_text([pair.bob_for_carol, nobody], "to you and to nobody")
    await pair.bob_hears("to you and to nobody")
    report = await pair.carol.wait_for(is_report, 60, what="a report")
    status = next(part for part in report.message.walk() if part.get_content_type() == "message/delivery-status")
    assert nobody in status.as_string() and pair.bob_for_carol not in status.as_string()


OOB = "{jabber:x:oob}x/{jabber:x:oob}url"


async def test_a_mail_of_twenty_megabytes_crosses_with_its_picture(pair: Pair) -> None:
    mail = pair.carol.compose(pair.bob_for_carol, "the aerial pictures")
    mail.add_attachment(bytes(range(256)) * 60_000, maintype="image", subtype="tiff", filename="aerial.tiff")
    assert len(mail.as_bytes()) > 20_000_000
    await pair.carol.send(mail)
    await pair.bob_hears("the aerial pictures", 60)
    shared = await pair.bob.client.wait_for(lambda s: s.has(OOB), 60, what="the picture")
    assert str(shared.xml.findtext(OOB)).endswith("aerial.tiff"), str(shared)


async def test_a_mail_with_nothing_but_an_attachment_crosses_with_its_subject(pair: Pair) -> None:
    for subject in ("The invoice", ""):
        mail = pair.carol.compose(pair.bob_for_carol, "", subject=subject)
        del mail["Content-Type"], mail["Content-Transfer-Encoding"]
        name = f"invoice-{len(subject)}.pdf"
        mail.set_content(b"%PDF", maintype="application", subtype="pdf", filename=name)
        await pair.carol.send(mail)
        await pair.bob.client.wait_for(
            lambda s, name=name: s.has(OOB) and str(s.xml.findtext(OOB)).endswith(name), what="the attachment"
        )
    heard = pair.bob_heard()
    assert heard[0] == "The invoice" and len(heard) == 3, heard


OUTLOOK = """Ja, gern.

Mit freundlichen Grüßen
Carol

Von: {name} <{ghost}>
Gesendet: Dienstag, 24. November 2026 10:12
An: Carol <{carol}>
Betreff: {subject}

{quoted}
"""
GMAIL = """Ja, gern.

Am Di., 24. Nov. 2026 um 10:12 Uhr schrieb {name} <
{ghost}>:

{marked}
"""
OUTLOOK_HTML = """<html><body><div><p>Ja, gern.</p><p>Mit freundlichen Grüßen<br>Carol</p></div>
<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>Von:</b> {name} &lt;{ghost}&gt; <br><b>Gesendet:</b> Dienstag, 24.
November 2026 10:12<br><b>An:</b> Carol &lt;{carol}&gt;<br><b>Betreff:</b> {subject}</p></div>
<p>{quoted}</p></body></html>"""


@pytest.mark.parametrize("program", ["Outlook", "Outlook in HTML", "Gmail"])
async def test_an_answer_that_repeats_our_mail_with_its_footer_crosses_without_it(pair: Pair, program: str) -> None:
    pair.bob.client.send_message(pair.carol_for_bob, "Kommst du am Freitag?")
    first = await pair.carol.wait_text("Kommst du am Freitag?")
    assert "\n-- \n" in first.text, "our first mail bears a footer"
    values = {
        "name": "Bob",
        "ghost": pair.bob_for_carol,
        "carol": pair.carol.address,
        "subject": first.header("Subject"),
        "quoted": first.text if program == "Outlook" else first.text.replace("\n", "<br>"),
        "marked": "\n".join(f"> {line}".rstrip() for line in first.text.splitlines()),
    }
    thread = {"In_Reply_To": str(first.header("Message-ID")), "References": str(first.header("Message-ID"))}
    template = {"Outlook": OUTLOOK, "Outlook in HTML": OUTLOOK_HTML, "Gmail": GMAIL}[program]
    answer = pair.carol.compose(pair.bob_for_carol, "", subject=f"AW: {first.header('Subject')}", **thread)
    answer.set_content(template.format(**values), subtype="html" if "HTML" in program else "plain")
    await pair.carol.send(answer)
    own = "Ja, gern." if program == "Gmail" else "Ja, gern.\n\nMit freundlichen Grüßen\nCarol"
    await pair.bob_hears(own)
    assert pair.bob_heard() == [own]


async def test_headers_as_old_programs_write_them_are_read(pair: Pair) -> None:
    def raw(*head: str, body: bytes) -> bytes:
        common = [f"To: {pair.bob_for_carol}", "Date: Tue, 24 Nov 2026 10:12:00 +0100", "MIME-Version: 1.0"]
        return "\r\n".join([*head, *common, "", ""]).encode() + body

    carol = pair.carol.address
    # UTF-8 without any encoding, and no Message-ID.
    await pair.carol.send(
        raw(
            f"From: Jörg Müller <{carol}>",
            "Subject: Grüße aus Köln",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            body="Schöne Grüße\r\n".encode(),
        )
    )
    await pair.bob_hears("Schöne Grüße")
    first = next(s for s in pair.bob.client.stanzas.items if s.body == "Schöne Grüße")
    assert first.xml.findtext("{jabber:client}subject") == "Grüße aus Köln"
    assert first.xml.findtext("{http://jabber.org/protocol/nick}nick") == "Jörg Müller"
    # No subject at all, no type.
    await pair.carol.send(raw(f"From: <{carol}>", body=b"no subject and no type\r\n"))
    await pair.bob_hears("no subject and no type")
    # Encoded words in two charsets, folded.
    await pair.carol.send(
        raw(
            f"From: =?iso-8859-1?Q?J=F6rg?=\r\n =?utf-8?B?IE3DvGxsZXI=?= <{carol}>",
            "Subject: =?windows-1252?Q?Preis:_100_=80?=",
            "Content-Type: text/plain; charset=windows-1252",
            "Content-Transfer-Encoding: quoted-printable",
            body=b"100 =80\r\n",
        )
    )
    await pair.bob_hears("100 €")
    last = next(s for s in pair.bob.client.stanzas.items if s.body == "100 €")
    assert last.xml.findtext("{jabber:client}subject") == "Preis: 100 €"


async def test_text_in_any_script_arrives_as_it_was_typed(pair: Pair) -> None:
    text = "Grüße 👋🏽 שלום مرحبا 你好\n\n  eingerückt"
    pair.bob.client.send_message(pair.carol_for_bob, "Grüße 👋🏽 שלום مرحبا 你好")
    mail = await pair.carol.wait_text("👋🏽")
    assert said(mail.text) == "Grüße 👋🏽 שלום مرحبا 你好"
    message = pair.carol.compose(pair.bob_for_carol, text)
    message.set_content(text, cte="8bit")
    await pair.carol.send(message)
    await pair.bob_hears(text)


async def test_an_address_beyond_ascii_works_as_far_as_the_mail_servers_can(pair: Pair, way: Way, lab: Lab) -> None:
    mail = pair.carol.compose(pair.bob_for_carol, "answer to Jörg, please")
    mail["Reply-To"] = "Jörg <jörg@town.example>"
    await pair.carol.send(mail.as_bytes(policy=email.policy.SMTPUTF8), to=[pair.bob_for_carol])
    await pair.bob_hears("answer to Jörg, please")
    if way.mail == "imap":
        return  # Dovecot's LMTP does not speak SMTPUTF8: neither the mail nor the news of its failure could be put into a mailbox.
    sent = pair.bob.client.send_message(on_xmpp(f"jörg@{lab.names.mail}"), "Grüß dich")
    error = await pair.bob.client.wait_for(
        lambda s: s.kind == "message" and s.type == "error" and s.id == sent, 60, what="an error for the message"
    )
    assert error.has("{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}text"), str(error)


def in_order(client: MailClient, way: Way) -> list[str]:
    """Everything that arrived, in the order in which the gateway took it: a mail server's queue keeps none. ejabberd hands the
    stanzas of one person to either component, so what the gateway took first is not certain there."""
    texts = [said(mail.text) for mail in sorted(client.mails.items, key=lambda mail: mail.header("Message-ID") or "")]
    return texts if way.xmpp == "prosody" else sorted(texts)


@pytest.fixture
def refusing(servers: Lab) -> Iterator[Lab]:
    """Postfix with what a test wrote into its table of recipients, and then again without."""
    yield servers
    servers.postfix.refusals = []
    servers.postfix.restart()


async def test_a_full_mailbox_is_told_in_words_and_a_full_disk_is_waited_for(
    pair: Pair, people: People, way: Way, refusing: Lab
) -> None:
    full, busy = await people.mail(), await people.mail()
    refusing.postfix.refusals = [
        (full.address, "552 5.2.2 Mailbox is full"),
        (busy.address, "452 4.3.1 Insufficient system storage"),
    ]
    refusing.postfix.restart()
    sent = pair.bob.client.send_message(on_xmpp(full.address), "does this fit?")
    error = await pair.bob.client.wait_for(
        lambda s: s.kind == "message" and s.type == "error" and s.id == sent, 60, what="an error for the message"
    )
    text = error.xml.findtext("{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}text") or ""
    assert "full" in text, text
    for number in range(2):
        pair.bob.client.send_message(on_xmpp(busy.address), f"patience {number}")
    await asyncio.sleep(1)
    refusing.postfix.refusals = []
    refusing.postfix.restart()
    for number in range(2):
        await busy.wait_text(f"patience {number}", 60)
    assert in_order(busy, way) == ["patience 0", "patience 1"]


async def test_greylisting_delays_and_loses_nothing(pair: Pair, people: People, way: Way, refusing: Lab) -> None:
    refusing.postfix.refusals = [(pair.carol.address, "450 4.7.1 Greylisted, please try again")]
    refusing.postfix.restart()
    pair.bob.client.send_message(pair.carol_for_bob, "are you there?")
    pair.bob.client.send_message(pair.carol_for_bob, "hello?")
    frank = await people.mail()
    pair.bob.client.send_message(on_xmpp(frank.address), "nobody waits for Carol")
    await frank.wait_text("nobody waits for Carol")
    refusing.postfix.refusals = []
    refusing.postfix.restart()
    for text in ("are you there?", "hello?"):
        await pair.carol.wait_text(text, 60)
    assert in_order(pair.carol, way) == ["are you there?", "hello?"]
    errors = [s for s in pair.bob.client.stanzas.items if s.kind == "message" and s.type == "error"]
    assert not errors
