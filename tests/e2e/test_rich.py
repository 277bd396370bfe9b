# SPDX-License-Identifier: EUPL-1.2
"""Formatting between real clients: each kind of it in all six directions, and to and from Delta Chat as people install it today."""

from __future__ import annotations

import html
import itertools

import pytest
import pytest_asyncio
from conftest import People, Way
from fidelity.formatting import KINDS, MENTION, REFERENCE, UNSTYLED, Kind, html_of, letter, matrix_content, squeezed
from servers.gateway import Gateway
from talkers import OnMail, OnMatrix, OnXmpp, Talker, said
from test_delta import OnDelta

pytestmark = pytest.mark.asyncio

PAIRS = list(itertools.permutations(("matrix", "xmpp", "mail"), 2))
SAID = [kind.saying("it") for kind in KINDS]


@pytest_asyncio.fixture
async def talkers(gateway: Gateway, people: People, way: Way) -> dict[str, Talker]:
    return {
        "matrix": OnMatrix(await people.matrix()),
        "xmpp": OnXmpp(await people.xmpp(server=way.xmpp)),
        "mail": OnMail(await people.mail()),
    }


async def say(one: Talker, other: Talker, kind: Kind) -> None:
    if isinstance(one, OnMatrix):
        await one.client.send(await one.room_with(one.ghost_of(other)), matrix_content(kind))
    elif isinstance(one, OnXmpp):
        one.client.send_message(one.ghost_of(other), kind.styled or "")
    elif isinstance(one, OnMail):
        await one.client.send(letter(one.client, one.ghost_of(other), kind.plain, kind.html))


async def hears(one: Talker, sender: Talker, kind: Kind) -> None:
    ghost = one.ghost_of(sender)
    if isinstance(one, OnMatrix):
        event = await one.client.wait_for(
            lambda e: e.get("sender") == ghost and e.get("type") == "m.room.message", what=kind.name
        )
        content = event["content"]
        assert squeezed(content.get("formatted_body", "")) == squeezed(kind.html), content
        assert content["body"] == kind.plain and content["format"] == "org.matrix.custom.html"
    elif isinstance(one, OnXmpp):
        stanza = await one.client.wait_for(
            lambda s: s.kind == "message" and s.sender.startswith(ghost) and bool(s.body), what=kind.name
        )
        assert stanza.body == kind.on_xmpp and not stanza.has(UNSTYLED), stanza.body
    elif isinstance(one, OnMail):
        mail = await one.client.wait_for(lambda m: f"<{ghost}>" in (m.header("From") or ""), what=kind.name)
        assert said(mail.text) == kind.light, mail.text
        assert squeezed(kind.html) in squeezed(html_of(mail)), mail.raw


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: name)
@pytest.mark.parametrize("kind", SAID, ids=str)
async def test_every_kind_of_formatting_crosses(talkers: dict[str, Talker], source: str, target: str, kind: Kind) -> None:
    if source == "xmpp" and kind.styled is None:
        pytest.skip("styled text has no word for it")
    one, other = talkers[source], talkers[target]
    await say(one, other, kind)
    await hears(other, one, kind)


async def test_what_only_looks_like_styling_stays_as_it_was_typed(talkers: dict[str, Talker]) -> None:
    alice, bob, carol = talkers["matrix"], talkers["xmpp"], talkers["mail"]
    typed = "2 *3* 4 and `ls *.py` and **this**"
    assert isinstance(bob, OnXmpp)
    for sender in (alice, carol):
        await sender.say(bob, typed)
        ghost = bob.ghost_of(sender)
        stanza = await bob.client.wait_for(lambda s, g=ghost: s.sender.startswith(g) and s.body == typed, what=typed)
        assert stanza.has(UNSTYLED)
    bob.client.send_message(bob.ghost_of(alice), typed, extra="<unstyled xmlns='urn:xmpp:styling:0'/>")
    await alice.hear(bob, typed)
    assert isinstance(alice, OnMatrix)
    event = await alice.client.wait_message(typed)
    assert "formatted_body" not in event["content"]


async def test_xhtml_and_markdown_are_read(talkers: dict[str, Talker]) -> None:
    alice, bob, carol = talkers["matrix"], talkers["xmpp"], talkers["mail"]
    assert isinstance(alice, OnMatrix) and isinstance(bob, OnXmpp) and isinstance(carol, OnMail)
    body = "<body xmlns='http://www.w3.org/1999/xhtml'><p><span style='font-weight: bold;'>now</span></p></body>"
    bob.client.send_message(bob.ghost_of(alice), "now", extra=f"<html xmlns='http://jabber.org/protocol/xhtml-im'>{body}</html>")
    assert (await alice.client.wait_message("now"))["content"]["formatted_body"] == "<strong>now</strong>"
    mail = carol.client.compose(carol.ghost_of(alice), "a plan: do it")
    mail.add_alternative("a **plan**: do _it_", subtype="markdown")
    await carol.client.send(mail)
    event = await alice.client.wait_message("a plan: do it")
    assert event["content"]["formatted_body"] == "a <strong>plan</strong>: do <em>it</em>"


