# SPDX-License-Identifier: EUPL-1.2
"""Finding people: what one pastes or types, the bot, the look-ups of each network, and addresses that do not fit."""

from __future__ import annotations

import urllib.parse

import pytest
from conftest import People
from ghosts import NAMES, on_mail, on_matrix, on_xmpp
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio

GATEWAY_NS = "{jabber:iq:gateway}"


@pytest.mark.parametrize(
    "pasted",
    [
        "@alice:hs.localhost",
        " @alice:hs.localhost ",
        "matrix:u/alice:hs.localhost",
        "https://matrix.to/#/@alice:hs.localhost",
        "https://matrix.to/#/%40alice%3Ahs.localhost",
        r"\40alice\3ahs.localhost@matrix.gw.localhost",
        "alice_hs.localhost@matrix.gw.localhost",
        "alice%hs.localhost@matrix.gw.localhost",
        "matrix.alice=hs.localhost@gw.localhost",
    ],
)
async def test_xmpp_clients_resolve_what_people_paste(gateway: Gateway, people: People, pasted: str) -> None:
    bob = await people.xmpp()
    answer = await bob.gateway_prompt(NAMES.component_matrix, pasted)
    found = answer.find(f"{GATEWAY_NS}query/{GATEWAY_NS}jid")
    assert answer.type == "result" and found is not None, str(answer)
    assert found.text == on_xmpp("@alice:hs.localhost")


@pytest.mark.parametrize("pasted", ["carol@mail.localhost", "mailto:carol@mail.localhost", "Carol C. <Carol@Mail.LocalHost>"])
async def test_xmpp_clients_find_mail_users(gateway: Gateway, people: People, pasted: str) -> None:
    bob = await people.xmpp()
    answer = await bob.gateway_prompt(NAMES.component_mail, pasted)
    found = answer.find(f"{GATEWAY_NS}query/{GATEWAY_NS}jid")
    assert found is not None and found.text == on_xmpp("carol@mail.localhost"), str(answer)


async def test_the_prompt_says_what_to_enter_and_nonsense_is_refused(gateway: Gateway, people: People) -> None:
    bob = await people.xmpp()
    asked = await bob.gateway_prompt(NAMES.component_matrix)
    prompt = asked.find(f"{GATEWAY_NS}query/{GATEWAY_NS}prompt")
    assert prompt is not None and prompt.text, str(asked)
    refused = await bob.gateway_prompt(NAMES.component_matrix, "no address at all")
    assert refused.type == "error", str(refused)


async def test_matrix_finds_people_through_third_party_lookup(servers: Lab, gateway: Gateway, people: People) -> None:
    alice = await people.matrix()
    protocols = await alice.api("GET", "/_matrix/client/v3/thirdparty/protocols")
    assert {"xmpp", "mail"} <= set(protocols)
    for protocol, address in (("xmpp", "bob@xmpp.localhost"), ("mail", "carol@mail.localhost")):
        query = urllib.parse.urlencode({"address": address})
        found = await alice.api("GET", f"/_matrix/client/v3/thirdparty/user/{protocol}?{query}")
        assert [entry["userid"] for entry in found] == [on_matrix(address, protocol)], found


async def test_a_ghost_nobody_has_met_has_a_profile_as_soon_as_he_is_named(gateway: Gateway, people: People) -> None:
    alice = await people.matrix()
    ghost = on_matrix("never-met@xmpp.localhost", "xmpp")
    room = await alice.create_dm(ghost)
    await alice.wait_for(
        lambda e: e.get("type") == "m.room.member" and e.get("state_key") == ghost and e["content"].get("membership") == "join",
        what="the ghost joins",
    )
    assert room in await alice.rooms()


@pytest.mark.parametrize("pasted", ["xmpp:{}", "{}", "xmpp:{}?message"])
async def test_the_bot_on_matrix_starts_a_chat(gateway: Gateway, people: People, pasted: str) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    room = await alice.create_dm(f"@dreiklang:{NAMES.matrix}")
    await alice.send_text(room, f"chat {pasted.format(bob.jid)}")
    ghost = on_matrix(bob.jid, "xmpp")
    await alice.wait_for(
        lambda e: e.get("sender") == ghost and e.get("type") == "m.room.message", 40, what="the ghost opens the chat"
    )
    chats = [r for r in await alice.rooms() if ghost in await alice.members(r)]
    assert len(chats) == 1
    await alice.send_text(chats[0], "from the chat that the bot opened")
    await bob.wait_message("from the chat that the bot opened")


