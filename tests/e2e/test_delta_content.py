# SPDX-License-Identifier: EUPL-1.2
"""What a message can be besides text, between default-configured Delta Chat and Matrix or XMPP, both ways; and files of plain mail
programs."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from clients import MatrixClient
from clients.matrix import Event
from clients.xmpp import Stanza
from conftest import People, Way
from fidelity.client import PNG
from fidelity.files import download_from_matrix, upload_to_matrix
from fidelity.on_xmpp import OOB, REACTIONS, REPLACE, REPLY, RETRACT
from ghosts import on_mail, on_matrix
from servers.gateway import Gateway
from talkers import OnMatrix, OnXmpp
from test_content import REACTION
from test_delta import OnDelta

pytestmark = pytest.mark.asyncio


@dataclass
class Chat:
    """Carol with Delta Chat and Alice on Matrix, who have said hello to each other."""

    carol: OnDelta
    alice: MatrixClient
    on_matrix: OnMatrix
    chat: int
    room: str
    hello_at_alice: str
    hello_of_alice: str
    hello_at_carol: int
    hello_of_carol: int

    @property
    def ghost(self) -> str:
        return on_matrix(self.carol.address, "mail")

    async def rpc(self, method: str, *params: Any) -> Any:
        return await self.carol.client.rpc(method, self.carol.client.account, *params)

    async def at_alice(self, kind: str) -> Event:
        return await self.alice.wait_for(lambda e: e.get("sender") == self.ghost and e.get("type") == kind, what=kind)


@pytest_asyncio.fixture
async def chat(gateway: Gateway, people: People) -> Chat:
    carol, alice = OnDelta(await people.delta(force_encryption=True)), await people.matrix()
    talker = OnMatrix(alice)
    opened = await carol.join(gateway, talker)
    hello = await carol.client.send_text(opened, "hello from Carol")
    event = await alice.wait_message("hello from Carol")
    answer = await alice.send_text(event["room_id"], "hello from Alice")
    heard = await carol.hear_message(talker, "hello from Alice")
    return Chat(carol, alice, talker, opened, event["room_id"], event["event_id"], answer, heard["id"], hello)


async def test_answers(chat: Chat) -> None:
    await chat.carol.client.send(chat.chat, text="I answer", quotedMessageId=chat.hello_at_carol)
    answer = await chat.alice.wait_message("I answer")
    assert answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == chat.hello_of_alice
    relates = {"m.in_reply_to": {"event_id": chat.hello_at_alice}}
    await chat.alice.send(chat.room, {"msgtype": "m.text", "body": "and so do I", "m.relates_to": relates})
    heard = await chat.carol.hear_message(chat.on_matrix, "and so do I")
    assert heard["quote"]["text"] == "hello from Carol" and heard["quote"].get("messageId") == chat.hello_of_carol, heard["quote"]


async def test_new_versions_and_deletions(chat: Chat) -> None:
    await chat.rpc("send_edit_request", chat.hello_of_carol, "hello again from Carol")
    edit = await chat.alice.wait_message("* hello again from Carol")
    assert edit["content"]["m.relates_to"] == {"rel_type": "m.replace", "event_id": chat.hello_at_alice}
    content = {"msgtype": "m.text", "body": "* hi", "m.new_content": {"msgtype": "m.text", "body": "hi again from Alice"}}
    await chat.alice.send(chat.room, content | {"m.relates_to": {"rel_type": "m.replace", "event_id": chat.hello_of_alice}})
    await chat.carol.client.wait_event("MsgsChanged", msgId=chat.hello_at_carol)
    changed = await chat.carol.client.message(chat.hello_at_carol)
    assert changed["text"] == "hi again from Alice" and changed["isEdited"], changed

    await chat.rpc("delete_messages_for_all", [chat.hello_of_carol])
    redaction = await chat.at_alice("m.room.redaction")
    assert (redaction.get("redacts") or redaction["content"].get("redacts")) == chat.hello_at_alice
    await chat.alice.redact(chat.room, chat.hello_of_alice)
    await chat.carol.client.wait_event("MsgDeleted", msgId=chat.hello_at_carol)


async def test_reactions(chat: Chat) -> None:
    await chat.rpc("send_reaction", chat.hello_at_carol, ["👍"])
    reaction = await chat.at_alice("m.reaction")
    assert reaction["content"]["m.relates_to"] == {"rel_type": "m.annotation", "event_id": chat.hello_of_alice, "key": "👍"}
    await chat.rpc("send_reaction", chat.hello_at_carol, [])
    redaction = await chat.at_alice("m.room.redaction")
    assert (redaction.get("redacts") or redaction["content"].get("redacts")) == reaction["event_id"]

    relation = {"rel_type": "m.annotation", "event_id": chat.hello_at_alice, "key": "❤️"}
    await chat.alice.send(chat.room, {"m.relates_to": relation}, "m.reaction")
    await chat.carol.client.wait_event("IncomingReaction", msgId=chat.hello_of_carol)
    shown = await chat.rpc("get_message_reactions", chat.hello_of_carol)
    assert [one["emoji"].rstrip("\ufe0f") for one in shown["reactions"]] == ["❤"], shown


async def test_read_receipts(chat: Chat) -> None:
    await chat.alice.api("POST", f"/_matrix/client/v3/rooms/{chat.room}/receipt/m.read/{chat.hello_at_alice}", {})
    await chat.carol.client.wait_state(chat.hello_of_carol, ("read",))
    await chat.rpc("markseen_msgs", [chat.hello_at_carol])

    def read(event: Event) -> bool:
        return event.get("type") == "ReceiptEvent" and chat.ghost in str(event) and chat.hello_of_alice in str(event)

    await chat.alice.wait_for(read, what="Carol's receipt")


@pytest.mark.parametrize(
    ("name", "kind", "viewtype", "msgtype"),
    [("cat.png", "image/png", "Image", "m.image"), ("plan.bin", "application/octet-stream", "File", "m.file"),
     ("note.ogg", "audio/ogg", "Voice", "m.audio")],
)  # fmt: skip
async def test_files(chat: Chat, tmp_path: Path, name: str, kind: str, viewtype: str, msgtype: str) -> None:
    data = PNG if kind == "image/png" else os.urandom(20_000)
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / name).write_bytes(data)
    await chat.carol.client.send(chat.chat, text="look", file=str(tmp_path / name), filename=name, viewtype=viewtype)
    event = await chat.alice.wait_for(lambda e: e.get("content", {}).get("msgtype") == msgtype, what=msgtype)
    assert event["content"]["body"] == "look"
    assert ("org.matrix.msc3245.voice" in event["content"]) == (viewtype == "Voice")
    fetched = await download_from_matrix(chat.alice, event["content"]["url"])
    assert viewtype == "Image" or hashlib.sha256(fetched).hexdigest() == digest

    address = await upload_to_matrix(chat.alice, data, name, kind)
    content = {"msgtype": msgtype, "body": "here", "filename": name, "url": address, "info": {"mimetype": kind, "size": len(data)}}
    voice = {"org.matrix.msc3245.voice": {}} if viewtype == "Voice" else {}
    await chat.alice.send(chat.room, content | voice)
    heard = await chat.carol.client.wait_for(lambda m: m["text"] == "here" and m["file"], what="a file")
    assert heard["viewType"] == viewtype and heard["fileName"] == name, heard
    assert hashlib.sha256(Path(heard["file"]).read_bytes()).hexdigest() == digest


async def test_a_large_file_that_delta_chat_sends_in_two_mails(chat: Chat, tmp_path: Path) -> None:
    data = os.urandom(400_000)
    (tmp_path / "large.bin").write_bytes(data)
    await chat.carol.client.send(chat.chat, text="it is large", file=str(tmp_path / "large.bin"), viewtype="File")
    event = await chat.alice.wait_for(lambda e: e.get("content", {}).get("msgtype") == "m.file", 60, what="a file")
    assert await download_from_matrix(chat.alice, event["content"]["url"]) == data
    texts = [e["content"].get("body") for e in chat.alice.events.items if e.get("sender") == chat.ghost and "body" in e["content"]]
    assert texts.count("it is large") == 1, texts


async def test_with_xmpp(gateway: Gateway, people: People, way: Way, tmp_path: Path) -> None:
    carol, bob = OnDelta(await people.delta(force_encryption=True)), OnXmpp(await people.xmpp(server=way.xmpp))
    ghost = bob.ghost_of(carol)
    opened = await carol.join(gateway, bob)

    async def at_bob(path: str) -> Stanza:
        return await bob.client.wait_for(lambda s: s.kind == "message" and s.sender.startswith(ghost) and s.has(path), what=path)

    async def rpc(method: str, *params: Any) -> Any:
        return await carol.client.rpc(method, carol.client.account, *params)

    hello = await carol.client.send_text(opened, "hello from Carol")
    await bob.hear(carol, "hello from Carol")
    named = next(s.id for s in bob.client.stanzas.items if s.body == "hello from Carol")
    bob.client.send_message(ghost, "hello from Bob", id="hello-of-bob")
    heard = (await carol.hear_message(bob, "hello from Bob"))["id"]

    await carol.client.send(opened, text="I answer", quotedMessageId=heard)
    reply = (await at_bob(REPLY)).find(REPLY)
    assert reply is not None and reply.get("id") == "hello-of-bob"
    await rpc("send_edit_request", hello, "hello again")
    replace = (await at_bob(REPLACE)).find(REPLACE)
    assert replace is not None and replace.get("id") == named
    await rpc("send_reaction", heard, ["🎉"])
    reactions = (await at_bob(REACTIONS)).find(REACTIONS)
    assert reactions is not None and [one.text for one in reactions.iterfind(REACTION)] == ["🎉"]
    (tmp_path / "cat.png").write_bytes(PNG)
    await carol.client.send(opened, file=str(tmp_path / "cat.png"), viewtype="File")
    link = (await at_bob(OOB)).body or ""
    async with aiohttp.ClientSession() as session:
        async with session.get(link) as answer:
            assert await answer.read() == PNG
    await rpc("delete_messages_for_all", [hello])
    retract = (await at_bob(RETRACT)).find(RETRACT)
    assert retract is not None and retract.get("id") == named

    extra = "<replace xmlns='urn:xmpp:message-correct:0' id='hello-of-bob'/>"
    bob.client.send_message(ghost, "hello again from Bob", extra=extra)
    await carol.client.wait_event("MsgsChanged", msgId=heard)
    assert (await carol.client.message(heard))["text"] == "hello again from Bob"
    extra = "<retract xmlns='urn:xmpp:message-retract:1' id='hello-of-bob'/>"
    bob.client.send_message(ghost, "fallback", extra=extra)
    await carol.client.wait_event("MsgDeleted", msgId=heard)


async def test_files_of_mail_programs(gateway: Gateway, people: People) -> None:
    alice, dora = await people.matrix(), await people.mail()
    mail = dora.compose(on_mail(alice.user_id), "The plan is attached.", "Plan")
    mail.add_attachment(PNG, maintype="image", subtype="png", filename="Plan für Köln.png")
    mail.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="plan.pdf")
    await dora.send(mail)
    image = await alice.wait_for(lambda e: e.get("content", {}).get("msgtype") == "m.image", what="an image")
    assert image["content"]["filename"] == "Plan für Köln.png"
    assert await download_from_matrix(alice, image["content"]["url"]) == PNG
    await alice.wait_for(lambda e: e.get("content", {}).get("filename") == "plan.pdf", what="the second file")
    address = await upload_to_matrix(alice, PNG, "answer.png", "image/png")
    content = {"msgtype": "m.image", "body": "Here you are", "filename": "answer.png", "url": address}
    await alice.send(image["room_id"], content | {"info": {"mimetype": "image/png", "size": len(PNG)}})
    answer = await dora.wait_text("Here you are")
    attached = next(iter(answer.message.iter_attachments()))
    assert attached.get_filename() == "answer.png" and attached.get_content() == PNG
