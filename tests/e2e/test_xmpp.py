# SPDX-License-Identifier: EUPL-1.2
"""What somebody with Conversations, Gajim or Dino meets in a direct chat, on both XMPP servers: contacts and presence, what clients ask
of a ghost, receipts, several devices, corrections, what is refused and in which words, what was said during an outage."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio
from clients import MatrixClient, XmppClient
from clients.xmpp import Stanza
from conftest import People, Way
from ghosts import NAMES, on_matrix, on_xmpp
from servers import Lab
from servers.gateway import Gateway
from talkers import said

pytestmark = pytest.mark.asyncio

CLIENT = "{jabber:client}"
ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
NICK = "{http://jabber.org/protocol/nick}nick"
CAPS = "{http://jabber.org/protocol/caps}c"
VCARD = "{vcard-temp}"
PUBSUB = "{http://jabber.org/protocol/pubsub}"
RECEIVED = "{urn:xmpp:receipts}received"
CARBONS = "{urn:xmpp:carbons:2}"


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def way(request: pytest.FixtureRequest) -> Way:
    return Way(request.param, "imap")


@pytest_asyncio.fixture
async def alice(gateway: Gateway, people: People) -> MatrixClient:
    alice = await people.matrix()
    await alice.api("PUT", f"/_matrix/client/v3/profile/{alice.user_id}/displayname", {"displayname": "Alice Ä."})
    return alice


@pytest_asyncio.fixture
async def bob(gateway: Gateway, people: People, way: Way) -> XmppClient:
    return await people.xmpp(server=way.xmpp)


async def presence(client: XmppClient, kind: str, sender: str, since: int = 0) -> Stanza:
    return await client.wait_for(
        lambda s: s.kind == "presence" and s.type == kind and s.sender == sender, since=since, what=f"presence {kind!r} of {sender}"
    )


async def refused(client: XmppClient, id: str, timeout: float = 40) -> tuple[str, str, str]:
    """Type, condition and words of the error for a message."""
    stanza = await client.wait_for(lambda s: s.type == "error" and s.id == id, timeout, what=f"the error for {id}")
    return error(stanza)


def error(stanza: Stanza) -> tuple[str, str, str]:
    found = stanza.find(f"{CLIENT}error")
    assert found is not None, str(stanza)
    condition = next(child.tag.removeprefix(ERRORS) for child in found if child.tag != f"{ERRORS}text")
    return found.attrib["type"], condition, found.findtext(f"{ERRORS}text") or ""


async def met(alice: MatrixClient, bob: XmppClient) -> str:
    """They have spoken to each other; their room."""
    bob.send_message(on_xmpp(alice.user_id), "hello")
    room = str((await alice.wait_message("hello"))["room_id"])
    await alice.send_text(room, "hello back")
    await bob.wait_message("hello back")
    return room


async def test_a_contact_is_added_seen_and_removed_and_added_again(bob: XmppClient, alice: MatrixClient) -> None:
    ghost = on_xmpp(alice.user_id)
    await met(alice, bob)
    for _ in range(2):
        mark = bob.stanzas.mark()
        bob.subscribe(ghost)
        there = await presence(bob, "", f"{ghost}/gw", mark)
        assert there.xml.findtext(NICK) == "Alice Ä."
        asks = await presence(bob, "subscribe", ghost, mark)
        assert asks.xml.findtext(NICK) == "Alice Ä."
        bob.send_presence(ghost, "subscribed")
        await bob.wait_for(lambda s: contact(s, ghost) == "both", since=mark, what="a contact in both directions")
        bob.unsubscribe(ghost)
        await presence(bob, "unavailable", f"{ghost}/gw", mark)
        bob.send_presence(ghost, "unsubscribed")
        await bob.wait_for(lambda s: contact(s, ghost) == "none", since=mark, what="no contact any more")


def contact(push: Stanza, jid: str) -> str | None:
    item = push.find(f"{{jabber:iq:roster}}query/{{jabber:iq:roster}}item[@jid='{jid}']")
    return None if item is None or push.type != "set" else item.get("subscription")


async def test_contacts_are_seen_at_every_login_and_when_the_gateway_comes_and_goes(
    gateway: Gateway, people: People, bob: XmppClient, alice: MatrixClient, way: Way
) -> None:
    ghost = on_xmpp(alice.user_id)
    for contact_jid, shown in ((ghost, f"{ghost}/gw"), (NAMES.component_matrix, f"{NAMES.component_matrix}/gw")):
        bob.subscribe(contact_jid)
        await presence(bob, "", shown)
        bob.send_presence(contact_jid, "subscribed")
    again = await people.xmpp(bob.jid.split("@")[0], server=way.xmpp, resource="again")
    await presence(again, "", f"{ghost}/gw")
    await presence(again, "", f"{NAMES.component_matrix}/gw")
    mark = bob.stanzas.mark()
    gateway.stop()
    await presence(bob, "unavailable", f"{ghost}/gw", mark)
    await presence(bob, "unavailable", f"{NAMES.component_matrix}/gw", mark)
    mark = bob.stanzas.mark()
    gateway.start()
    await presence(bob, "", f"{ghost}/gw", mark)
    await presence(bob, "", f"{NAMES.component_matrix}/gw", mark)


async def test_who_cannot_be_a_contact_is_refused_with_a_reason(bob: XmppClient) -> None:
    nobody = f"nobody@{NAMES.component_matrix}"
    bob.subscribe(nobody)
    told = await presence(bob, "unsubscribed", nobody)
    assert told.xml.findtext(f"{CLIENT}status") == "This address does not exist."


async def test_strangers_see_nothing(bob: XmppClient, alice: MatrixClient) -> None:
    ghost = on_xmpp(alice.user_id)
    mark = bob.stanzas.mark()
    bob.send_presence(ghost)
    bob.send_presence(ghost, "probe")
    assert (await bob.ping(ghost)).type == "result"
    assert not bob.stanzas.matching(lambda s: s.kind == "presence" and s.sender.startswith(ghost) and s.type != "unsubscribed", mark)


async def test_what_a_ghost_can_do_is_what_its_presence_says(bob: XmppClient, alice: MatrixClient) -> None:
    ghost = on_xmpp(alice.user_id)
    bob.subscribe(ghost)
    there = await presence(bob, "", f"{ghost}/gw")
    caps = there.find(CAPS)
    assert caps is not None and caps.get("hash") == "sha-1"
    identities, features = await bob.disco_info(f"{ghost}/gw", f"{caps.get('node')}#{caps.get('ver')}")
    text = "".join(sorted(f"{i['category']}/{i['type']}/{i.get('lang', '')}/{i.get('name', '')}<" for i in identities))
    text += "".join(f"{feature}<" for feature in sorted(features))
    assert base64.b64encode(hashlib.sha1(text.encode()).digest()).decode() == caps.get("ver"), "XEP-0115 §5.1"
    assert await bob.disco_info(ghost) == (identities, features)
    assert {"urn:xmpp:receipts", "urn:xmpp:message-correct:0", "urn:xmpp:ping", "vcard-temp"} <= features
    photo = there.find("{vcard-temp:x:update}x/{vcard-temp:x:update}photo")
    assert photo is not None and not photo.text, "there is no picture, and no client has to look for one"
    identities, features = await bob.disco_info(NAMES.component_matrix)
    assert {"category": "gateway", "type": "matrix", "name": "Gateway Stadt Musterstadt"} in identities
    assert "jabber:iq:gateway" in features


async def test_every_question_of_a_client_is_answered(bob: XmppClient, alice: MatrixClient) -> None:
    ghost = on_xmpp(alice.user_id)
    await met(alice, bob)
    card = await bob.vcard(ghost)
    assert card.xml.findtext(f"{VCARD}vCard/{VCARD}FN") == "Alice Ä."
    assert card.find(f"{VCARD}vCard/{VCARD}PHOTO") is None
    asked = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{}'/></pubsub>"
    nick = await bob.iq(ghost, asked.format("http://jabber.org/protocol/nick"))
    assert nick.xml.findtext(f"{PUBSUB}pubsub/{PUBSUB}items/{PUBSUB}item/{NICK}") == "Alice Ä."
    for payload, outcome in [
        ("<ping xmlns='urn:xmpp:ping'/>", "result"),
        ("<query xmlns='jabber:iq:version'/>", "result"),
        ("<query xmlns='http://jabber.org/protocol/disco#items'/>", "result"),
        (asked.format("urn:xmpp:avatar:metadata"), "item-not-found"),
        (asked.format("urn:xmpp:avatar:data"), "item-not-found"),
        (asked.format("urn:xmpp:vcard4"), "item-not-found"),
        (asked.format("eu.siacs.conversations.axolotl.devicelist"), "item-not-found"),
        ("<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>", "item-not-found"),
        ("<query xmlns='jabber:iq:last'/>", "forbidden"),
        ("<time xmlns='urn:xmpp:time'/>", "result"),
        ("<query xmlns='jabber:iq:private'/>", "service-unavailable"),
        ("<data xmlns='urn:xmpp:bob' cid='sha1+x@bob.xmpp.org'/>", "service-unavailable"),
    ]:
        for to in (ghost, f"{ghost}/gw"):
            answer = await bob.iq(to, payload)
            assert (answer.type if answer.type == "result" else error(answer)[1]) == outcome, (to, payload)


async def test_receipts_come_when_the_other_side_has_it_and_only_when_asked_for(
    servers: Lab, bob: XmppClient, alice: MatrixClient
) -> None:
    ghost = on_xmpp(alice.user_id)
    await met(alice, bob)
    unasked = bob.send_message(ghost, "no receipt, please")
    await alice.wait_message("no receipt, please")
    servers.synapse.kill()
    try:
        asked = bob.send_message(ghost, "a receipt, please", receipt=True)
        # What the gateway had to say at once is here when the answers to these are.
        for _ in range(3):
            assert (await bob.ping(ghost)).type == "result"
        assert not bob.stanzas.matching(lambda s: s.has(RECEIVED)), "a receipt for what nobody has"
    finally:
        servers.synapse.start()
    receipt = await bob.wait_for(lambda s: s.has(f"{RECEIVED}[@id='{asked}']"), 60, what="the receipt")
    assert receipt.sender.split("/")[0] == ghost and receipt.body is None and receipt.type == "chat"
    await alice.wait_message("a receipt, please", 60)
    assert not bob.stanzas.matching(lambda s: s.has(f"{RECEIVED}[@id='{unasked}']"))
    assert len(bob.stanzas.matching(lambda s: s.has(RECEIVED))) == 1


async def test_two_devices_see_the_same_chat(people: People, way: Way, bob: XmppClient, alice: MatrixClient) -> None:
    ghost = on_xmpp(alice.user_id)
    phone = await people.xmpp(bob.jid.split("@")[0], server=way.xmpp, resource="phone")
    for device in (bob, phone):
        assert (await device.iq(None, "<enable xmlns='urn:xmpp:carbons:2'/>", "set")).type == "result"
    bob.send_message(ghost, "from the desk", receipt=True)
    room = (await alice.wait_message("from the desk"))["room_id"]
    await phone.wait_for(lambda s: carbon(s, "sent") == "from the desk", what="the copy of what the desk said")
    await alice.send_text(room, "to all of your devices")
    for device in (bob, phone):
        await device.wait_for(
            lambda s: "to all of your devices" in (s.body, carbon(s, "received")), what="what was said to all devices"
        )
    phone.send_message(ghost, "from the phone")
    assert (await alice.wait_message("from the phone"))["room_id"] == room
    await alice.send_text(room, "and again")
    await phone.wait_for(lambda s: "and again" in (s.body, carbon(s, "received")))
    # The copies of a device are not messages of his to anybody.
    told = [e["content"]["body"] for e in alice.events.items if e.get("sender") == on_matrix(bob.jid, "xmpp") and "body" in e["content"]]
    assert told == ["from the desk", "from the phone"]


def carbon(stanza: Stanza, kind: str) -> str | None:
    return stanza.xml.findtext(f"{CARBONS}{kind}/{{urn:xmpp:forward:0}}forwarded/{CLIENT}message/{CLIENT}body")


async def test_a_message_has_all_that_clients_use(bob: XmppClient, alice: MatrixClient) -> None:
    room = await met(alice, bob)
    await alice.send_text(room, "look at me")
    message = await bob.wait_message("look at me")
    assert message.type == "chat" and message.sender == f"{on_xmpp(alice.user_id)}/gw"
    origin = message.find("{urn:xmpp:sid:0}origin-id")
    assert origin is not None and origin.get("id") == message.id != ""
    assert message.xml.findtext(NICK) == "Alice Ä."
    assert message.has("{urn:xmpp:receipts}request") and message.has("{urn:xmpp:hints}store")
    assert not message.has("{urn:xmpp:delay}delay")


@pytest.mark.parametrize("hint", ["no-store", "no-copy", "no-permanent-store", "store", "unheard-of"])
async def test_hints_for_archives_change_nothing_about_crossing(bob: XmppClient, alice: MatrixClient, hint: str) -> None:
    bob.send_message(on_xmpp(alice.user_id), f"hint {hint}", extra=f"<{hint} xmlns='urn:xmpp:hints'/>")
    await alice.wait_message(f"hint {hint}")


async def test_states_and_markers_beside_a_text_leave_it_alone(bob: XmppClient, alice: MatrixClient) -> None:
    states = "<active xmlns='http://jabber.org/protocol/chatstates'/><markable xmlns='urn:xmpp:chat-markers:0'/>"
    sent = bob.send_message(on_xmpp(alice.user_id), "with a state", extra=states, receipt=True)
    await alice.wait_message("with a state")
    await bob.wait_for(lambda s: s.has(f"{RECEIVED}[@id='{sent}']"))
    assert not bob.stanzas.matching(lambda s: s.has("{urn:xmpp:chat-markers:0}displayed")), "nobody knows that it was read"


async def test_a_correction_for_somebody_who_reads_mail_is_one_message_that_says_so(people: People, bob: XmppClient) -> None:
    carol = await people.mail()
    ghost = on_xmpp(carol.address)
    first = bob.send_message(ghost, "at seevn")
    await carol.wait_text("at seevn")
    bob.send_message(ghost, "at seven", extra=f"<replace xmlns='urn:xmpp:message-correct:0' id='{first}'/>")
    bob.send_message(ghost, "see you")
    await carol.wait_text("see you")
    await carol.wait_text("at seven")
    assert sorted(said(mail.text) for mail in carol.mails.items) == ["Correction: at seven", "at seevn", "see you"]


async def test_what_is_encrypted_is_refused_in_words(bob: XmppClient, alice: MatrixClient) -> None:
    omemo = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>x</payload></encrypted>"
    sent = bob.send_message(on_xmpp(alice.user_id), "I sent you an OMEMO encrypted message", extra=omemo)
    kind, condition, words = await refused(bob, sent)
    assert (kind, condition) == ("modify", "not-acceptable")
    assert "OMEMO" in words and "switch encryption off" in words
    await met(alice, bob)
    assert not alice.events.matching(lambda e: "OMEMO" in str(e.get("content", {}).get("body")))


@pytest.mark.parametrize(
    ("address", "expected", "words"),
    [
        ("@no-such-user:hs.localhost", ("cancel", "item-not-found"), "does not exist"),
        ("@somebody:unreachable.example", ("cancel", "service-unavailable"), "does not accept"),
    ],
)
async def test_whom_the_homeserver_does_not_know_is_said_so(bob: XmppClient, address: str, expected: tuple[str, str], words: str) -> None:
    kind, condition, text = await refused(bob, bob.send_message(on_xmpp(address), "is anybody there?"))
    assert (kind, condition) == expected
    assert words in text


async def test_a_matrix_user_learns_what_an_xmpp_server_refuses(way: Way, bob: XmppClient, alice: MatrixClient) -> None:
    nobody = on_matrix(f"nobody-at-all@{NAMES.xmpp}", "xmpp")
    event = await alice.send_text(await alice.create_dm(nobody), "is anybody there?")
    await failed(alice, event)
    room = await met(alice, bob)
    block = f"<block xmlns='urn:xmpp:blocking'><item jid='{on_xmpp(alice.user_id)}'/></block>"
    assert (await bob.iq(None, block, "set")).type == "result"
    await failed(alice, await alice.send_text(room, "are you still there?"))


async def failed(alice: MatrixClient, event: str) -> None:
    await alice.wait_for(
        lambda e: e["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") == event and "not delivered" in e["content"]["body"],
        40,
        what="the news that it was not delivered",
    )


async def test_what_was_said_long_ago_bears_its_own_time(servers: Lab, bob: XmppClient, alice: MatrixClient) -> None:
    """As if the homeserver had been cut off for two hours: it pushes what was said meanwhile."""
    room = await met(alice, bob)
    then = datetime.now(UTC).replace(microsecond=123_000) - timedelta(hours=2)
    event = {
        "type": "m.room.message", "room_id": room, "sender": alice.user_id, "event_id": f"$late-{room[1:9]}",
        "origin_server_ts": round(then.timestamp() * 1000), "content": {"msgtype": "m.text", "body": "said two hours ago"},
    }  # fmt: skip
    url = f"http://{servers.host}:{servers.ports.gateway_as}/_matrix/app/v1/transactions/late-{room[1:9]}"
    headers = {"Authorization": f"Bearer {servers.secrets.hs_token}"}
    async with aiohttp.ClientSession() as session, session.put(url, json={"events": [event]}, headers=headers) as answer:
        assert answer.status == 200
    message = await bob.wait_message("said two hours ago")
    delays = [delay for delay in message.xml.iterfind("{urn:xmpp:delay}delay") if delay.get("from") == NAMES.component_matrix]
    assert [datetime.fromisoformat(delay.attrib["stamp"]) for delay in delays] == [then]


async def test_what_the_rules_forbid_is_refused_by_its_own_condition(servers: Lab, gateway: Gateway, bob: XmppClient, alice: MatrixClient) -> None:
    ghost = on_xmpp(alice.user_id)
    gateway.stop()
    gateway.policy = 'deny = ["*@denied.example", "@denied:*"]\nlongest_text = 1000\nmessages_per_minute = 5'
    try:
        gateway.start()
        gateway.wait_online()
        kind, condition, words = await refused(bob, bob.send_message(on_xmpp("@denied:hs.localhost"), "hello"))
        assert (kind, condition) == ("auth", "forbidden") and "rules of the organisation" in words
        kind, condition, words = await refused(bob, bob.send_message(ghost, "x" * 1001))
        assert (kind, condition) == ("modify", "not-acceptable") and "too large" in words
        bob.subscribe(on_xmpp("@denied:hs.localhost"))
        told = await presence(bob, "unsubscribed", on_xmpp("@denied:hs.localhost"))
        assert "rules of the organisation" in (told.xml.findtext(f"{CLIENT}status") or "")
        sent = [bob.send_message(ghost, f"quick {number}") for number in range(10)]
        told = await bob.wait_for(lambda s: s.type == "error" and s.id in sent, what="an error for one message of many")
        kind, condition, words = error(told)
        assert (kind, condition) == ("wait", "resource-constraint") and "Too many" in words
    finally:
        gateway.stop()
        gateway.policy = ""
