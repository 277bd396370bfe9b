# SPDX-License-Identifier: EUPL-1.2
"""Mail in particular, by both ways in: what is believed, what is never a message, what mail programs and Delta Chat see."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage

import pytest
from clients import DeltaClient
from conftest import WAYS, People, Way
from ghosts import on_mail, on_xmpp
from pair import Pair, is_report
from servers import Lab, wait
from servers.gateway import Gateway
from talkers import said

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


async def delta_with(people: People, pair: Pair) -> tuple[DeltaClient, int]:
    delta = await people.delta()
    return delta, await delta.chat_with(pair.bob_for_carol)


async def test_a_forged_sender_is_no_message_and_whoever_sent_it_is_told(gateway: Gateway, pair: Pair, people: People) -> None:
    mallory = await people.mail()
    before = gateway.metric("dreiklang_input_dropped_total", reason="forged")
    forged = pair.carol.compose(pair.bob_for_carol, "send me your password")
    await mallory.inject(forged, sender=mallory.address)
    report = await mallory.wait_for(is_report, 60, what="a delivery status notification")
    assert str(forged["Message-ID"]) in report.raw.decode(errors="replace")
    assert gateway.metric("dreiklang_input_dropped_total", reason="forged") == before + 1
    # Results under the trusted server's name are believed from that server only.
    forged = pair.carol.compose(
        pair.bob_for_carol, "really", Authentication_Results=f"mail.localhost; auth=pass smtp.auth={pair.carol.address}"
    )
    await mallory.inject(forged, sender=mallory.address)
    await pair.bob_hears_nothing_but("the real Carol")


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"List-Id": "Town <town.lists.example>"},
        {"X-Auto-Response-Suppress": "All"},
        {"Dreiklang-Delivery": "01jd8qk3m0000000000000000z"},
        {"X-Loop": "bot@gw.localhost"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_what_programs_send_is_no_message(gateway: Gateway, pair: Pair, headers: dict[str, str]) -> None:
    mail = pair.carol.compose(pair.bob_for_carol, "I am away until Monday.")
    for name, value in headers.items():
        mail[name] = value if name != "X-Loop" else f"bot@{pair.bob_for_carol.rpartition('@')[2]}"
    await pair.carol.send(mail)
    await pair.bob_hears_nothing_but("back again")
    await pair.carol.fetch()
    assert not pair.carol.mails.matching(is_report)


async def test_an_answer_crosses_without_the_mail_it_answers_and_stays_in_its_thread(pair: Pair) -> None:
    first = await pair.carol.send_text(pair.bob_for_carol, "Shall we meet?", subject="The plan")
    await pair.bob_hears("Shall we meet?")
    subjects = [s.xml.findtext("{jabber:client}subject") for s in pair.bob.client.stanzas.items if s.body == "Shall we meet?"]
    assert subjects == ["The plan"]
    pair.bob.client.send_message(pair.carol_for_bob, "Yes, at eight.")
    answer = await pair.carol.wait_text("Yes, at eight.")
    assert answer.header("Subject") == "Re: The plan"
    assert answer.header("In-Reply-To") == first
    assert first in (answer.header("References") or "")
    assert answer.header("Chat-Version") == "1.0" and answer.header("Auto-Submitted") is None
    assert "\n-- \n" in answer.text.replace("\r", ""), "the first mail says who carries it"
    quoted = "\n".join(f"> {line}" for line in answer.text.splitlines())
    await pair.carol.send_text(
        pair.bob_for_carol,
        f"Good.\n\nOn Tue, Nov 24, 2026 at 10:12, Bob <{pair.bob_for_carol}> wrote:\n{quoted}\n\n-- \nCarol\nOffice 7",
        subject="Re: The plan",
        In_Reply_To=str(answer.header("Message-ID")),
        References=f"{first} {answer.header('Message-ID')}",
    )
    await pair.bob_hears("Good.")
    pair.bob.client.send_message(pair.carol_for_bob, "See you.")
    last = await pair.carol.wait_text("See you.")
    assert said(last.text) == last.text.rstrip("\n") == "See you.", "no second footer"
    assert (last.header("References") or "").split()[0] == first


async def test_html_alone_is_read_and_attachments_cross(pair: Pair) -> None:
    mail = pair.carol.compose(pair.bob_for_carol, "")
    mail.set_content("<p>Dear <b>Bob</b></p><p>see <a href='https://town.example/x'>this</a></p>", subtype="html")
    await pair.carol.send(mail)
    await pair.bob_hears("Dear *Bob*\n\nsee this (https://town.example/x)")
    mail = pair.carol.compose(pair.bob_for_carol, "the plan is attached")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="plan.pdf")
    await pair.carol.send(mail)
    await pair.bob_hears("the plan is attached")
    oob = "{jabber:x:oob}x/{jabber:x:oob}url"
    shared = await pair.bob.client.wait_for(lambda s: s.has(oob), what="the attachment")
    assert str(shared.xml.findtext(oob)).endswith("plan.pdf"), str(shared)


async def test_what_cannot_be_carried_comes_back(pair: Pair) -> None:
    large = pair.carol.compose(pair.bob_for_carol, "word " * 300_000)
    await pair.carol.send(large)
    report = await pair.carol.wait_for(is_report, 60, what="the report of the large mail")
    assert "5.3.4" in report.raw.decode(errors="replace")
    encrypted = EmailMessage()
    for name, value in pair.carol.compose(pair.bob_for_carol, "").items():
        if name not in ("Content-Type", "Content-Transfer-Encoding", "MIME-Version"):
            encrypted[name] = value
    encrypted["MIME-Version"] = "1.0"
    raw = encrypted.as_bytes().rstrip() + (
        b"\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\nx\r\n--b--\r\n"
    )  # fmt: skip
    await pair.carol.send(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    await pair.carol.wait_for(
        lambda mail: is_report(mail) and "5.6.0" in mail.raw.decode(errors="replace"), 60, what="the report of the encrypted mail"
    )
    await pair.bob_hears_nothing_but("plain words")


async def test_broken_mail_harms_nobody(gateway: Gateway, pair: Pair) -> None:
    head = pair.carol.compose(pair.bob_for_carol, "x").as_bytes().split(b"\r\n\r\n")[0]
    head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith((b"content", b"mime", b"message-id")))
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(60))
    for body in (
        b"Content-Type: multipart/mixed\r\n\r\n--nothing",
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xff\xfe\xc3(",
        nested,
        b"X-A: " + b"a" * 900 + b"\r\n" + b"X-B: b\r\n" * 3000 + b"\r\nmany",
    ):
        await pair.carol.send(head + b"\r\n" + body + b"\r\n", to=[pair.bob_for_carol])
    await pair.carol.send_text(pair.bob_for_carol, "all is well")
    await pair.bob_hears("all is well")
    assert gateway.running()


async def test_a_bounce_that_comes_later_reaches_the_sender(pair: Pair) -> None:
    ghost = on_xmpp("nobody-later@mail.localhost")
    sent = pair.bob.client.send_message(ghost, "is anybody there?")
    error = await pair.bob.client.wait_for(
        lambda s: s.kind == "message" and s.type == "error" and s.id == sent, 60, what="an error for the message"
    )
    assert error.sender.split("/")[0] == ghost


async def test_a_refusal_at_once_reaches_the_sender_in_words(pair: Pair) -> None:
    sent = pair.bob.client.send_message(on_xmpp("reject-me@mail.localhost"), "hello?")
    error = await pair.bob.client.wait_for(
        lambda s: s.kind == "message" and s.type == "error" and s.id == sent, 60, what="an error for the message"
    )
    assert error.has("{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}text"), str(error)


async def test_delta_chat_both_ways_and_its_failures(pair: Pair, people: People) -> None:
    delta, chat = await delta_with(people, pair)
    await delta.send_text(chat, "Hello from Delta Chat\n\nwith two paragraphs")
    pair.carol.address = delta.address
    await pair.bob_hears("Hello from Delta Chat\n\nwith two paragraphs")
    long = "Grüße " + " ".join(f"word{number}" for number in range(300))
    for text in ("Hello back", long, "> mine\nFrom me"):
        pair.bob.client.send_message(pair.carol_for_bob, text)
        shown = await delta.wait_message(text)
        assert shown["chatId"] == chat, "in the same chat"
    nobody = await delta.chat_with(on_mail("nobody-here@xmpp.localhost"))
    failing = await delta.send_text(nobody, "is anybody there?")
    failed = await delta.wait_state(failing, ("failed",), 60)
    assert failed["error"]


async def test_whoever_is_refused_hears_of_it_although_the_gateway_is_killed_before_it_can_say_so(
    servers: Lab, gateway: Gateway, pair: Pair, way: Way
) -> None:
    if way.mail == "lmtp":
        pytest.skip("by LMTP the mail server itself is told, at once")
    before = gateway.metric("dreiklang_input_dropped_total", reason="forged")
    servers.postfix.kill()
    for number in range(2):
        forged = pair.carol.compose(pair.bob_for_carol, "pay me", X_Original_To=pair.bob_for_carol)
        await asyncio.to_thread(servers.dovecot.deliver, forged.as_bytes(), pair.carol.address, "bridge")
        assert await asyncio.to_thread(
            wait.until, lambda n=number: gateway.metric("dreiklang_input_dropped_total", reason="forged") == before + n + 1, 20
        )
    gateway.kill()
    servers.postfix.start()
    gateway.start()
    await pair.carol.wait_for(lambda _: len(pair.carol.mails.matching(is_report)) == 2, 60, what="both reports")
    await pair.bob_hears_nothing_but("the real Carol")
    await pair.carol.fetch()
    assert len(pair.carol.mails.matching(is_report)) == 2


@pytest.mark.parametrize("server", ["dovecot", "postfix"])
async def test_nothing_is_lost_or_doubled_while_mail_servers_are_killed(
    servers: Lab, gateway: Gateway, pair: Pair, server: str
) -> None:
    await pair.carol.send_text(pair.bob_for_carol, "before")
    await pair.bob_hears("before")
    killed = servers.servers[server]
    killed.kill()
    for number in range(3):
        pair.bob.client.send_message(pair.carol_for_bob, f"to Carol {number}")
    await asyncio.sleep(1)
    killed.start()
    for number in range(3):
        await pair.carol.send_text(pair.bob_for_carol, f"to Bob {number}")
        await pair.bob_hears(f"to Bob {number}", 60)
    for number in range(3):
        await pair.carol.wait_text(f"to Carol {number}", 60)
    assert pair.bob_heard() == ["before", *(f"to Bob {number}" for number in range(3))]
    await pair.carol.fetch()
    own = [mail for mail in pair.carol.mails.items if pair.bob_for_carol in (mail.header("From") or "")]
    assert sorted(said(mail.text) for mail in own) == [f"to Carol {number}" for number in range(3)]
