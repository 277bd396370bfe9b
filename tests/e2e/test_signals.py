# SPDX-License-Identifier: EUPL-1.2
"""What holds only for a moment: who is writing (on both XMPP servers) and, where an organisation switches it on, who is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from clients import MatrixClient
from clients.xmpp import Stanza
from conftest import WAYS, People, Way
from servers import Lab
from servers.gateway import Gateway
from talkers import OnMatrix, OnXmpp

pytestmark = pytest.mark.asyncio

STATES = "{http://jabber.org/protocol/chatstates}"
ACTIVE = "<active xmlns='http://jabber.org/protocol/chatstates'/>"


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


async def type_in(alice: MatrixClient, room: str, typing: bool) -> None:
    path = f"/_matrix/client/v3/rooms/{quote(room)}/typing/{quote(alice.user_id)}"
    await alice.api("PUT", path, {"typing": typing, "timeout": 30000} if typing else {"typing": False})


async def writers_at(alice: OnMatrix, bob: OnXmpp, writes: bool, since: int) -> None:
    """Waits until Alice's client shows Bob as writing, or no longer."""
    ghost = alice.ghost_of(bob)
    await alice.client.wait_for(
        lambda e: e["type"] == "TypingNoticeEvent" and (ghost in e["content"]["users"]) == writes,
        since=since,
        what=f"{ghost} {'writes' if writes else 'no longer writes'}",
    )


async def state_at(bob: OnXmpp, alice: OnMatrix, state: str, since: int) -> Stanza:
    ghost = bob.ghost_of(alice)
    return await bob.client.wait_for(
        lambda s: s.kind == "message" and s.sender.startswith(ghost) and s.has(STATES + state), since=since, what=state
    )


def write(bob: OnXmpp, alice: OnMatrix, state: str) -> None:
    ghost = bob.ghost_of(alice)
    bob.client.send_raw(f"<message to='{ghost}' type='chat'><{state} xmlns='http://jabber.org/protocol/chatstates'/></message>")


async def test_typing_is_shown_to_who_knows_it(alice: OnMatrix, bob: OnXmpp) -> None:
    await alice.say(bob, "hello")
    await bob.hear(alice, "hello")
    assert bob.client.stanzas.items[-1].has(f"{STATES}active"), "the first message asks whether Bob knows chat states"
    room = await alice.room_with(alice.ghost_of(bob))

    # Bob's program knows none so far: it is shown nothing.
    bob.client.send_message(bob.ghost_of(alice), "hi")
    await alice.hear(bob, "hi")
    await type_in(alice.client, room, True)
    await alice.say(bob, "and?")
    await bob.hear(alice, "and?")
    states = [s for s in bob.client.stanzas.items if s.has(f"{STATES}composing") or s.has(f"{STATES}paused")]
    assert states == [] and not bob.client.stanzas.items[-1].has(f"{STATES}active")
    await type_in(alice.client, room, False)

    bob.client.send_message(bob.ghost_of(alice), "now it does", extra=ACTIVE)
    await alice.hear(bob, "now it does")
    mark = bob.client.stanzas.mark()
    await type_in(alice.client, room, True)
    composing = await state_at(bob, alice, "composing", mark)
    assert composing.body is None and composing.has("{urn:xmpp:hints}no-store")
    await type_in(alice.client, room, False)
    await state_at(bob, alice, "paused", mark)
    await type_in(alice.client, room, True)
    await state_at(bob, alice, "composing", bob.client.stanzas.mark() - 1)
    await alice.say(bob, "written")
    await bob.hear(alice, "written")
    # The message says that she is no longer writing; nothing else has to.
    assert next(s for s in bob.client.stanzas.items if s.body == "written").has(f"{STATES}active")


