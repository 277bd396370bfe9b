# SPDX-License-Identifier: EUPL-1.2
"""Places and polls: native where the other network has them, else text with everything in it. On both XMPP servers."""

from __future__ import annotations

import pytest
from clients import MatrixClient
from clients.matrix import Event
from conftest import WAYS, People, Way
from servers.gateway import Gateway
from talkers import OnMail, OnMatrix, OnXmpp
from test_delta import OnDelta

pytestmark = pytest.mark.asyncio

GEOLOC = "{http://jabber.org/protocol/geoloc}"
REPLY = "{urn:xmpp:reply:0}reply"
URI = "geo:53.07516,8.80777;u=35"


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


async def show_place(alice: MatrixClient, room: str) -> None:
    """As Element does it."""
    content = {
        "msgtype": "m.location", "body": f"Location {URI} at some time", "geo_uri": URI,
        "org.matrix.msc3488.location": {"uri": URI, "description": "Town hall"},
    }  # fmt: skip
    await alice.send(room, content)


def is_place(event: Event) -> bool:
    return event.get("content", {}).get("msgtype") == "m.location"


async def test_places_between_matrix_and_xmpp(alice: OnMatrix, bob: OnXmpp) -> None:
    room = await alice.room_with(alice.ghost_of(bob))
    await show_place(alice.client, room)
    shown = await bob.client.wait_for(lambda s: s.kind == "message" and s.body == URI, what="the place")
    spot = shown.find(f"{GEOLOC}geoloc")
    assert spot is not None
    found = {name: spot.findtext(f"{GEOLOC}{name}") for name in ("lat", "lon", "accuracy", "description")}
    assert found == {"lat": "53.07516", "lon": "8.80777", "accuracy": "35", "description": "Town hall"}
    await bob.hear(alice, "Town hall")

    # As Conversations does it.
    bob.client.send_message(bob.ghost_of(alice), "geo:-1.5,2")
    place = await alice.client.wait_for(lambda e: is_place(e) and e["sender"] == alice.ghost_of(bob), what="Bob's place")
    assert place["content"]["geo_uri"] == "geo:-1.5,2"


async def test_places_between_matrix_and_mail(alice: OnMatrix, gateway: Gateway, people: People) -> None:
    carol, dave = OnDelta(await people.delta(force_encryption=True)), OnMail(await people.mail())
    chat = await carol.join(gateway, alice)
    sent = await carol.client.rpc("send_msg", carol.client.account, chat, {"text": "I am here", "location": [53.07516, 8.80777]})
    assert sent
    place = await alice.client.wait_for(is_place, what="Carol's place")
    assert place["content"]["geo_uri"] == "geo:53.07516,8.80777"
    assert place["content"]["org.matrix.msc3488.location"]["description"] == "I am here"

    await show_place(alice.client, place["room_id"])
    heard = await carol.hear_message(alice, f"Location: Town hall\n{URI}")
    assert heard["hasLocation"], heard

    room = await alice.room_with(alice.ghost_of(dave))
    await show_place(alice.client, room)
    await dave.hear(alice, f"Location: Town hall\n{URI}")


async def test_polls_are_numbered_lists_and_answers_are_told(alice: OnMatrix, bob: OnXmpp) -> None:
    room = await alice.room_with(alice.ghost_of(bob))
    answers = [{"id": "a", "org.matrix.msc1767.text": "soup"}, {"id": "b", "org.matrix.msc1767.text": "bread"}]
    poll = {
        "org.matrix.msc1767.text": "Lunch?\n1. soup\n2. bread",
        "org.matrix.msc3381.poll.start": {
            "question": {"org.matrix.msc1767.text": "Lunch?"}, "kind": "org.matrix.msc3381.poll.disclosed",
            "max_selections": 1, "answers": answers,
        },
    }  # fmt: skip
    event = await alice.client.send(room, poll, "org.matrix.msc3381.poll.start")
    asked = await bob.client.wait_message("Poll: Lunch?\n1. soup\n2. bread")
    # What became of it changes what Alice can expect: she is told.
    told = await alice.client.wait_for(
        lambda e: e.get("content", {}).get("msgtype") == "m.notice" and "poll" in e["content"]["body"], what="the news"
    )
    assert told["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == event

    relation = {"rel_type": "m.reference", "event_id": event}
    vote = {"m.relates_to": relation, "org.matrix.msc3381.poll.response": {"answers": ["b"]}}
    await alice.client.send(room, vote, "org.matrix.msc3381.poll.response")
    chosen = await bob.client.wait_for(
        lambda s: s.kind == "message" and (s.body or "").endswith("Answer to the poll: 2. bread"), what="the answer"
    )
    reply = chosen.find(REPLY)
    assert reply is not None and reply.get("id") == asked.id
    end = {"m.relates_to": relation, "org.matrix.msc1767.text": "Over. Top answer: bread", "org.matrix.msc3381.poll.end": {}}
    await alice.client.send(room, end, "org.matrix.msc3381.poll.end")
    await bob.client.wait_for(lambda s: s.kind == "message" and "Over. Top answer: bread" in (s.body or ""), what="the end")
