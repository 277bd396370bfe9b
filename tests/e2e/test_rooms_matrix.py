# SPDX-License-Identifier: EUPL-1.2
"""A room that exists on Matrix, joined with others: room versions 11 and 12, closed and encrypted rooms, upgrades, people thrown out, a
gateway that dies; and a MUC as it appears on Matrix. Real Synapse, a real MUC on the other side."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from clients import MatrixClient, XmppClient
from clients.matrix import Event
from conftest import People
from ghosts import on_matrix, on_xmpp
from room_names import fresh
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio

VERSIONS = ("11", "12")
BOT = "dreiklang"
ENCRYPTION = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


@dataclass
class Linked:
    """A room of alice's on Matrix and a MUC of bob's that are one."""

    id: str
    muc: str
    alice: MatrixClient
    bob: XmppClient

    async def heard(self, text: str, timeout: float = 20) -> None:
        await self.bob.wait_for(
            lambda s: s.kind == "message" and s.type == "groupchat" and s.body == text, timeout, what=f"in the MUC: {text!r}"
        )

    def heard_texts(self) -> list[str]:
        return [s.body for s in self.bob.stanzas.items if s.kind == "message" and s.type == "groupchat" and s.body]

    def seen_texts(self, room: str) -> list[str]:
        said = (e for e in self.alice.events.items if e["type"] == "m.room.message" and e["room_id"] == room)
        return [e["content"]["body"] for e in said if e["sender"].startswith("@_xmpp_")]


async def muc_of(bob: XmppClient, lab: Lab) -> str:
    muc = f"{fresh('team')}@{lab.names.conference}"
    assert (await bob.join_room(muc, "Bob")).type != "error"
    form = "<x xmlns='jabber:x:data' type='submit'/>"
    await bob.iq(muc, f"<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>", "set")
    return muc


async def link(gateway: Gateway, room: str, muc: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(lambda: gateway.run("link", room, muc, check=False))


async def linked(gateway: Gateway, lab: Lab, people: People, **options: Any) -> Linked:
    alice, bob = await people.matrix(), await people.xmpp()
    muc, name = await muc_of(bob, lab), fresh("plan")
    id = await alice.create_room(**{"preset": "public_chat", "room_alias_name": name, **options})
    done = await link(gateway, f"#{name}:{lab.names.matrix}", muc)
    assert done.returncode == 0, done
    return Linked(id, muc, alice, bob)


async def state(client: MatrixClient, room: str, kind: str, key: str = "") -> Event:
    answer = await client.api("GET", f"/_matrix/client/v3/rooms/{quote(room)}/state/{kind}/{quote(key, safe='')}")
    return dict(answer)


async def ghosts(client: MatrixClient, room: str) -> list[str]:
    return sorted(user for user, it in (await client.members(room)).items() if user.startswith("@_xmpp_") and it == "join")


async def until_there(client: MatrixClient, room: str, ghost: str) -> None:
    for _ in range(200):
        if ghost in await ghosts(client, room):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{ghost} is not among {await ghosts(client, room)}")


async def settled(gateway: Gateway) -> None:
    """Nothing waits to be delivered: what was sent is known to have arrived."""
    for _ in range(200):
        if gateway.waiting() == 0:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{gateway.waiting()} messages wait")


async def until_ghosts(client: MatrixClient, room: str, number: int) -> list[str]:
    for _ in range(200):
        found = await ghosts(client, room)
        if len(found) == number:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{await ghosts(client, room)} instead of {number}")


@pytest.mark.parametrize("version", VERSIONS)
async def test_messages_go_both_ways_once(gateway: Gateway, servers: Lab, people: People, version: str) -> None:
    room = await linked(gateway, servers, people, room_version=version)
    # Bob is there before he speaks.
    ghost = (await until_ghosts(room.alice, room.id, 1))[0]
    assert (await state(room.alice, room.id, "m.room.member", ghost))["displayname"] == "Bob"
    texts = [f"number {number}" for number in range(20)]
    for text in texts:
        await room.alice.send_text(room.id, text)
        room.bob.send_groupchat(room.muc, f"answer to {text}")
    await room.heard(texts[-1])
    await room.alice.wait_message(f"answer to {texts[-1]}")
    assert [text for text in room.heard_texts() if text in texts] == texts
    assert room.seen_texts(room.id) == [f"answer to {text}" for text in texts]
    # Whoever leaves the MUC leaves the room.
    room.bob.send_presence(f"{room.muc}/Bob", "unavailable")
    await until_ghosts(room.alice, room.id, 0)


async def test_a_closed_room_is_entered_only_by_who_was_asked_in(gateway: Gateway, servers: Lab, people: People) -> None:
    alice, dave, bob = await people.matrix(), await people.matrix(), await people.xmpp()
    id, muc = await alice.create_room(preset="private_chat", invite=[dave.user_id]), await muc_of(bob, servers)
    refused = await link(gateway, id, muc)
    assert refused.returncode != 0, refused
    assert "invited" in refused.stdout
    bot = f"@{BOT}:{servers.names.matrix}"
    await alice.invite(id, bot)
    await alice.wait_for(
        lambda e: e["type"] == "m.room.member" and e["room_id"] == id and e.get("state_key") == bot
        and e["content"]["membership"] == "join",
        what="the bot in the room",
    )  # fmt: skip
    done = await link(gateway, id, muc)
    assert done.returncode == 0, done
    bob.send_groupchat(muc, "through the side door")
    await alice.wait_message("through the side door")
    await alice.send_text(id, "welcome")
    await Linked(id, muc, alice, bob).heard("welcome")


async def test_an_encrypted_room_is_refused_in_words(gateway: Gateway, servers: Lab, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    id, muc = await alice.create_room(preset="public_chat", initial_state=[ENCRYPTION]), await muc_of(bob, servers)
    refused = await link(gateway, id, muc)
    assert refused.returncode != 0
    assert "encrypted" in refused.stdout + refused.stderr
    assert (await alice.members(id))[f"@{BOT}:{servers.names.matrix}"] == "leave"


async def test_encryption_switched_on_later_is_said_once(gateway: Gateway, servers: Lab, people: People) -> None:
    room = await linked(gateway, servers, people)
    await room.alice.set_state(room.id, "m.room.encryption", ENCRYPTION["content"])
    sealed = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "device_id": "D", "sender_key": "k", "session_id": "s"}
    for _ in range(3):
        await room.alice.send(room.id, sealed, event_type="m.room.encrypted")

    def told(event: Event) -> bool:
        return event["type"] == "m.room.message" and "encrypted" in event["content"].get("body", "")

    await room.alice.wait_for(told, 40, what="the news")
    room.bob.send_groupchat(room.muc, "still here")
    await room.alice.wait_message("still here")
    assert len(room.alice.events.matching(told)) == 1


async def test_what_is_said_while_the_gateway_is_dead_arrives_once_and_in_order(
    gateway: Gateway, servers: Lab, people: People
) -> None:
    room = await linked(gateway, servers, people)
    await room.alice.send_text(room.id, "before")
    await room.heard("before")
    await settled(gateway)
    gateway.kill()
    texts = [f"meanwhile {number}" for number in range(30)]
    for text in texts:
        await room.alice.send_text(room.id, text)
    gateway.start()
    gateway.wait_online()
    await room.alice.send_text(room.id, "after")
    await room.heard("after", 60)
    assert [text for text in room.heard_texts() if text in ("before", *texts, "after")] == ["before", *texts, "after"]


@pytest.mark.parametrize("died", (False, True), ids=("alive", "killed"))
async def test_an_upgraded_room_is_followed(gateway: Gateway, servers: Lab, people: People, died: bool) -> None:
    room = await linked(gateway, servers, people, room_version="11")
    ghost = (await until_ghosts(room.alice, room.id, 1))[0]
    await room.alice.send_text(room.id, "in the old room")
    await room.heard("in the old room")
    if died:
        await settled(gateway)
        gateway.kill()
    path = f"/_matrix/client/v3/rooms/{quote(room.id)}/upgrade"
    new = (await room.alice.api("POST", path, {"new_version": "12"}))["replacement_room"]
    await room.alice.send_text(new, "first in the new room")
    if died:
        gateway.start()
        gateway.wait_online()
    await room.heard("first in the new room", 60)
    await until_there(room.alice, new, ghost)
    room.bob.send_groupchat(room.muc, "still with you")
    assert (await room.alice.wait_message("still with you"))["room_id"] == new
    await until_ghosts(room.alice, room.id, 0)
    for text in ("in the old room", "first in the new room"):
        assert room.heard_texts().count(text) == 1


async def test_whoever_is_thrown_out_stays_out(gateway: Gateway, servers: Lab, people: People) -> None:
    room = await linked(gateway, servers, people)
    ghost = (await until_ghosts(room.alice, room.id, 1))[0]
    await room.alice.api("POST", f"/_matrix/client/v3/rooms/{quote(room.id)}/kick", {"user_id": ghost, "reason": "rules"})
    room.bob.send_groupchat(room.muc, "let me in")
    carol = await people.xmpp()
    assert (await carol.join_room(room.muc, "Carol")).type != "error"
    carol.send_groupchat(room.muc, "I may")
    await room.alice.wait_message("I may")
    assert "let me in" not in room.seen_texts(room.id)
    assert (await room.alice.members(room.id))[ghost] == "leave"


async def test_a_portal_is_called_as_at_home_and_says_what_it_is(gateway: Gateway, servers: Lab, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    muc = await muc_of(bob, servers)
    found = await alice.api("GET", f"/_matrix/client/v3/thirdparty/location/xmpp?address={quote(muc)}")
    alias = f"#_xmpp_{muc.replace('@', '=40')}:{servers.names.matrix}"
    assert found == [{"alias": alias, "protocol": "xmpp", "fields": {"address": muc}}]
    id = await alice.join(alias)
    assert (await alice.join(alias)) == id
    key = f"de.dreiklang://xmpp/{muc}"
    for kind in ("m.bridge", "uk.half-shot.bridge"):
        info = await state(alice, id, kind, key)
        assert (info["protocol"]["id"], info["channel"]["id"]) == ("xmpp", muc)
    levels = await state(alice, id, "m.room.power_levels")
    assert levels["state_default"] == 100
    assert alice.user_id not in levels["users"]
    assert (await state(alice, id, "m.room.name"))["name"]
    assert (await state(alice, id, "m.room.join_rules"))["join_rule"] == "public"
    await until_ghosts(alice, id, 1)


# What somebody sees who joins a room of Matrix by its address, in a client for XMPP.

MUC_ITEM = "{http://jabber.org/protocol/muc#user}x/{http://jabber.org/protocol/muc#user}item"


def on_xmpp_room(lab: Lab, alias: str) -> str:
    return f"{alias.replace(':', '%')}@{lab.names.component_matrix}"


async def powers_of(bob: XmppClient, room: str, user: str) -> tuple[str, str]:
    """Affiliation and role of the newest presence of a Matrix user's ghost."""
    jid = on_xmpp(user)
    found = await bob.wait_for(
        lambda s: s.kind == "presence" and s.sender.startswith(room) and (i := s.find(MUC_ITEM)) is not None
        and i.attrib.get("jid", "").startswith(jid),
        what=f"{user} in the room",
    )  # fmt: skip
    item = found.find(MUC_ITEM)
    assert item is not None
    return item.attrib["affiliation"], item.attrib["role"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_room_is_joined_by_its_address(gateway: Gateway, servers: Lab, people: People, version: str) -> None:
    alice, dave, erin, bob = await people.matrix(), await people.matrix(), await people.matrix(), await people.xmpp()
    name = fresh("plan")
    levels = {"users": {dave.user_id: 50, erin.user_id: -1, **({alice.user_id: 100} if version == "11" else {})}}
    id = await alice.create_room(
        preset="public_chat", room_alias_name=name, room_version=version, name="Plans", power_level_content_override=levels
    )
    for user in (dave, erin):
        await user.join(id)
    room = on_xmpp_room(servers, f"#{name}:{servers.names.matrix}")
    joined = await bob.join_room(room, "Bob", timeout=60)
    assert joined.type != "error", joined
    for user, powers in ((alice, ("owner", "moderator")), (dave, ("admin", "moderator")), (erin, ("none", "visitor"))):
        assert await powers_of(bob, room, user.user_id) == powers
    texts = [f"number {number}" for number in range(10)]
    for text in texts:
        await alice.send_text(id, text)
        bob.send_groupchat(room, f"answer to {text}")
    await bob.wait_for(lambda s: s.type == "groupchat" and s.body == texts[-1], what="the last message")
    await alice.wait_message(f"answer to {texts[-1]}")
    heard = [s.body for s in bob.stanzas.items if s.type == "groupchat" and s.body in texts]
    assert heard == texts
    ghost = on_matrix(bob.jid, "xmpp")
    said = [e["content"]["body"] for e in alice.events.items if e["type"] == "m.room.message" and e["sender"] == ghost]
    assert said == [f"answer to {text}" for text in texts]
    bob.send_presence(f"{room}/Bob", "unavailable")
    await until_ghosts(alice, id, 0)


async def test_a_closed_room_is_for_those_who_were_asked_in(gateway: Gateway, servers: Lab, people: People) -> None:
    alice, dave = await people.matrix(), await people.matrix()
    bob, carol = await people.xmpp(), await people.xmpp()
    name = fresh("closed")
    id = await alice.create_room(preset="private_chat", room_alias_name=name, invite=[dave.user_id])
    room = on_xmpp_room(servers, f"#{name}:{servers.names.matrix}")

    async def refused(who: XmppClient) -> None:
        answer = await who.join_room(room, "me", timeout=60)
        assert answer.type == "error"
        assert answer.has("{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}registration-required")

    await refused(bob)
    ghost, bot = on_matrix(bob.jid, "xmpp"), f"@{BOT}:{servers.names.matrix}"
    await alice.wait_for(
        lambda e: e["type"] == "m.room.member" and e.get("state_key") == dave.user_id and e["content"]["membership"] == "join"
    )
    # Whoever brings in others must be allowed to: the ghost brings in the bot.
    levels = await state(alice, id, "m.room.power_levels")
    await alice.set_state(id, "m.room.power_levels", {**levels, "invite": 0})
    await alice.invite(id, ghost)
    await alice.wait_for(
        lambda e: e["type"] == "m.room.member" and e.get("state_key") == bot and e["content"]["membership"] == "join",
        what="the bot in the room",
    )
    for text in ("thank you", "here I am again"):  # Whoever was asked in may come again.
        joined = await bob.join_room(room, "Bob", timeout=60)
        assert joined.type != "error", joined
        bob.send_groupchat(room, text)
        await alice.wait_message(text)
        mark = bob.stanzas.mark()
        bob.send_presence(f"{room}/Bob", "unavailable")
        await bob.wait_for(lambda s: s.type == "unavailable" and s.sender == f"{room}/Bob", since=mark, what="being out")
    await refused(carol)