async def test_the_bot_on_xmpp_starts_a_chat_and_helps(gateway: Gateway, people: People) -> None:
    alice, bob = await people.matrix(), await people.xmpp()
    bob.send_message(NAMES.component_matrix, "help")
    helped = await bob.wait_for(
        lambda s: s.kind == "message" and s.sender.split("/")[0] == NAMES.component_matrix and "chat" in (s.body or "")
    )
    assert "policy" in (helped.body or "")
    bob.send_message(NAMES.component_matrix, f"chat {alice.user_id}")
    ghost = on_xmpp(alice.user_id)
    await bob.wait_for(lambda s: s.kind == "message" and s.sender.split("/")[0] == ghost and s.type != "error")
    bob.send_message(ghost, "hello from the chat that the bot opened")
    await alice.wait_message("hello from the chat that the bot opened")


async def test_the_bot_on_mail_answers(gateway: Gateway, people: People) -> None:
    carol = await people.mail()
    await carol.send_text(f"bot@{NAMES.gateway}", "help")
    await carol.wait_for(lambda mail: f"bot@{NAMES.gateway}" in (mail.header("From") or "") and "policy" in mail.text, 40)


@pytest.mark.parametrize("local", ["max_muster", "o'hara", "a+b", "dotted.name", "per%cent", "under_2f_score"])
async def test_odd_mail_addresses_work_in_both_directions(gateway: Gateway, people: People, servers: Lab, local: str) -> None:
    """Every mail address below `t-` exists in the lab; the local part is the odd one."""
    bob = await people.xmpp()
    resolved = await bob.gateway_prompt(NAMES.component_mail, f"t-{local}@mail.localhost")
    ghost = resolved.find(f"{GATEWAY_NS}query/{GATEWAY_NS}jid")
    assert ghost is not None and ghost.text, str(resolved)
    # A subaddress is another address of the same mailbox; the mailbox itself has the part before the plus.
    carol = await people.mail(f"t-{local.split('+')[0]}")
    bob.send_message(ghost.text, f"hello {local}")
    arrived = await carol.wait_for(lambda mail: f"hello {local}" in mail.text, 40)
    assert f"<{on_mail(bob.jid)}>" in (arrived.header("From") or "")
    answer = carol.compose(on_mail(bob.jid), f"I am {local}")
    answer.replace_header("From", f"t-{local}@mail.localhost")
    if "+" in local:
        return  # The lab's mail server authenticates the plain address only.
    await carol.send(answer)
    await bob.wait_for(lambda s: s.body == f"I am {local}" and s.sender.split("/")[0] == ghost.text, 40)


async def test_capitals_in_matrix_ids_survive_xmpp(gateway: Gateway, people: People) -> None:
    """A historical user id with capitals: its readable form escapes them, because XMPP folds case."""
    bob = await people.xmpp()
    answer = await bob.gateway_prompt(NAMES.component_matrix, "@Alice.B:hs.localhost")
    found = answer.find(f"{GATEWAY_NS}query/{GATEWAY_NS}jid")
    assert found is not None and found.text == f"^alice.^b%hs.localhost@{NAMES.component_matrix}", str(answer)


async def test_very_long_addresses_get_a_short_alias_that_works(gateway: Gateway, people: People, servers: Lab) -> None:
    """64 octets are too few for this user id: mail sees a stored alias, and answers to it arrive."""
    alice = await people.matrix("a-very-long-name-for-a-person-of-flesh-and-blood-in-a-town")
    carol = await people.mail()
    room = await alice.create_dm(on_matrix(carol.address, "mail"))
    await alice.send_text(room, "my address is long")
    arrived = await carol.wait_for(lambda mail: "my address is long" in mail.text, 40)
    sender = arrived.message["From"].addresses[0].addr_spec
    assert len(sender.split("@")[0]) <= 64 and "==" in sender, sender
    await carol.send_text(sender, "and mine is short")
    await alice.wait_message("and mine is short", 40)