async def test_typing_from_xmpp_ends_with_the_message(alice: OnMatrix, bob: OnXmpp) -> None:
    await bob.say(alice, "hello")
    await alice.hear(bob, "hello")
    mark = alice.client.events.mark()
    write(bob, alice, "composing")
    await writers_at(alice, bob, True, mark)
    mark = alice.client.events.mark()
    write(bob, alice, "paused")
    await writers_at(alice, bob, False, mark)
    mark = alice.client.events.mark()
    write(bob, alice, "composing")
    await writers_at(alice, bob, True, mark)
    mark = alice.client.events.mark()
    # A program that tells nothing but its text, as many do after the first state.
    await bob.say(alice, "written")
    await alice.hear(bob, "written")
    await writers_at(alice, bob, False, mark)


async def test_typing_reaches_nobody_without_a_conversation(alice: OnMatrix, bob: OnXmpp) -> None:
    rooms = await alice.client.rooms()
    write(bob, alice, "composing")
    await bob.client.ping("matrix." + bob.client.jid.split("@")[1])
    await alice.say(bob, "hello")
    await bob.hear(alice, "hello")
    assert len(await alice.client.rooms()) == len(rooms) + 1, "only the room that Alice made"


@pytest_asyncio.fixture
async def showing(servers: Lab, way: Way) -> AsyncIterator[Gateway]:
    """A gateway whose organisation shows who is there, and tells neither typing nor receipts."""
    gateway = servers.gateway
    gateway.stop()
    gateway.xmpp_server, gateway.inbound = way.xmpp, way.mail
    gateway.policy = "presence = true\ntyping = false\nread_receipts = false"
    servers.start()
    if servers.postfix.inbound != way.mail:
        servers.postfix.inbound = way.mail
        servers.postfix.restart()
    gateway.start()
    gateway.wait_online()
    yield gateway
    gateway.stop()
    gateway.policy = ""


async def presence_of(alice: MatrixClient, user: str, wanted: str) -> dict[str, object]:
    """Asks until somebody is there as wanted."""
    async with asyncio.timeout(30):
        while True:
            found = await alice.api("GET", f"/_matrix/client/v3/presence/{quote(user)}/status")
            if found["presence"] == wanted:
                return dict(found)
            await asyncio.sleep(0.2)


async def test_presence_where_it_is_switched_on(showing: Gateway, people: People, way: Way) -> None:
    alice, bob = OnMatrix(await people.matrix()), OnXmpp(await people.xmpp(server=way.xmpp))
    await alice.say(bob, "hello")
    await bob.hear(alice, "hello")
    ghost = bob.ghost_of(alice)
    bob.client.subscribe(ghost)
    # The ghost asks back; Bob allows it, so his server tells it how he is there.
    await bob.client.wait_for(lambda s: s.kind == "presence" and s.type == "subscribe" and s.sender.startswith(ghost), what="asks back")
    bob.client.send_presence(ghost, "subscribed")
    await presence_of(alice.client, alice.ghost_of(bob), "online")
    bob.client.send_presence(extra="<show>away</show><status>at lunch</status>")
    shown = await presence_of(alice.client, alice.ghost_of(bob), "unavailable")
    assert shown["status_msg"] == "at lunch"

    mark = bob.client.stanzas.mark()
    mine = f"/_matrix/client/v3/presence/{quote(alice.client.user_id)}/status"
    await alice.client.api("PUT", mine, {"presence": "unavailable", "status_msg": "in a meeting"})
    away = await bob.client.wait_for(
        lambda s: s.kind == "presence" and s.sender.startswith(ghost) and s.has("{jabber:client}status"), since=mark, what="status"
    )
    assert away.find("{jabber:client}status").text == "in a meeting"  # type: ignore[union-attr]
    # The same gateway shows nobody as writing.
    write(bob, alice, "composing")
    bob.client.send_message(ghost, "written", extra=ACTIVE)
    await alice.hear(bob, "written")
    assert not [e for e in alice.client.events.items if e["type"] == "TypingNoticeEvent" and e["content"]["users"]]
