# SPDX-License-Identifier: EUPL-1.2
"""Somebody who has Delta Chat on two devices, or at two addresses (relays), is one person: what comes reaches both devices, what
either does is his; what one of the addresses does not take has arrived at the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
import pytest_asyncio
from clients import DeltaClient, MatrixClient
from clients.delta import Message, transport
from clients.matrix import Event
from conftest import WAYS, People, Way
from ghosts import on_matrix
from servers import Lab, wait
from servers.gateway import Gateway
from talkers import OnMatrix, OnXmpp
from test_delta import OnDelta

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@dataclass
class Devices:
    """Carol's two devices, and Alice on Matrix who has written to her already. The chat has the same number on both."""

    phone: DeltaClient
    laptop: DeltaClient
    alice: MatrixClient
    chat: int
    room: str

    @property
    def ghost(self) -> str:
        return on_matrix(self.phone.address, "mail")

    def alice_heard(self) -> list[str]:
        """What anybody said to Alice in any room, in order."""
        own = self.alice.user_id
        said = (e for e in self.alice.events.items if e.get("type") == "m.room.message" and e.get("sender") != own)
        return [f"{'' if e['sender'] == self.ghost else e['sender']}{e['content'].get('body')}" for e in said]

    async def alice_says(self, text: str) -> tuple[str, Message, Message]:
        """Her event, and what each device shows."""
        event = await self.alice.send_text(self.room, text)
        return event, await self.phone.wait_message(text), await self.laptop.wait_message(text)

    async def says(self, device: DeltaClient, text: str) -> tuple[Event, Message, Message]:
        """What Alice sees, and what each device shows."""
        await device.send_text(self.chat, text)
        event = await self.alice.wait_message(text)
        return event, await self.phone.wait_own(self.chat, text), await self.laptop.wait_own(self.chat, text)

    async def does(self, device: DeltaClient, method: str, *params: object) -> None:
        await device.rpc(method, device.account, *params)

    async def at_alice(self, kind: str, since: int) -> Event:
        return await self.alice.wait_for(
            lambda e: e.get("sender") == self.ghost and e.get("type") == kind, since=since, what=kind
        )


@pytest_asyncio.fixture
async def devices(gateway: Gateway, people: People) -> Devices:
    carol, alice = OnDelta(await people.delta(force_encryption=True)), await people.matrix()
    chat = await carol.join(gateway, OnMatrix(alice))
    await carol.client.send_text(chat, "hello from Carol")
    event = await alice.wait_message("hello from Carol")
    await alice.send_text(event["room_id"], "hello from Alice")
    await carol.client.wait_message("hello from Alice")
    laptop = await people.another_device(carol.client)
    for device in (carol.client, laptop):
        # Delta Chat sends itself copies as soon as there may be another device.
        assert await device.rpc("get_config", device.account, "bcc_self") == "1"
    return Devices(carol.client, laptop, alice, chat, event["room_id"])


async def test_both_devices_write_as_one_person_and_hear_the_same(gateway: Gateway, devices: Devices) -> None:
    unwanted = ("dreiklang_input_dropped_total", "dreiklang_messages_refused_total")
    before = [gateway.metric(name) for name in unwanted]
    said = ["hello from Carol"]
    for number in range(3):
        _, *shown = await devices.alice_says(f"to both {number}")
        assert {message["chatId"] for message in shown} == {devices.chat} and all(m["showPadlock"] for m in shown)
        for name, device in (("phone", devices.phone), ("laptop", devices.laptop)):
            event, *shown = await devices.says(device, f"from the {name} {number}")
            assert (event["sender"], event["room_id"]) == (devices.ghost, devices.room)
            said.append(f"from the {name} {number}")
    assert await asyncio.to_thread(wait.until, lambda: gateway.waiting() == 0, 30)
    assert devices.alice_heard() == said, "neither doubled by copies nor said by somebody else"
    assert [gateway.metric(name) for name in unwanted] == before


