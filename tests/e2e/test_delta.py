# SPDX-License-Identifier: EUPL-1.2
"""Delta Chat as people install it today: it neither shows nor sends mail that is not encrypted."""

from __future__ import annotations

import json

import pytest
from clients import DeltaClient
from conftest import WAYS, People, Way
from ghosts import on_mail, on_matrix, on_xmpp
from servers.gateway import Gateway
from talkers import OnMatrix, OnXmpp

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


def invite(gateway: Gateway, address: str) -> str:
    return str(json.loads(gateway.run("--json", "invite", address).stdout)["link"])


async def test_an_invite_link_opens_an_encrypted_chat_with_somebody_on_xmpp(gateway: Gateway, people: People, way: Way) -> None:
    bob = OnXmpp(await people.xmpp(server=way.xmpp))
    delta = await people.delta(force_encryption=True)
    chat = await delta.secure_join(invite(gateway, f"xmpp:{bob.address}"))
    shown = await delta.chat(chat)
    assert shown["isEncrypted"] and not shown["isContactRequest"], shown
    await delta.send_text(chat, "Hello Bob")
    ghost = on_xmpp(delta.address)
    await bob.client.wait_for(lambda s: s.body == "Hello Bob" and s.sender.split("/")[0] == ghost, what="Hello Bob")
    bob.client.send_message(ghost, "Hello Delta")
    answer = await delta.wait_message("Hello Delta")
    assert answer["chatId"] == chat and answer["showPadlock"], answer
