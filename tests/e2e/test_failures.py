# SPDX-License-Identifier: EUPL-1.2
"""When something is down or does not exist: nothing is lost, and the sender learns the outcome in his own client."""

from __future__ import annotations

import pytest
import pytest_asyncio
from conftest import People
from ghosts import on_mail, on_matrix, on_xmpp
from servers import Lab
from servers.gateway import Gateway
from talkers import OnMail, OnMatrix, OnXmpp, Talker

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def talkers(gateway: Gateway, people: People) -> dict[str, Talker]:
    return {
        "matrix": OnMatrix(await people.matrix()),
        "xmpp": OnXmpp(await people.xmpp()),
        "mail": OnMail(await people.mail()),
    }


async def acquaint(one: Talker, other: Talker) -> None:
    await one.say(other, "hello")
    await other.hear(one, "hello")
    await other.say(one, "hello back")
    await one.hear(other, "hello back")


@pytest.mark.parametrize(("target", "down"), [("matrix", "synapse"), ("xmpp", "prosody"), ("mail", "postfix")])
async def test_what_is_said_while_the_target_is_down_arrives_when_it_is_back(
    servers: Lab, gateway: Gateway, talkers: dict[str, Talker], people: People, target: str, down: str
) -> None:
    source = "mail" if target == "xmpp" else "xmpp"
    one, other = talkers[source], talkers[target]
    await acquaint(one, other)
    server = servers.servers[down]
    server.kill()
    try:
        for number in range(3):
            await one.say(other, f"said while {down} was down {number}")
    finally:
        server.start()
    if target == "xmpp":
        fresh = OnXmpp(await people.xmpp(other.address.split("@")[0], resource="again"))
        for number in range(3):
            await fresh.hear(one, f"said while {down} was down {number}", timeout=60)
    else:
        for number in range(3):
            await other.hear(one, f"said while {down} was down {number}", timeout=60)


async def test_an_xmpp_user_learns_that_a_mail_address_does_not_exist(gateway: Gateway, talkers: dict[str, Talker]) -> None:
    bob = talkers["xmpp"]
    assert isinstance(bob, OnXmpp)
    ghost = on_xmpp("nobody-there@mail.localhost")
    sent = bob.client.send_message(ghost, "is anybody there?")
    error = await bob.client.wait_for(
        lambda s: s.kind == "message" and s.type == "error" and s.id == sent, 60, what="an error stanza for the message"
    )
    assert error.sender.split("/")[0] == ghost
    assert error.has("{jabber:client}error/{urn:ietf:params:xml:ns:xmpp-stanzas}text"), str(error)


async def test_a_matrix_user_learns_that_a_mail_address_does_not_exist(gateway: Gateway, talkers: dict[str, Talker]) -> None:
    alice = talkers["matrix"]
    assert isinstance(alice, OnMatrix)
    ghost = on_matrix("nobody-there-either@mail.localhost", "mail")
    room = await alice.client.create_dm(ghost)
    await alice.client.wait_for(
        lambda e: e.get("type") == "m.room.member" and e.get("state_key") == ghost and e["content"].get("membership") == "join",
        what="the ghost joins",
    )
    event = await alice.client.send_text(room, "is anybody there?")
    notice = await alice.client.wait_for(
        lambda e: e.get("sender") == ghost and e["content"].get("msgtype") == "m.notice", 60, what="a notice of the failure"
    )
    assert notice["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") == event, notice


async def test_a_mail_user_learns_that_an_xmpp_address_does_not_exist(gateway: Gateway, talkers: dict[str, Talker]) -> None:
    carol = talkers["mail"]
    assert isinstance(carol, OnMail)
    ghost = on_mail("nobody@no-such-server.localhost")
    await carol.client.send_text(ghost, "is anybody there?", subject="A question")
    bounce = await carol.client.wait_for(
        lambda mail: mail.message.get_content_type() == "multipart/report", 60, what="a delivery status notification"
    )
    assert "not delivered" in bounce.raw.decode(errors="replace")


async def test_a_mail_user_learns_that_a_matrix_user_does_not_exist(gateway: Gateway, talkers: dict[str, Talker]) -> None:
    carol = talkers["mail"]
    assert isinstance(carol, OnMail)
    await carol.client.send_text(on_mail("@no-such-user:hs.localhost"), "is anybody there?")
    await carol.client.wait_for(
        lambda mail: mail.message.get_content_type() == "multipart/report", 60, what="a delivery status notification"
    )