async def test_either_device_changes_what_the_other_did(devices: Devices) -> None:
    event, on_phone, on_laptop = await devices.says(devices.phone, "at eight")
    mark = devices.alice.events.mark()
    await devices.does(devices.laptop, "send_edit_request", on_laptop["id"], "at nine")
    edit = await devices.at_alice("m.room.message", mark)
    assert edit["content"]["m.new_content"]["body"] == "at nine"
    assert edit["content"]["m.relates_to"] == {"rel_type": "m.replace", "event_id": event["event_id"]}
    await devices.phone.wait_own(devices.chat, "at nine")

    of_alice, heard_on_phone, heard_on_laptop = await devices.alice_says("is nine fine?")
    mark = devices.alice.events.mark()
    await devices.does(devices.phone, "send_reaction", heard_on_phone["id"], ["👍"])
    first = await devices.at_alice("m.reaction", mark)
    assert first["content"]["m.relates_to"] == {"rel_type": "m.annotation", "event_id": of_alice, "key": "👍"}
    # The laptop knows by the phone's copy what it takes the place of.
    await devices.laptop.wait_event("ReactionsChanged", msgId=heard_on_laptop["id"])
    mark = devices.alice.events.mark()
    await devices.does(devices.laptop, "send_reaction", heard_on_laptop["id"], ["🎉"])
    second = await devices.at_alice("m.reaction", mark)
    assert second["content"]["m.relates_to"]["key"] == "🎉"
    redaction = await devices.at_alice("m.room.redaction", mark)
    assert (redaction.get("redacts") or redaction["content"].get("redacts")) == first["event_id"]

    event, on_phone, on_laptop = await devices.says(devices.laptop, "never mind")
    mark = devices.alice.events.mark()
    await devices.does(devices.phone, "delete_messages_for_all", [on_phone["id"]])
    redaction = await devices.at_alice("m.room.redaction", mark)
    assert (redaction.get("redacts") or redaction["content"].get("redacts")) == event["event_id"]
    await devices.laptop.wait_event("MsgDeleted", msgId=on_laptop["id"])


async def test_what_is_changed_for_one_device_is_changed_on_both(devices: Devices) -> None:
    event, *heard = await devices.alice_says("at eight")
    _, *own = await devices.says(devices.laptop, "fine with me")
    on_matrix_own = (await devices.alice.wait_message("fine with me"))["event_id"]
    content = {"msgtype": "m.text", "body": "* at ten", "m.new_content": {"msgtype": "m.text", "body": "at ten"}}
    await devices.alice.send(devices.room, content | {"m.relates_to": {"rel_type": "m.replace", "event_id": event}})
    relation = {"rel_type": "m.annotation", "event_id": on_matrix_own, "key": "🎉"}
    await devices.alice.send(devices.room, {"m.relates_to": relation}, "m.reaction")
    both = (devices.phone, devices.laptop)
    for device, message, mine in zip(both, heard, own, strict=True):
        await device.wait_event("IncomingReaction", msgId=mine["id"])
        await device.wait_event("MsgsChanged", msgId=message["id"])
        assert (await device.message(message["id"]))["text"] == "at ten"
    await devices.does(devices.laptop, "markseen_msgs", [heard[1]["id"]])

    def read(receipt: Event) -> bool:
        return receipt.get("type") == "ReceiptEvent" and devices.ghost in str(receipt) and event in str(receipt)

    await devices.alice.wait_for(read, what="Carol's receipt")
    await devices.alice.redact(devices.room, event)
    for device, message in zip(both, heard, strict=True):
        await device.wait_event("MsgDeleted", msgId=message["id"])


async def test_what_one_of_two_relays_bounces_has_not_failed(
    servers: Lab, gateway: Gateway, people: People, way: Way
) -> None:
    names = [people._fresh(None, "relay-") for _ in range(2)]  # noqa: SLF001
    carol, bob = OnDelta(await people.delta(names[0], force_encryption=True)), OnXmpp(await people.xmpp(server=way.xmpp))
    second = await asyncio.to_thread(servers.dovecot.add_user, names[1])
    ports = servers.ports
    login = transport(second, servers.secrets.password, servers.host, ports.imap, ports.submission)
    await carol.client.rpc("add_or_update_transport", carol.client.account, login)
    await carol.join(gateway, bob)
    await carol.say(bob, "reachable at two places")
    await bob.hear(carol, "reachable at two places")
    await bob.say(carol, "good to know")
    await carol.hear(bob, "good to know")

    def bounced() -> float:
        return gateway.metric("dreiklang_input_dropped_total", reason="relay")

    before = bounced()
    await asyncio.to_thread(servers.dovecot.remove_user, names[1])
    await bob.say(carol, "only one of them takes this")
    await carol.hear(bob, "only one of them takes this")
    assert await asyncio.to_thread(wait.until, lambda: bounced() == before + 1, 30)
    await asyncio.to_thread(servers.dovecot.remove_user, names[0])
    sent = bob.client.send_message(bob.ghost_of(carol), "nobody takes this")
    error = await bob.client.wait_for(lambda s: s.type == "error", 60, what="a failure")
    assert error.id == sent, "what arrived at one place has not failed"
    assert bounced() == before + 2
