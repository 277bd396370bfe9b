# SPDX-License-Identifier: EUPL-1.2
"""A room of Matrix, joined from XMPP by its address as a multi-user chat: real Synapse, clients on real Prosody and ejabberd."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from clients import MatrixClient, XmppClient
from clients.xmpp import Stanza
from conftest import WAYS, People, Way
from fidelity.files import upload_to_matrix
from ghosts import on_matrix, on_xmpp
from room_names import fresh
from servers import Lab, wait
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio

CLIENT = "{jabber:client}"
ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
MUC_USER = "{http://jabber.org/protocol/muc#user}"
SID = "{urn:xmpp:sid:0}stanza-id"
OCCUPANT = "{urn:xmpp:occupant-id:0}occupant-id"
SUBJECT = f"{CLIENT}subject"
DATA = "{jabber:x:data}"
DISCO = "{http://jabber.org/protocol/disco#info}"


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@dataclass
class Room:
    """A room on Matrix with alice in it, and bob, who may join it from XMPP."""

    jid: str
    id: str
    alice: MatrixClient
    bob: XmppClient
    lab: Lab

    async def join(self, who: XmppClient, nick: str) -> Stanza:
        """Joins and waits for the subject, which ends it."""
        mark = who.stanzas.mark()
        own = await who.join_room(self.jid, nick, timeout=60)
        if own.type != "error":
            await who.wait_for(lambda s: s.sender == self.jid and s.has(SUBJECT), since=mark, what="the subject")
        return own

    async def heard(self, who: XmppClient, text: str, **more: object) -> Stanza:
        return await who.wait_for(
            lambda s: s.kind == "message" and s.type == "groupchat" and s.body == text, what=f"in the room: {text!r}", **more
        )

    def times(self, who: XmppClient, text: str) -> int:
        return len(who.stanzas.matching(lambda s: s.kind == "message" and s.type == "groupchat" and s.body == text))

    async def presence(self, who: XmppClient, nick: str, type: str = "", **more: object) -> Stanza:
        return await who.wait_for(
            lambda s: s.kind == "presence" and s.sender == f"{self.jid}/{nick}" and s.type == type,
            what=f"presence {type!r} of {nick}", **more,
        )  # fmt: skip


@pytest_asyncio.fixture
async def room(gateway: Gateway, servers: Lab, people: People, way: Way) -> Room:
    alice = await people.matrix()
    await alice.api("PUT", f"/_matrix/client/v3/profile/{alice.user_id}/displayname", {"displayname": "Alice"})
    local = fresh("plan")
    options = {"preset": "public_chat", "room_alias_name": local, "name": "Plans", "topic": "what is planned"}
    id = await alice.create_room(**options)
    bob = await people.xmpp(server=way.xmpp)
    return Room(f"#{local}%{servers.names.matrix}@{servers.names.component_matrix}", id, alice, bob, servers)


def codes(stanza: Stanza) -> set[str]:
    return {status.attrib["code"] for status in stanza.xml.iterfind(f"{MUC_USER}x/{MUC_USER}status")}


def item(stanza: Stanza) -> dict[str, str]:
    found = stanza.find(f"{MUC_USER}x/{MUC_USER}item")
    assert found is not None, str(stanza)
    return found.attrib


def condition(stanza: Stanza) -> str:
    error = stanza.find(f"{CLIENT}error")
    assert stanza.type == "error" and error is not None, str(stanza)
    return next(child.tag.removeprefix(ERRORS) for child in error if child.tag != f"{ERRORS}text")


async def test_whoever_joins_sees_the_others_himself_and_the_subject_in_this_order(room: Room) -> None:
    own = await room.join(room.bob, "Bob")
    assert codes(own) == {"100", "110"}
    from_room = room.bob.stanzas.matching(lambda s: s.sender.startswith(room.jid))
    names = [s.sender.partition("/")[2] or "subject" for s in from_room]
    assert names == ["Alice", "Bob", "subject"]
    shown = item(from_room[0])
    assert shown["jid"] == f"{on_xmpp(room.alice.user_id)}/gw"
    assert (shown["affiliation"], shown["role"]) == ("owner", "moderator")
    assert item(own)["jid"] == room.bob.full_jid
    assert all(s.has(OCCUPANT) for s in from_room[:2])
    subject = from_room[2].find(SUBJECT)
    assert subject is not None and subject.text == "what is planned"
    # He is in the Matrix room, too.
    await room.alice.wait_for(
        lambda e: e["type"] == "m.room.member" and e["content"].get("membership") == "join"
        and e["state_key"].startswith("@_xmpp_") and e["content"].get("displayname") == "Bob",
        what="bob's ghost in the room",
    )  # fmt: skip


async def test_messages_go_both_ways_and_are_given_back_under_their_own_id(room: Room) -> None:
    await room.join(room.bob, "Bob")
    event = await room.alice.send_text(room.id, "hello from Matrix")
    said = await room.heard(room.bob, "hello from Matrix")
    assert said.sender == f"{room.jid}/Alice"
    sid = said.find(SID)
    assert sid is not None and (sid.attrib["by"], sid.attrib["id"]) == (room.jid, said.id)
    id = room.bob.send_groupchat(room.jid, "hello from XMPP")
    seen = await room.alice.wait_message("hello from XMPP")
    given = await room.heard(room.bob, "hello from XMPP")
    assert (given.id, given.sender) == (id, f"{room.jid}/Bob")
    assert given.has(SID) and given.has(OCCUPANT)
    # Answer, reaction and edit name the right message, both ways.
    reply = f"<reply xmlns='urn:xmpp:reply:0' id='{sid.attrib['id']}'/>"
    room.bob.send_groupchat(room.jid, "an answer", extra=reply)
    answer = await room.alice.wait_message("an answer")
    assert answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == event
    room.bob.send_groupchat(room.jid, "hello!", extra=f"<replace xmlns='urn:xmpp:message-correct:0' id='{id}'/>")
    await room.alice.wait_for(
        lambda e: e["content"].get("m.relates_to", {}).get("event_id") == seen["event_id"]
        and e["content"].get("m.new_content", {}).get("body") == "hello!",
        what="the edit",
    )  # fmt: skip
    relation = {"rel_type": "m.annotation", "event_id": seen["event_id"], "key": "👍"}
    await room.alice.send(room.id, {"m.relates_to": relation}, "m.reaction")
    named = given.find(SID)
    assert named is not None
    reacted = await room.bob.wait_for(lambda s: s.has("{urn:xmpp:reactions:0}reactions"), what="a reaction")
    reactions = reacted.find("{urn:xmpp:reactions:0}reactions")
    assert reactions is not None and reactions.attrib["id"] == named.attrib["id"]
    await room.alice.redact(room.id, event)
    retracted = await room.bob.wait_for(lambda s: s.has("{urn:xmpp:message-retract:1}retract"), what="a retraction")
    retract = retracted.find("{urn:xmpp:message-retract:1}retract")
    assert retract is not None and retract.attrib["id"] == sid.attrib["id"]
    assert room.times(room.bob, "hello from XMPP") == 1
    assert room.times(room.bob, "hello from Matrix") == 1


async def test_two_of_xmpp_and_several_devices_hear_everything_once(room: Room, people: People, way: Way) -> None:
    phone = await people.xmpp(room.bob.jid.split("@")[0], server=way.xmpp, resource="phone")
    carl = await people.xmpp(server=way.xmpp)
    await room.join(room.bob, "Bob")
    own = await room.join(phone, "Robert")
    assert (own.sender, codes(own)) == (f"{room.jid}/Bob", {"100", "110", "210"})
    taken = await carl.join_room(room.jid, "bob")
    assert condition(taken) == "conflict"
    await room.join(carl, "Carl")
    await room.presence(room.bob, "Carl")
    # A ghost gives way to somebody of XMPP.
    carl.send_presence(f"{room.jid}/Alice")
    await room.presence(room.bob, "Alice (matrix)")
    await room.presence(room.bob, "Carl", "unavailable")
    carl.send_groupchat(room.jid, "to all")
    for who in (room.bob, phone, carl):
        assert (await room.heard(who, "to all")).sender == f"{room.jid}/Alice"
    await room.alice.send_text(room.id, "from Matrix")
    for who in (room.bob, phone, carl):
        assert (await room.heard(who, "from Matrix")).sender == f"{room.jid}/Alice (matrix)"
        assert room.times(who, "to all") == 1
    # Privately: to a ghost it is the chat with him, to one of XMPP the room passes it on.
    room.bob.send_message(f"{room.jid}/Alice (matrix)", "psst Matrix")
    assert (await room.alice.wait_message("psst Matrix"))["room_id"] != room.id
    room.bob.send_message(f"{room.jid}/Alice", "psst XMPP")
    assert (await carl.wait_message("psst XMPP")).sender == f"{room.jid}/Bob"
    # One device leaves: he is still there with the other one.
    mark = carl.stanzas.mark()
    phone.send_presence(f"{room.jid}/Bob", "unavailable")
    await room.presence(phone, "Bob", "unavailable")
    room.bob.send_presence(f"{room.jid}/Bob", "unavailable")
    await room.presence(carl, "Bob", "unavailable", since=mark)
    await room.alice.wait_for(
        lambda e: e["type"] == "m.room.member" and e["content"].get("membership") == "leave"
        and room.bob.jid.split("@")[0] in e["state_key"],
        what="bob's leaving on Matrix",
    )  # fmt: skip


async def test_whoever_is_not_in_the_room_is_told_so(room: Room, people: People, way: Way) -> None:
    await room.join(room.bob, "Bob")
    assert (await room.bob.ping(f"{room.jid}/Bob")).type == "result"
    carl = await people.xmpp(server=way.xmpp)
    assert condition(await carl.ping(f"{room.jid}/Bob")) == "not-acceptable"
    id = carl.send_groupchat(room.jid, "from outside")
    refused = await carl.wait_for(lambda s: s.type == "error" and s.id == id, what="a refusal")
    error = refused.find(f"{CLIENT}error")
    assert condition(refused) == "not-acceptable"
    assert error is not None and error.attrib.get("by") == room.jid
    mark = carl.stanzas.mark()
    carl.send_presence(f"{room.jid}/Carl")
    assert "333" in codes(await room.presence(carl, "Carl", "unavailable", since=mark))
    room.bob.send_presence(f"{room.jid}/Bob", "unavailable")
    await room.presence(room.bob, "Bob", "unavailable")
    assert condition(await room.bob.ping(f"{room.jid}/Bob")) == "not-acceptable"


async def test_what_clients_ask_before_they_join(room: Room) -> None:
    identities, features = await room.bob.disco_info(room.jid)
    assert identities == [{"category": "conference", "type": "text", "name": "Plans"}]
    for client, needs in {
        "Gajim, Movim, Conversations": {"http://jabber.org/protocol/muc"},
        "Conversations, Dino": {"muc_nonanonymous", "muc_open", "muc_persistent", "muc_unmoderated", "muc_unsecured"},
        "Dino, Gajim": {"urn:xmpp:mam:2", "urn:xmpp:sid:0", "urn:xmpp:occupant-id:0", "http://jabber.org/protocol/muc#stable_id"},
        "all": {"urn:xmpp:ping", "http://jabber.org/protocol/muc#self-ping-optimization"},
    }.items():
        assert needs <= features, client
    domain, can = await room.bob.disco_info(room.lab.names.component_matrix)
    assert {(i["category"], i["type"]) for i in domain} == {("gateway", "matrix"), ("conference", "text")}
    assert "http://jabber.org/protocol/muc" in can
    await room.join(room.bob, "Bob")
    answer = await room.bob.iq(room.jid, "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    fields = answer.xml.iterfind(f"{DISCO}query/{DATA}x/{DATA}field")
    form = {field.attrib["var"]: field.findtext(f"{DATA}value") for field in fields}
    assert form["muc#roominfo_occupants"] == "2"
    assert form["muc#roominfo_subject"] == "what is planned"
    archive = await room.bob.iq(room.jid, "<query xmlns='urn:xmpp:mam:2'/>", "set")
    fin = archive.find("{urn:xmpp:mam:2}fin")
    assert fin is not None and fin.attrib["complete"] == "true"
    card = await room.bob.vcard(f"{room.jid}/Alice")
    assert card.sender == f"{room.jid}/Alice"
    assert card.xml.findtext("{vcard-temp}vCard/{vcard-temp}JABBERID") == on_xmpp(room.alice.user_id)


async def test_who_comes_goes_and_is_called_otherwise_on_matrix_is_shown(room: Room, people: People) -> None:
    await room.join(room.bob, "Bob")
    dora = await people.matrix()
    await dora.api("PUT", f"/_matrix/client/v3/profile/{dora.user_id}/displayname", {"displayname": "Dora"})
    await dora.join(room.id)
    assert item(await room.presence(room.bob, "Dora"))["role"] == "participant"
    await dora.api("PUT", f"/_matrix/client/v3/profile/{dora.user_id}/displayname", {"displayname": "Dorothea"})
    renamed = await room.presence(room.bob, "Dora", "unavailable")
    assert ("303" in codes(renamed), item(renamed)["nick"]) == (True, "Dorothea")
    await room.presence(room.bob, "Dorothea")
    await dora.leave(room.id)
    await room.presence(room.bob, "Dorothea", "unavailable")
    await room.alice.set_state(room.id, "m.room.topic", {"topic": "other plans"})
    await room.bob.wait_for(
        lambda s: s.sender == room.jid and s.xml.findtext(SUBJECT) == "other plans", what="the new subject"
    )


async def test_a_room_that_does_not_exist_cannot_be_joined(gateway: Gateway, servers: Lab, people: People, way: Way) -> None:
    bob = await people.xmpp(server=way.xmpp)
    jid = f"#{fresh('nothing')}%{servers.names.matrix}@{servers.names.component_matrix}"
    refused = await bob.join_room(jid, "Bob", timeout=60)
    assert condition(refused) == "item-not-found"


async def test_after_the_gateway_died_everybody_still_hears(room: Room, people: People, way: Way) -> None:
    carl = await people.xmpp(server=way.xmpp)
    await room.join(room.bob, "Bob")
    await room.join(carl, "Carl")
    await room.alice.send_text(room.id, "before")
    await room.heard(carl, "before")
    # What was given to the room and not settled when it dies is given again under the same id; here nothing is left to settle.
    assert await asyncio.to_thread(wait.until, lambda: room.lab.gateway.waiting() == 0, 30)
    room.lab.gateway.kill()
    await room.alice.send_text(room.id, "meanwhile")
    room.lab.gateway.start()
    room.lab.gateway.wait_online()
    for who in (room.bob, carl):
        await room.heard(who, "meanwhile", timeout=60)
    assert (await room.bob.ping(f"{room.jid}/Bob")).type == "result"
    carl.send_groupchat(room.jid, "after")
    await room.heard(room.bob, "after")
    await room.alice.wait_message("after")
    assert (room.times(room.bob, "before"), room.times(room.bob, "meanwhile"), room.times(carl, "meanwhile")) == (1, 1, 1)


async def test_when_the_gateway_ends_it_says_so_and_everybody_may_come_again(room: Room) -> None:
    await room.join(room.bob, "Bob")
    mark = room.bob.stanzas.mark()
    room.lab.gateway.stop()
    assert codes(await room.presence(room.bob, "Bob", "unavailable", since=mark)) == {"110", "332"}
    room.lab.gateway.start()
    room.lab.gateway.wait_online()
    assert codes(await room.join(room.bob, "Bob")) == {"100", "110"}
    await room.alice.send_text(room.id, "again")
    await room.heard(room.bob, "again")
    assert room.times(room.bob, "again") == 1


async def test_who_is_not_there_any_more_is_taken_out(room: Room, people: People, way: Way) -> None:
    carl = await people.xmpp(server=way.xmpp)
    await room.join(room.bob, "Bob")
    await room.join(carl, "Carl")
    gone = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    carl.send_raw(f"<message to='{room.jid}/Bob' type='error' id='1'>{gone}</message>")
    assert "333" in codes(await room.presence(room.bob, "Carl", "unavailable"))
    assert condition(await carl.ping(f"{room.jid}/Carl")) == "not-acceptable"


async def test_what_a_moderator_takes_back_the_room_takes_back(room: Room, people: People) -> None:
    dora = await people.matrix()
    await dora.join(room.id)
    await room.join(room.bob, "Bob")
    event = await dora.send_text(room.id, "rude")
    rude = await room.heard(room.bob, "rude")
    sid = rude.find(SID)
    assert sid is not None
    await room.alice.redact(room.id, event)
    moderated = await room.bob.wait_for(lambda s: s.has("{urn:xmpp:message-retract:1}retract"), what="a retraction")
    retract = moderated.find("{urn:xmpp:message-retract:1}retract")
    assert retract is not None and retract.attrib["id"] == sid.attrib["id"]
    by = retract.find("{urn:xmpp:message-moderate:1}moderated")
    assert moderated.sender == room.jid
    assert by is not None and by.attrib["by"] == f"{room.jid}/Alice"


async def test_only_who_is_invited_comes_into_a_closed_room(
    gateway: Gateway, servers: Lab, people: People, way: Way
) -> None:
    alice, dave, bob = await people.matrix(), await people.matrix(), await people.xmpp(server=way.xmpp)
    local = fresh("closed")
    id = await alice.create_room(preset="private_chat", room_alias_name=local, invite=[dave.user_id])
    room = Room(f"#{local}%{servers.names.matrix}@{servers.names.component_matrix}", id, alice, bob, servers)
    assert condition(await room.join(bob, "Bob")) == "registration-required"
    # He is asked in on Matrix, through his ghost, which may bring in the bot: two people alone would be a direct chat.
    await alice.wait_for(
        lambda e: e["type"] == "m.room.member" and e.get("state_key") == dave.user_id and e["content"]["membership"] == "join",
        what="somebody else in the room",
    )
    bot, levels = f"@dreiklang:{servers.names.matrix}", f"/_matrix/client/v3/rooms/{quote(id)}/state/m.room.power_levels"
    await alice.set_state(id, "m.room.power_levels", {**await alice.api("GET", levels), "invite": 0})
    await alice.invite(id, on_matrix(bob.jid, "xmpp"))
    await alice.wait_for(
        lambda e: e["type"] == "m.room.member" and e.get("state_key") == bot and e["content"]["membership"] == "join",
        what="the bot in the room",
    )
    own = await room.join(bob, "Bob")
    assert own.type == "", str(own)
    _, features = await bob.disco_info(room.jid)
    assert {"muc_membersonly", "muc_nonanonymous"} <= features


async def test_a_file_from_matrix_lies_where_clients_of_the_room_fetch_it(room: Room) -> None:
    await room.join(room.bob, "Bob")
    data = b"what is planned\n" * 100
    address = await upload_to_matrix(room.alice, data, "plan.txt", "text/plain")
    info = {"mimetype": "text/plain", "size": len(data)}
    await room.alice.send(room.id, {"msgtype": "m.file", "body": "plan.txt", "url": address, "info": info})
    shared = await room.bob.wait_for(
        lambda s: s.type == "groupchat" and s.has("{jabber:x:oob}x/{jabber:x:oob}url"), what="a file", timeout=40
    )
    link = shared.find("{jabber:x:oob}x/{jabber:x:oob}url")
    assert link is not None and link.text is not None
    assert (shared.sender, shared.body, shared.has(SID)) == (f"{room.jid}/Alice", link.text, True)
    async with aiohttp.ClientSession() as session, session.get(link.text, ssl=False) as answer:
        assert await answer.read() == data
