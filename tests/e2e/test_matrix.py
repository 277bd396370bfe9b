# SPDX-License-Identifier: EUPL-1.2
"""Direct rooms as people use them: leaving and coming back, a second device, an encrypted room, a gateway that was away."""

from __future__ import annotations

import pytest
from clients import MatrixClient
from conftest import People
from ghosts import on_matrix, on_xmpp
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio


async def chats_with(alice: MatrixClient, ghost: str) -> list[str]:
    return [room for room in await alice.rooms() if (await alice.members(room)).get(ghost) == "join"]


async def test_who_left_is_asked_back_and_finds_one_room(gateway: Gateway, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    ghost = on_matrix(bob.jid, "xmpp")
    bob.send_message(on_xmpp(alice.user_id), "first")
    first = await alice.wait_message("first")
    await alice.leave(first["room_id"])
    # What is under way at the moment of leaving still goes into the room that was left; what comes later asks back.
    for number in range(8):
        bob.send_message(on_xmpp(alice.user_id), f"are you back? {number}")
        try:
            again = await alice.wait_message(f"are you back? {number}", 5)
            break
        except AssertionError:
            continue
    await alice.send_text(again["room_id"], "yes")
    await bob.wait_message("yes")
    assert len(await chats_with(alice, ghost)) == 1


async def test_a_new_room_with_the_same_person_takes_over(gateway: Gateway, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    ghost = on_matrix(bob.jid, "xmpp")
    old = await alice.create_dm(ghost)
    await alice.send_text(old, "in the old room")
    await bob.wait_message("in the old room")
    new = await alice.create_dm(ghost)
    await alice.send_text(new, "in the new room")
    await bob.wait_message("in the new room")
    bob.send_message(on_xmpp(alice.user_id), "where are we?")
    heard = await alice.wait_message("where are we?")
    assert heard["room_id"] == new
    assert await chats_with(alice, ghost) == [new]


async def test_an_encrypted_room_is_answered_clearly(gateway: Gateway, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    ghost = on_matrix(bob.jid, "xmpp")
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    await alice.create_room(invite=[ghost], is_direct=True, preset="trusted_private_chat", initial_state=[encryption])
    notice = await alice.wait_for(
        lambda e: e.get("sender") == ghost and e.get("type") == "m.room.message", 40, what="a notice from the ghost"
    )
    assert notice["content"]["msgtype"] == "m.notice" and "encrypted" in notice["content"]["body"]
    bob.send_message(on_xmpp(alice.user_id), "then here")
    heard = await alice.wait_message("then here", 40)
    assert heard["room_id"] != notice["room_id"]


async def test_encryption_switched_on_later_is_said_once(gateway: Gateway, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    ghost = on_matrix(bob.jid, "xmpp")
    room = await alice.create_dm(ghost)
    await alice.send_text(room, "still open")
    await bob.wait_message("still open")
    await alice.set_state(room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    sealed = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "device_id": "D", "sender_key": "k", "session_id": "s"}
    for _ in range(3):
        await alice.send(room, sealed, event_type="m.room.encrypted")
    await alice.wait_for(lambda e: e.get("sender") == ghost and "encrypted" in e.get("content", {}).get("body", ""), 40)
    bob.send_message(on_xmpp(alice.user_id), "after all")
    await alice.wait_message("after all")
    told = alice.events.matching(lambda e: e.get("sender") == ghost and e.get("content", {}).get("msgtype") == "m.notice")
    assert len(told) == 1
    assert gateway.metric("dreiklang_input_dropped_total", network="matrix", reason="encrypted") >= 3


async def test_a_second_device_of_the_same_person_reads_and_writes(servers: Lab, gateway: Gateway, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    bob.send_message(on_xmpp(alice.user_id), "to all devices")
    room = (await alice.wait_message("to all devices"))["room_id"]
    second = await MatrixClient.login(servers.synapse.url, alice.user_id, servers.secrets.password)
    async with second:
        await second.wait_message("to all devices")
        await second.send_text(room, "from the second device")
        await bob.wait_message("from the second device")


async def test_emotes_notices_and_the_display_name_cross(gateway: Gateway, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    await alice.api("PUT", f"/_matrix/client/v3/profile/{alice.user_id}/displayname", {"displayname": "Alice Ä."})
    room = await alice.create_dm(on_matrix(bob.jid, "xmpp"))
    await alice.send_emote(room, "waves")
    stanza = await bob.wait_message("/me waves")
    nick = stanza.find("{http://jabber.org/protocol/nick}nick")
    assert nick is not None and nick.text == "Alice Ä."
    await alice.send_notice(room, "by a program")
    await bob.wait_message("by a program")
    bob.send_message(on_xmpp(alice.user_id), "/me waves back")
    heard = await alice.wait_for(lambda e: e.get("content", {}).get("body") == "waves back")
    assert heard["content"]["msgtype"] == "m.emote"


async def test_what_is_said_while_the_gateway_is_away_arrives_when_it_is_back(gateway: Gateway, people: People) -> None:
    alice, carol = await people.matrix(), await people.mail()
    room = await alice.create_dm(on_matrix(carol.address, "mail"))
    await alice.send_text(room, "before")
    await carol.wait_for(lambda mail: "before" in mail.text, 40)
    gateway.kill()
    for number in range(3):
        await alice.send_text(room, f"meanwhile {number}")
    gateway.start()
    for number in range(3):
        arrived = await carol.wait_for(lambda mail, n=number: f"meanwhile {n}" in mail.text, 60)  # type: ignore[misc]
        assert arrived.header("Date")
