# SPDX-License-Identifier: EUPL-1.2
"""People with a mail program that encrypts (Autocrypt, PGP/MIME; here GnuPG): encrypted mail where they wish it, and letters, not the
signs of chat programs. And the receipts that mail programs ask for (RFC 8098). By both ways in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email.utils import make_msgid, mktime_tz, parsedate_tz
from pathlib import Path

import pytest
from clients.gnupg import GnuPG, Opened
from clients.mail import Mail
from conftest import WAYS, Way
from pair import Pair
from servers import wait
from servers.gateway import Gateway
from talkers import said
from test_content import DISPLAYED, REACTIONS, REPLACE

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def ring(pair: Pair, state_root: Path) -> Iterator[GnuPG]:
    """Carol's keys. Below the session's directory: an agent's socket wants a short path."""
    ring = GnuPG(state_root / f"gnupg-{pair.carol.address.partition('@')[0]}", pair.carol.address)
    yield ring
    ring.close()


def seconds(date: object) -> int:
    parsed = parsedate_tz(str(date))
    assert parsed is not None, date
    return mktime_tz(parsed)


def answers(mail: Mail, pair: Pair) -> bool:
    return f"<{pair.bob_for_carol}>" in (mail.header("From") or "")


async def opened(pair: Pair, ring: GnuPG, text: str) -> tuple[Mail, Opened]:
    """Bob's encrypted mail with this text. Whose key it is stands outside."""
    seen: dict[int, Opened] = {}

    def fits(mail: Mail) -> bool:
        if not answers(mail, pair) or mail.message.get_content_type() != "multipart/encrypted":
            return False
        if mail.uid not in seen:
            ring.meet(mail.header("Autocrypt") or "")
            seen[mail.uid] = ring.open(mail)
        return said(seen[mail.uid].text) == text

    mail = await pair.carol.wait_for(fits, 30, what=f"encrypted: {text!r}")
    return mail, seen[mail.uid]


async def test_who_prefers_encryption_gets_it_and_answers_with_it(pair: Pair, ring: GnuPG) -> None:
    first = pair.carol.compose(pair.bob_for_carol, "Here is my key", "The plan")
    await pair.carol.send(ring.clear(first, "mutual"))
    await pair.bob_hears("Here is my key")

    pair.bob.client.send_message(pair.carol_for_bob, "A secret – für Sie allein")
    mail, inside = await opened(pair, ring, "A secret – für Sie allein")
    assert b"secret" not in mail.raw and b"plan" not in mail.raw.lower()
    # What a mail program sorts and threads by stands outside and is true.
    assert mail.header("To") == pair.carol.address and mail.header("In-Reply-To") == str(first["Message-ID"])
    assert abs(seconds(mail.header("Date")) - seconds(first["Date"])) < 600
    ghost = ring.meet(mail.header("Autocrypt") or "")
    assert inside.signer == ghost and str(inside.message["Subject"]) == "Re: The plan"
    assert inside.message["Chat-Disposition-Notification-To"] is None

    await pair.carol.send(ring.seal(pair.bob_for_carol, ghost, "Received, danke schön", "Re: The plan"))
    await pair.bob_hears("Received, danke schön")
    assert pair.bob_heard()[-1] == "Received, danke schön" and len(pair.bob_heard()) == 2
    pair.bob.client.send_message(pair.carol_for_bob, "Good night")
    _, inside = await opened(pair, ring, "Good night")
    assert inside.signer == ghost


async def test_who_does_not_prefer_it_is_written_to_in_clear_until_he_encrypts_himself(pair: Pair, ring: GnuPG) -> None:
    for preference in (None, "nopreference"):
        mail = pair.carol.compose(pair.bob_for_carol, f"My key, {preference}", "Key")
        await pair.carol.send(ring.clear(mail, preference))
        await pair.bob.client.wait_for(lambda s: f"My key, {preference}" in (s.body or ""), what="Carol's mail")
        pair.bob.client.send_message(pair.carol_for_bob, f"In clear, {preference}")
        answer = await pair.carol.wait_text(f"In clear, {preference}")
        assert answer.message.get_content_type() == "text/plain" and answers(answer, pair)
    ghost = ring.meet(answer.header("Autocrypt") or "")
    sealed = ring.seal(pair.bob_for_carol, ghost, "I encrypt this one", "Key", preference="nopreference")
    await pair.carol.send(sealed)
    await pair.bob_hears("I encrypt this one")
    pair.bob.client.send_message(pair.carol_for_bob, "And so do I")
    _, inside = await opened(pair, ring, "And so do I")
    assert inside.signer == ghost


