# SPDX-License-Identifier: EUPL-1.2
"""A MUC that lives on an XMPP server, joined from Matrix by its address: real Prosody and ejabberd rooms, real Synapse."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from clients import MatrixClient, XmppClient
from clients.matrix import MatrixError
from clients.xmpp import Stanza
from conftest import WAYS, People, Way
from room_names import fresh
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio

SID = "{urn:xmpp:sid:0}stanza-id"


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@dataclass
class Room:
    """A room with bob in it, and alice, who came from Matrix."""

    muc: str
    id: str
    bob: XmppClient
    alice: MatrixClient
    lab: Lab

    async def heard(self, text: str, **more: object) -> Stanza:
        """What the room gave to bob."""
        return await self.bob.wait_for(
            lambda s: s.kind == "message" and s.type == "groupchat" and s.body == text, what=f"in the room: {text!r}", **more
        )

    def said_times(self, text: str) -> int:
        return sum(1 for s in self.bob.stanzas.items if s.kind == "message" and s.type == "groupchat" and s.body == text)

    def seen_times(self, text: str) -> int:
        return sum(1 for e in self.alice.events.items if e["type"] == "m.room.message" and e["content"].get("body") == text)


def alias(lab: Lab, muc: str) -> str:
    return f"#_xmpp_{muc.replace('@', '=40')}:{lab.names.matrix}"


@pytest_asyncio.fixture
async def room(gateway: Gateway, servers: Lab, people: People, way: Way) -> Room:
    muc = f"{fresh('team')}@{servers.names.conference}"
    bob = await people.xmpp(server=way.xmpp)
    assert (await bob.join_room(muc, "Bob")).type != "error"
    await instant(bob, muc)
    alice = await people.matrix()
    id = await alice.join(alias(servers, muc))
    return Room(muc, id, bob, alice, servers)


async def instant(owner: XmppClient, muc: str) -> None:
    """Opens a new room as it is (XEP-0045 §10.1.2)."""
    form = "<x xmlns='jabber:x:data' type='submit'/>"
    await owner.iq(muc, f"<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>", "set")


async def test_it_appears_with_its_people_and_messages_go_both_ways(room: Room) -> None:
    await room.alice.send_text(room.id, "hello from Matrix")
    said = await room.heard("hello from Matrix")
    assert said.sender.startswith(room.muc + "/")
    assert said.has(SID)
    room.bob.send_groupchat(room.muc, "hello from XMPP")
    seen = await room.alice.wait_message("hello from XMPP")
    assert seen["room_id"] == room.id
    assert seen["sender"].startswith("@_xmpp_")
    # Everything once, on both sides.
    room.bob.send_groupchat(room.muc, "the end")
    await room.alice.wait_message("the end")
    assert room.said_times("hello from Matrix") == 1
    assert room.seen_times("hello from XMPP") == 1
    assert room.seen_times("hello from Matrix") == 1, "nobody hears his own words from a ghost"


async def test_its_subject_is_the_topic(room: Room) -> None:
    room.bob.send_raw(f"<message to='{room.muc}' type='groupchat'><subject>plans of today</subject></message>")
    await room.alice.wait_for(
        lambda e: e["type"] == "m.room.topic" and e["content"].get("topic") == "plans of today", what="the topic"
    )


async def test_answers_edits_reactions_and_deletions_name_the_right_message(room: Room) -> None:
    event = await room.alice.send_text(room.id, "question")
    question = await room.heard("question")
    sid = question.find(SID)
    assert sid is not None
    name = sid.attrib["id"]
    mark = room.alice.events.mark()
    reply = f"<reply xmlns='urn:xmpp:reply:0' id='{name}'/>"
    answer = room.bob.send_groupchat(room.muc, "answer", extra=reply)
    seen = await room.alice.wait_message("answer", since=mark)
    assert seen["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == event
    await room.heard("answer")
    reaction = f"<reactions xmlns='urn:xmpp:reactions:0' id='{name}'><reaction>👍</reaction></reactions>"
    room.bob.send_raw(f"<message to='{room.muc}' type='groupchat' id='r1'>{reaction}</message>")
    reacted = await room.alice.wait_for(lambda e: e["type"] == "m.reaction", what="a reaction")
    assert reacted["content"]["m.relates_to"]["event_id"] == event
    room.bob.send_groupchat(room.muc, "better answer", extra=f"<replace xmlns='urn:xmpp:message-correct:0' id='{answer}'/>")
    edited = await room.alice.wait_for(
        lambda e: e["content"].get("m.new_content", {}).get("body") == "better answer", what="an edit"
    )
    assert edited["content"]["m.relates_to"]["event_id"] == seen["event_id"]
    new = {"msgtype": "m.text", "body": "better question"}
    relation = {"rel_type": "m.replace", "event_id": event}
    await room.alice.send(room.id, {**new, "body": "* better question", "m.new_content": new, "m.relates_to": relation})
    corrected = await room.heard("better question")
    replace = corrected.find("{urn:xmpp:message-correct:0}replace")
    assert replace is not None
    assert replace.attrib["id"] == question.id
    await room.alice.redact(room.id, event)
    retracted = await room.bob.wait_for(
        lambda s: s.kind == "message" and s.has("{urn:xmpp:message-retract:1}retract"), what="a retraction"
    )
    assert retracted.find("{urn:xmpp:message-retract:1}retract").attrib["id"] == name  # type: ignore[union-attr]


async def test_a_room_that_does_not_exist_is_not_made(gateway: Gateway, servers: Lab, people: People) -> None:
    alice = await people.matrix()
    with pytest.raises(MatrixError):
        await alice.join(alias(servers, f"{fresh('nobody')}@{servers.names.conference}"))


async def test_what_was_said_while_the_gateway_was_away_is_there_afterwards(room: Room) -> None:
    room.bob.send_groupchat(room.muc, "before")
    await room.alice.wait_message("before")
    room.lab.gateway.kill()
    texts = [f"meanwhile {number}" for number in range(60)]
    for text in texts:
        room.bob.send_groupchat(room.muc, text)
    await room.heard(texts[-1])
    room.lab.gateway.start()
    room.lab.gateway.wait_online()
    room.bob.send_groupchat(room.muc, "after")
    await room.alice.wait_message("after", timeout=60)
    arrived = [e["content"]["body"] for e in room.alice.events.items if e["type"] == "m.room.message" and e["room_id"] == room.id]
    assert arrived == ["before", *texts, "after"]


async def test_a_message_given_to_the_room_when_the_gateway_dies_is_there_once(room: Room, way: Way, people: People) -> None:
    await room.alice.send_text(room.id, "first")
    await room.heard("first")
    room.lab.gateway.kill()
    room.lab.gateway.start()
    room.lab.gateway.wait_online()
    await room.alice.send_text(room.id, "second")
    await room.heard("second", timeout=60)
    assert room.said_times("first") == 1
    # Whoever comes now is shown on Matrix; the ghost that still sat in the room is not taken for somebody of XMPP.
    carol = await people.xmpp(server=way.xmpp)
    assert (await carol.join_room(room.muc, "Carol")).type != "error"

    def comes(event: dict[str, Any]) -> bool:
        content = event["content"]
        return event["type"] == "m.room.member" and content["membership"] == "join" and "Carol" in content.get("displayname", "")

    await room.alice.wait_for(comes, timeout=60, what="Carol's ghost")
    there = [who for who, membership in (await room.alice.members(room.id)).items() if membership == "join"]
    assert len([who for who in there if who.startswith("@_xmpp_")]) == 2, there


async def test_after_the_xmpp_server_was_restarted_the_room_is_taken_up_again(room: Room, way: Way, people: People) -> None:
    await room.alice.send_text(room.id, "before")
    await room.heard("before")
    server = getattr(room.lab, way.xmpp)
    server.restart()
    room.lab.gateway.wait_online()
    carol = await people.xmpp(server=way.xmpp)
    assert (await carol.join_room(room.muc, "Carol")).type != "error"
    await room.alice.send_text(room.id, "after")
    await carol.wait_for(lambda s: s.type == "groupchat" and s.body == "after", timeout=60, what="after the restart")
    carol.send_groupchat(room.muc, "I am new here")
    await room.alice.wait_message("I am new here", timeout=60)


async def test_being_sent_out_is_told_on_matrix(room: Room) -> None:
    await room.alice.send_text(room.id, "hello")
    await room.heard("hello")
    listener = next(
        s.sender.partition("/")[2]
        for s in room.bob.stanzas.items
        if s.kind == "presence" and s.sender.startswith(room.muc) and "Gateway" in s.sender
    )
    admin = "http://jabber.org/protocol/muc#admin"
    item = f"<item nick='{listener}' role='none'><reason>house rules</reason></item>"
    assert (await room.bob.iq(room.muc, f"<query xmlns='{admin}'>{item}</query>", "set")).type == "result"
    told = await room.alice.wait_for(
        lambda e: e["type"] == "m.room.message" and "house rules" in e["content"].get("body", ""), what="the news"
    )
    assert told["content"]["msgtype"] == "m.notice"


async def test_two_rooms_that_exist_are_linked(gateway: Gateway, servers: Lab, people: People, way: Way) -> None:
    muc = f"{fresh('linked')}@{servers.names.conference}"
    bob, alice = await people.xmpp(server=way.xmpp), await people.matrix()
    await bob.join_room(muc, "Bob")
    await instant(bob, muc)
    name = fresh("plan")
    id = await alice.create_room(preset="public_chat", room_alias_name=name)
    linked = await asyncio.to_thread(gateway.run, "link", f"#{name}:{servers.names.matrix}", muc)
    assert linked.returncode == 0, linked
    await alice.wait_for(lambda e: e["type"] == "m.room.message" and muc in e["content"].get("body", ""), what="the news")
    await alice.send_text(id, "from Matrix")
    await bob.wait_for(lambda s: s.type == "groupchat" and s.body == "from Matrix", what="what was said on Matrix")
    bob.send_groupchat(muc, "from XMPP")
    await alice.wait_message("from XMPP")
    assert (await asyncio.to_thread(gateway.run, "unlink", muc)).returncode == 0