async def test_new_versions_and_actions_are_formatted(talkers: dict[str, Talker]) -> None:
    alice, bob = talkers["matrix"], talkers["xmpp"]
    assert isinstance(alice, OnMatrix) and isinstance(bob, OnXmpp)
    room = await alice.room_with(alice.ghost_of(bob))
    formatted = {"format": "org.matrix.custom.html"}
    waves = {"msgtype": "m.emote", "body": "waves *wildly*", "formatted_body": "waves <em>wildly</em>", **formatted}
    first = await alice.client.send(room, waves)
    await bob.hear(alice, "/me waves _wildly_")
    new = {"msgtype": "m.text", "body": "**right**", "formatted_body": "<b>right</b>", **formatted}
    await alice.client.send(room, {**new, "m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": first}})
    await bob.hear(alice, "*right*")
    bob.client.send_message(bob.ghost_of(alice), "/me nods *slowly*", id="first")
    event = await alice.client.wait_message("nods slowly")
    assert (event["content"]["msgtype"], event["content"]["formatted_body"]) == ("m.emote", "nods <strong>slowly</strong>")
    bob.client.send_message(bob.ghost_of(alice), "_at nine_", extra="<replace xmlns='urn:xmpp:message-correct:0' id='first'/>")
    edit = await alice.client.wait_message("* at nine")
    assert edit["content"]["m.new_content"]["formatted_body"] == "<em>at nine</em>"


async def test_whoever_is_mentioned_is_named_as_his_network_does(talkers: dict[str, Talker]) -> None:
    alice, bob, carol = talkers["matrix"], talkers["xmpp"], talkers["mail"]
    assert isinstance(alice, OnMatrix) and isinstance(bob, OnXmpp) and isinstance(carol, OnMail)
    # Alice mentions Bob to Bob, and to Carol.
    for other in (bob, carol):
        pill = f'<a href="https://matrix.to/#/{alice.ghost_of(bob)}">Bob</a>'
        content = {"msgtype": "m.text", "body": "Bob: hi", "format": "org.matrix.custom.html", "formatted_body": f"{pill}: hi"}
        mentions = {"m.mentions": {"user_ids": [alice.ghost_of(bob)]}}
        await alice.client.send(await alice.room_with(alice.ghost_of(other)), content | mentions)
    stanza = await bob.client.wait_for(lambda s: s.body == "Bob: hi", what="a mention")
    reference, mention = stanza.find(REFERENCE), stanza.find(MENTION)
    assert reference is not None and reference.get("uri") == f"xmpp:{bob.address}" and reference.get("end") == "3"
    assert mention is not None and mention.get("jid") == bob.address
    mail = await carol.client.wait_for(lambda m: said(m.text) == "Bob: hi", what="a mention")
    assert f'<a class="mention" href="mailto:{html.escape(carol.ghost_of(bob))}">Bob</a>: hi' in html_of(mail)
    # Bob mentions Alice to her.
    uri = f"xmpp:{bob.ghost_of(alice).replace('%', '%25')}"
    extra = f"<reference xmlns='urn:xmpp:reference:0' type='mention' begin='5' end='10' uri='{uri}'/>"
    bob.client.send_message(bob.ghost_of(alice), "dear Alice", extra=extra)
    event = await alice.client.wait_message("dear Alice")
    assert event["content"]["m.mentions"] == {"user_ids": [alice.address]}
    assert f"https://matrix.to/#/{alice.address}" in event["content"]["formatted_body"]
    # Carol mentions Alice to Bob.
    link = f'<a class="mention" href="mailto:{carol.ghost_of(alice)}">Alice</a>'
    await carol.client.send(letter(carol.client, carol.ghost_of(bob), "ask Alice", f"<p>ask {link}</p>"))
    stanza = await bob.client.wait_for(lambda s: s.body == "ask Alice", what="a mention")
    mention = stanza.find(MENTION)
    assert mention is not None and mention.get("jid") == bob.ghost_of(alice)


@pytest.mark.parametrize("kind", SAID, ids=str)
async def test_delta_chat_shows_light_marks(gateway: Gateway, people: People, way: Way, kind: Kind) -> None:
    carol = OnDelta(await people.delta(force_encryption=True))
    alice, bob = OnMatrix(await people.matrix()), OnXmpp(await people.xmpp(server=way.xmpp))
    for other in (alice, bob):
        await carol.join(gateway, other)
        await carol.say(other, "2 *3* 4")
        await other.hear(carol, "2 *3* 4")
    await alice.client.send(await alice.room_with(alice.ghost_of(carol)), matrix_content(kind))
    message = await carol.hear_message(alice, kind.light)
    assert not message["hasHtml"], "the program would offer to show the HTML"
    if kind.styled is not None:
        await say(bob, carol, kind)
        await carol.hear(bob, kind.light)
