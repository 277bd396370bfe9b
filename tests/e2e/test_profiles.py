# SPDX-License-Identifier: EUPL-1.2
"""Names and pictures of people follow their changes on all three networks, without a word being said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from clients import MatrixClient
from clients.xmpp import Stanza
from conftest import WAYS, People, Way
from PIL import Image
from servers.gateway import Gateway
from talkers import OnMatrix, OnXmpp
from test_delta import OnDelta

pytestmark = pytest.mark.asyncio

UPDATE = "{vcard-temp:x:update}x/{vcard-temp:x:update}photo"
NICK = "{http://jabber.org/protocol/nick}nick"
CARD = "{vcard-temp}vCard"
METADATA = "urn:xmpp:avatar:metadata"
DATA = "urn:xmpp:avatar:data"


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


def picture(color: str, size: tuple[int, int] = (600, 400)) -> bytes:
    """A picture of one colour, by which it is known again whatever was done to it."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def shows(file: bytes, color: str) -> bool:
    """Is it a small square picture of this colour?"""
    image = Image.open(io.BytesIO(file)).convert("RGB")
    wanted = Image.new("RGB", (1, 1), color).getpixel((0, 0))
    seen = image.getpixel((image.width // 2, image.height // 2))
    near = all(abs(a - b) < 12 for a, b in zip(seen, wanted, strict=True))  # type: ignore[arg-type]
    return near and image.width == image.height <= 256


async def upload(alice: MatrixClient, file: bytes) -> str:
    headers = {"Authorization": f"Bearer {alice.nio.access_token}", "Content-Type": "image/png"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{alice.homeserver}/_matrix/media/v3/upload", data=file, headers=headers) as answer:
            return str((await answer.json())["content_uri"])


async def download(alice: MatrixClient, address: str) -> bytes:
    headers = {"Authorization": f"Bearer {alice.nio.access_token}"}
    url = f"{alice.homeserver}/_matrix/client/v1/media/download/{address.removeprefix('mxc://')}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert answer.status == 200
        return await answer.read()


async def set_profile(alice: MatrixClient, field: str, value: str) -> None:
    await alice.api("PUT", f"/_matrix/client/v3/profile/{quote(alice.user_id)}/{field}", {field: value})


async def ghost_with(alice: OnMatrix, bob: OnXmpp, field: str, since: int) -> str:
    """Waits until Bob's ghost has something new in a field of his profile, as Alice's client is told; answers it."""
    ghost = alice.ghost_of(bob)
    event = await alice.client.wait_for(
        lambda e: e.get("type") == "m.room.member" and e.get("state_key") == ghost and e["content"].get(field),
        since=since,
        what=f"{field} of {ghost}",
    )
    return str(event["content"][field])


async def befriended(bob: OnXmpp, ghost: str) -> Stanza:
    """Bob has the ghost among his contacts, and it him; answers how it appears."""
    bob.client.subscribe(ghost)
    seen = await bob.client.wait_for(
        lambda s: s.kind == "presence" and s.type == "" and s.sender.startswith(ghost), what=f"presence of {ghost}"
    )
    await bob.client.wait_for(lambda s: s.kind == "presence" and s.type == "subscribe" and s.sender.startswith(ghost))
    bob.client.send_presence(ghost, "subscribed")
    return seen


async def published(bob: OnXmpp, ghost: str, node: str) -> Stanza:
    return await bob.client.iq(ghost, f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'/></pubsub>")


async def test_a_matrix_profile_appears_on_xmpp_and_follows_changes(alice: OnMatrix, bob: OnXmpp) -> None:
    await set_profile(alice.client, "displayname", "Alice A.")
    await set_profile(alice.client, "avatar_url", await upload(alice.client, picture("red")))
    ghost = bob.ghost_of(alice)
    mark = bob.client.stanzas.mark()
    await alice.say(bob, "hello")
    await bob.hear(alice, "hello")
    await befriended(bob, ghost)
    # Whether it comes with the first presence or just after it: it comes by itself.
    seen = await bob.client.wait_for(
        lambda s: s.kind == "presence" and s.sender.startswith(ghost) and bool((s.find(UPDATE) is not None) and s.find(UPDATE).text),  # type: ignore[union-attr]
        since=mark,
        what="a picture",
    )
    name, photo = seen.find(NICK), seen.find(UPDATE)
    assert name is not None and name.text == "Alice A." and photo is not None

    card = (await bob.client.vcard(ghost)).find(CARD)
    assert card is not None and card.findtext("{vcard-temp}FN") == "Alice A."
    file = base64.b64decode(card.findtext("{vcard-temp}PHOTO/{vcard-temp}BINVAL") or "")
    assert shows(file, "red") and hashlib.sha1(file).hexdigest() == photo.text
    info = (await published(bob, ghost, METADATA)).find(f".//{{{METADATA}}}info")
    assert info is not None and info.get("id") == photo.text and info.get("bytes") == str(len(file))
    data = (await published(bob, ghost, DATA)).find(f".//{{{DATA}}}data")
    assert data is not None and base64.b64decode(data.text or "") == file

    # She changes her name; nobody says anything.
    mark = bob.client.stanzas.mark()
    await set_profile(alice.client, "displayname", "Alice B.\u202e")
    await bob.client.wait_for(
        lambda s: s.kind == "presence" and s.sender.startswith(ghost) and s.has(NICK) and s.find(NICK).text == "Alice B.",  # type: ignore[union-attr]
        since=mark,
        what="the new name",
    )
    told = await bob.client.wait_for(lambda s: s.kind == "message" and s.type == "headline" and s.has(f".//{NICK}"), since=mark)
    assert told.sender == ghost


async def test_an_xmpp_profile_appears_on_matrix_and_follows_changes(alice: OnMatrix, bob: OnXmpp) -> None:
    """By vCard, before anybody is anybody's contact; then by what his account publishes."""
    photo = base64.b64encode(picture("blue")).decode()
    card = f"<vCard xmlns='vcard-temp'><FN>Bob B.</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>{photo}</BINVAL></PHOTO></vCard>"
    assert (await bob.client.iq(None, card, "set")).type == "result"
    mark = alice.client.events.mark()
    await bob.say(alice, "hello")
    await alice.hear(bob, "hello")
    while True:
        name = await ghost_with(alice, bob, "displayname", mark)
        if name == "Bob B.":
            break
        mark += 1
    assert shows(await download(alice.client, await ghost_with(alice, bob, "avatar_url", 0)), "blue")

    await befriended(bob, bob.ghost_of(alice))
    mark = alice.client.events.mark()
    nick = "<nick xmlns='http://jabber.org/protocol/nick'>Bob C.</nick>"
    publish = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{}'><item id='{}'>{}</item></publish></pubsub>"
    assert (await bob.client.iq(None, publish.format("http://jabber.org/protocol/nick", "current", nick), "set")).type == "result"
    assert await ghost_with(alice, bob, "displayname", mark) == "Bob C."


async def test_a_name_that_could_deceive_is_marked(alice: OnMatrix, bob: OnXmpp) -> None:
    boss = "<nick xmlns='http://jabber.org/protocol/nick'>@boss:hs.localhost</nick>"
    mark = alice.client.events.mark()
    bob.client.send_message(bob.ghost_of(alice), "it is me", extra=boss)
    await alice.hear(bob, "it is me")
    assert await ghost_with(alice, bob, "displayname", mark) == "@boss:hs.localhost (XMPP)"


async def test_what_is_no_picture_is_refused_and_nothing_else_is_held_up(alice: OnMatrix, bob: OnXmpp, gateway: Gateway) -> None:
    """A few bytes that claim to be sixty thousand pixels square."""
    bomb = bytearray(picture("red", (1, 1)))
    bomb[16:24] = (60000).to_bytes(4, "big") * 2
    before = gateway.metric("dreiklang_input_dropped_total", reason="picture")
    await set_profile(alice.client, "avatar_url", await upload(alice.client, bytes(bomb)))
    await alice.say(bob, "look")
    await bob.hear(alice, "look")
    async with asyncio.timeout(30):
        while gateway.metric("dreiklang_input_dropped_total", reason="picture") == before:
            await asyncio.sleep(0.2)
    card = (await bob.client.vcard(bob.ghost_of(alice))).find(CARD)
    assert card is not None and card.find("{vcard-temp}PHOTO") is None
    await alice.say(bob, "still here")
    await bob.hear(alice, "still here")


async def test_pictures_cross_to_and_from_delta_chat(alice: OnMatrix, gateway: Gateway, people: People, state_root: Path) -> None:
    carol = OnDelta(await people.delta(force_encryption=True))
    await set_profile(alice.client, "avatar_url", await upload(alice.client, picture("red")))
    chat = await carol.join(gateway, alice)
    file = state_root / "carol.png"
    file.write_bytes(picture("green"))
    await carol.client.rpc("set_config", carol.client.account, "selfavatar", str(file))
    await carol.client.send_text(chat, "hello from Carol")
    event = await alice.client.wait_message("hello from Carol")
    ghost = alice.ghost_of(carol)
    member = await alice.client.wait_for(
        lambda e: e.get("type") == "m.room.member" and e.get("state_key") == ghost and e["content"].get("avatar_url"),
        what="Carol's picture",
    )
    assert shows(await download(alice.client, member["content"]["avatar_url"]), "green")

    # Alice is known from her first word on; her picture comes with one of the next.
    for number in range(10):
        await alice.client.send_text(event["room_id"], f"word {number}")
        heard = await carol.hear_message(alice, f"word {number}")
        seen = (await carol.client.contact(heard["sender"]["id"]))["profileImage"]
        if seen:
            break
    assert seen and shows(Path(seen).read_bytes(), "red")