async def test_what_only_chat_programs_understand_comes_as_letters_or_not_at_all(pair: Pair, ring: GnuPG) -> None:
    await pair.carol.send(ring.clear(pair.carol.compose(pair.bob_for_carol, "Here is my key"), "mutual"))
    await pair.bob_hears("Here is my key")
    named = next(s.id for s in pair.bob.client.stanzas.items if s.body == "Here is my key")
    bob, carol = pair.bob.client, pair.carol_for_bob
    bob.send_message(carol, "at eight", id="at-eight")
    await opened(pair, ring, "at eight")
    bob.send_message(carol, "at nine", extra=f"<replace xmlns='{REPLACE[1:].partition('}')[0]}' id='at-eight'/>")
    await opened(pair, ring, "Correction: at nine")
    reactions = REACTIONS[1:].partition("}")[0]
    like = f"<reactions xmlns='{reactions}' id='{named}'><reaction>👍</reaction></reactions>"
    bob.send_raw(f"<message to='{carol}' type='chat' id='like'>{like}</message>")
    bob.send_message(carol, "see you")
    await opened(pair, ring, "see you")
    texts = [said(ring.open(mail).text) for mail in pair.carol.mails.items if answers(mail, pair)]
    assert texts == ["at eight", "Correction: at nine", "👍", "see you"]


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "encrypted"])
async def test_receipts_that_a_mail_program_asks_for(gateway: Gateway, pair: Pair, ring: GnuPG, encrypted: bool) -> None:
    wish = {"Disposition_Notification_To": f"<{pair.carol.address}>"}
    asking = pair.carol.compose(pair.bob_for_carol, "did you read this?", "", **wish)
    await pair.carol.send(ring.clear(asking, "mutual") if encrypted else asking)
    await pair.bob_hears("did you read this?")

    # Bob asks in the same way, for she does; her program answers.
    pair.bob.client.send_message(pair.carol_for_bob, "not yet", id="not-yet", extra="<markable xmlns='urn:xmpp:chat-markers:0'/>")
    if encrypted:
        mail, inside = await opened(pair, ring, "not yet")
        asked = str(inside.message["Disposition-Notification-To"])
        assert mail.header("Disposition-Notification-To") is None
    else:
        mail = await pair.carol.wait_text("not yet")
        asked = mail.header("Disposition-Notification-To") or ""
    assert asked == f"<{pair.bob_for_carol}>"
    await pair.carol.send(receipt(pair, mail.header("Message-ID") or "").encode(), [pair.bob_for_carol], sender="")
    stanza = await pair.bob.client.wait_for(lambda s: s.has(DISPLAYED), what="a marker")
    assert (displayed := stanza.find(DISPLAYED)) is not None and displayed.get("id") == "not-yet"

    # Bob reads hers, and what she asked for is what she gets.
    displayed_by_bob(pair, "did you read this?")
    told = await pair.carol.wait_for(is_receipt, what="a receipt")
    report = next(part for part in told.message.walk() if part.get_content_type() == "message/disposition-notification")
    fields = report.as_string()
    assert f"Original-Message-ID: {asking['Message-ID']}" in fields and "; displayed" in fields, fields
    assert f"Final-Recipient: rfc822; {pair.bob_for_carol}" in fields and told.header("Return-Path") in (None, "<>")
    assert told.header("In-Reply-To") == str(asking["Message-ID"])

    # Nobody is told of what he did not ask for, or told twice.
    await pair.carol.send(pair.carol.compose(pair.bob_for_carol, "and this?"))
    await pair.bob_hears("and this?")
    displayed_by_bob(pair, "and this?")
    displayed_by_bob(pair, "did you read this?")
    assert await asyncio.to_thread(wait.until, lambda: gateway.waiting() == 0, 30)
    pair.bob.client.send_message(pair.carol_for_bob, "the last word")
    await (opened(pair, ring, "the last word") if encrypted else pair.carol.wait_text("the last word"))
    assert len([mail for mail in pair.carol.mails.items if is_receipt(mail)]) == 1


def displayed_by_bob(pair: Pair, text: str) -> None:
    named = next(s.id for s in pair.bob.client.stanzas.items if s.body == text)
    marker = f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{named}'/>"
    pair.bob.client.send_raw(f"<message to='{pair.carol_for_bob}' type='chat' id='read-{named}'>{marker}</message>")


def is_receipt(mail: Mail) -> bool:
    return mail.message.get_content_type() == "multipart/report" and "disposition-notification" in str(mail.message["Content-Type"])


def receipt(pair: Pair, about: str) -> str:
    """As Thunderbird writes it."""
    return "\r\n".join([
        f"From: {pair.carol.address}", f"To: {pair.bob_for_carol}", "Subject: Return Receipt (displayed) - Message",
        f"Message-ID: {make_msgid(domain='mail.localhost')}", f"References: {about}", "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=disposition-notification;', ' boundary="----mdn"', "",
        "------mdn", "Content-Type: text/plain; charset=UTF-8", "", "This is a Return Receipt for the mail that you sent.", "",
        "------mdn", 'Content-Type: message/disposition-notification; name="MDNPart2.txt"', "Content-Disposition: inline", "",
        "Reporting-UA: Thunderbird", f"Final-Recipient: rfc822;{pair.carol.address}", f"Original-Message-ID: {about}",
        "Disposition: manual-action/MDN-sent-manually; displayed", "", "------mdn--", "",
    ])  # fmt: skip
