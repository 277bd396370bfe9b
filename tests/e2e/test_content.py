# SPDX-License-Identifier: EUPL-1.2
"""What a message can be besides text, between Matrix and XMPP in both directions: answers, new versions, deletions, reactions, read
markers, files. On both XMPP servers."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio
from clients import MatrixClient, XmppClient
from clients.matrix import Event
from clients.xmpp import Stanza
from conftest import WAYS, People, Way
from fidelity.files import download_from_matrix, upload_to_matrix, upload_to_xmpp
from fidelity.on_xmpp import DISPLAYED, OOB, REACTIONS, REPLACE, REPLY, RETRACT
from ghosts import on_matrix, on_xmpp
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio

FALLBACK = "{urn:xmpp:fallback:0}fallback"
REACTION = "{urn:xmpp:reactions:0}reaction"


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@dataclass
class Pair:
    """Alice on Matrix and Bob on XMPP, who have said hello to each other."""

    alice: MatrixClient
    bob: XmppClient
    room: str
    hello_of_alice: str
    hello_of_bob: str

    @property
    def ghost_of_alice(self) -> str:
        return on_xmpp(self.alice.user_id)

    @property
    def ghost_of_bob(self) -> str:
        return on_matrix(self.bob.jid, "xmpp")

    async def at_bob(self, path: str, since: int = 0) -> Stanza:
        """The next stanza from Alice that has such a child."""
        return await self.bob.wait_for(
            lambda s: s.kind == "message" and s.sender.startswith(self.ghost_of_alice) and s.has(path), since=since, what=path
        )

    async def text_at_bob(self, text: str) -> Stanza:
        return await self.bob.wait_for(lambda s: s.kind == "message" and s.type != "error" and s.body == text, what=text)

    async def at_alice(self, kind: str, since: int = 0) -> Event:
        return await self.alice.wait_for(
            lambda e: e.get("sender") == self.ghost_of_bob and e.get("type") == kind, since=since, what=kind
        )

    def named_at_bob(self) -> str:
        """How Alice's hello is called at Bob's."""
        return next(s.id for s in self.bob.stanzas.items if s.body == "hello from Alice")

    async def named_at_alice(self) -> str:
        return str((await self.alice.wait_message("hello from Bob"))["event_id"])


@pytest_asyncio.fixture
async def pair(gateway: Gateway, people: People, way: Way) -> Pair:
    alice, bob = await people.matrix(), await people.xmpp(server=way.xmpp)
    room = await alice.create_dm(on_matrix(bob.jid, "xmpp"))
    hello = await alice.send_text(room, "hello from Alice")
    pair = Pair(alice, bob, room, hello, "hello-of-bob")
    await pair.text_at_bob("hello from Alice")
    bob.send_message(pair.ghost_of_alice, "hello from Bob", id=pair.hello_of_bob)
    await pair.named_at_alice()
    return pair


async def test_answers(pair: Pair) -> None:
    # Both answer a message of the other one, then one of their own.
    relates = {"m.in_reply_to": {"event_id": await pair.named_at_alice()}}
    await pair.alice.send(pair.room, {"msgtype": "m.text", "body": "an answer", "m.relates_to": relates})
    stanza = await pair.text_at_bob("> hello from Bob\n\nan answer")
    reply, fallback = stanza.find(REPLY), stanza.find(FALLBACK)
    assert reply is not None and reply.get("id") == pair.hello_of_bob and reply.get("to") == pair.bob.jid
    assert fallback is not None and fallback.get("for") == "urn:xmpp:reply:0"

    for target, event in ((pair.named_at_bob(), pair.hello_of_alice), (pair.hello_of_bob, await pair.named_at_alice())):
        quote = "> whatever was said\n"
        marked = f"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='{len(quote)}'/></fallback>"
        extra = f"<reply xmlns='urn:xmpp:reply:0' to='{pair.ghost_of_alice}' id='{target}'/>{marked}"
        pair.bob.send_message(pair.ghost_of_alice, f"{quote}answering {event}", extra=extra)
        answer = await pair.alice.wait_message(f"answering {event}")
        assert answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == event


async def test_new_versions(pair: Pair) -> None:
    """The second one is of the first message, too."""
    for text in ("hello again", "hello for the third time"):
        content = {"msgtype": "m.text", "body": f"* {text}", "m.new_content": {"msgtype": "m.text", "body": text}}
        await pair.alice.send(pair.room, content | {"m.relates_to": {"rel_type": "m.replace", "event_id": pair.hello_of_alice}})
        replace = (await pair.text_at_bob(text)).find(REPLACE)
        assert replace is not None and replace.get("id") == pair.named_at_bob()
    for text in ("hi again", "hi for the third time"):
        extra = f"<replace xmlns='urn:xmpp:message-correct:0' id='{pair.hello_of_bob}'/>"
        pair.bob.send_message(pair.ghost_of_alice, text, extra=extra)
        edit = await pair.alice.wait_message(f"* {text}")
        assert edit["content"]["m.relates_to"] == {"rel_type": "m.replace", "event_id": await pair.named_at_alice()}
        assert edit["content"]["m.new_content"]["body"] == text


async def test_nobody_changes_what_the_other_one_said(pair: Pair) -> None:
    extra = f"<replace xmlns='urn:xmpp:message-correct:0' id='{pair.named_at_bob()}'/>"
    pair.bob.send_message(pair.ghost_of_alice, "forged", extra=extra)
    event = await pair.alice.wait_message("Correction: forged")
    assert "m.relates_to" not in event["content"]


async def test_deletions(pair: Pair) -> None:
    await pair.alice.redact(pair.room, pair.hello_of_alice)
    stanza = await pair.at_bob(RETRACT)
    retract = stanza.find(RETRACT)
    assert retract is not None and retract.get("id") == pair.named_at_bob()
    extra = f"<retract xmlns='urn:xmpp:message-retract:1' id='{pair.hello_of_bob}'/>"
    pair.bob.send_message(pair.ghost_of_alice, "your client cannot show this", extra=extra)
    redaction = await pair.at_alice("m.room.redaction")
    target = redaction.get("redacts") or redaction["content"].get("redacts")
    assert target == await pair.named_at_alice()


async def test_reactions(pair: Pair) -> None:
    """Matrix adds and takes back one by one, XMPP says each time which ones there are."""

    async def expect_at_bob(emojis: set[str]) -> None:
        def matches(stanza: Stanza) -> bool:
            found = stanza.find(REACTIONS)
            shown = {one.text for one in found.iterfind(REACTION)} if found is not None else None
            return found is not None and found.get("id") == pair.hello_of_bob and shown == emojis

        await pair.bob.wait_for(matches, since=mark, what=f"reactions {emojis}")

    target = await pair.named_at_alice()
    events = {}
    for emoji, expected in (("👍", {"👍"}), ("❤️", {"👍", "❤️"})):
        mark = pair.bob.stanzas.mark()
        relation = {"rel_type": "m.annotation", "event_id": target, "key": emoji}
        events[emoji] = await pair.alice.send(pair.room, {"m.relates_to": relation}, "m.reaction")
        await expect_at_bob(expected)
    mark = pair.bob.stanzas.mark()
    await pair.alice.redact(pair.room, events["👍"])
    await expect_at_bob({"❤️"})

    def react(*emojis: str) -> None:
        inner = "".join(f"<reaction>{emoji}</reaction>" for emoji in emojis)
        reactions = f"<reactions xmlns='urn:xmpp:reactions:0' id='{pair.named_at_bob()}'>{inner}</reactions>"
        pair.bob.send_raw(f"<message to='{pair.ghost_of_alice}' type='chat' id='reactions-{len(emojis)}'>{reactions}</message>")

    async def reaction(emoji: str) -> Event:
        key = {"rel_type": "m.annotation", "event_id": pair.hello_of_alice, "key": emoji}
        return await pair.alice.wait_for(lambda e: e.get("content", {}).get("m.relates_to") == key, what=f"reaction {emoji}")

    react("🎉", "👏")
    first = await reaction("🎉")
    await reaction("👏")
    react("👏")
    redaction = await pair.at_alice("m.room.redaction")
    assert (redaction.get("redacts") or redaction["content"].get("redacts")) == first["event_id"]


async def test_read_markers(pair: Pair) -> None:
    event = await pair.named_at_alice()
    await pair.alice.api("POST", f"/_matrix/client/v3/rooms/{pair.room}/receipt/m.read/{event}", {})
    displayed = (await pair.at_bob(DISPLAYED)).find(DISPLAYED)
    assert displayed is not None and displayed.get("id") == pair.hello_of_bob
    marker = f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{pair.named_at_bob()}'/>"
    pair.bob.send_raw(f"<message to='{pair.ghost_of_alice}' type='chat' id='marker'>{marker}</message>")

    def read(event: Event) -> bool:
        return event.get("type") == "ReceiptEvent" and pair.ghost_of_bob in str(event) and pair.hello_of_alice in str(event)

    await pair.alice.wait_for(read, what="Bob's receipt")


@pytest.mark.parametrize("size", [1000, 5_000_000], ids=["small", "five megabytes"])
async def test_files(pair: Pair, servers: Lab, size: int) -> None:
    data = os.urandom(size)
    digest = hashlib.sha256(data).hexdigest()
    address = await upload_to_matrix(pair.alice, data, "cat.png", "image/png")
    info = {"mimetype": "image/png", "size": size, "w": 3, "h": 2}
    content = {"msgtype": "m.image", "body": "look at her", "filename": "cat.png", "url": address, "info": info}
    await pair.alice.send(pair.room, content)
    await pair.text_at_bob("look at her")
    stanza = await pair.at_bob(OOB)
    url = stanza.find(OOB)
    assert url is not None and url.text == stanza.body, "clients show a file only when the body is its address"
    async with aiohttp.ClientSession() as session:
        async with session.get(stanza.body or "") as answer:
            assert hashlib.sha256(await answer.read()).hexdigest() == digest

    link = await upload_to_xmpp(pair.bob, servers.names.upload, data, "dog.ogg", "audio/ogg")
    pair.bob.send_message(pair.ghost_of_alice, link, extra=f"<x xmlns='jabber:x:oob'><url>{link}</url></x>")
    event = await pair.alice.wait_for(lambda e: e.get("content", {}).get("msgtype") == "m.audio", what="a sound")
    assert event["content"]["filename"] == "dog.ogg"
    assert hashlib.sha256(await download_from_matrix(pair.alice, event["content"]["url"])).hexdigest() == digest


async def test_a_file_at_a_private_place_is_not_fetched(pair: Pair, gateway: Gateway) -> None:
    """Whoever sends its address learns that it did not arrive; what stands there is nobody's business."""
    secret = gateway.admin("/metrics")
    pair.bob.send_message(pair.ghost_of_alice, secret, id="spy", extra=f"<x xmlns='jabber:x:oob'><url>{secret}</url></x>")
    error = await pair.bob.wait_for(lambda s: s.type == "error" and s.id == "spy", what="an error")
    assert error.has("{jabber:client}error")
    pair.bob.send_message(pair.ghost_of_alice, "still here")
    await pair.alice.wait_message("still here")
