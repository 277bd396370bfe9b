# SPDX-License-Identifier: EUPL-1.2
"""What strangers put into messages, files, names and pictures: refused or defused, said to both sides, counted, and nothing else is
affected. Links to private addresses are in test_content.py, what is no stanza or no mail at all in test_bad_input.py."""

from __future__ import annotations

import io
import re
import zlib

import aiohttp
import pytest
import pytest_asyncio
from conftest import People, Way
from fidelity.files import download_from_matrix, upload_to_matrix, upload_to_xmpp
from fidelity.on_xmpp import OOB
from PIL import Image
from servers import Lab
from servers.gateway import Gateway
from talkers import OnMail, OnMatrix, OnXmpp, Talker
from test_profiles import set_profile, upload

pytestmark = pytest.mark.asyncio

MEBIBYTE = 1024 * 1024
# The head of a program for Windows.
PROGRAM = b"MZ\x90\x00" + bytes(60) + b"PE\x00\x00" + bytes(200)
# A picture for whoever looks at its beginning, a page with a script for whoever does not.
POLYGLOT = b"GIF89a\x01\x00\x01\x00\x80\x00\x00<html><body><script>alert(document.domain)</script></body></html>;"
PAGE = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
FORBIDDEN = "the rules of the organisation do not allow files of this kind"


@pytest_asyncio.fixture
async def talkers(gateway: Gateway, people: People, way: Way) -> dict[str, Talker]:
    """Three people, one on each network."""
    return {
        "matrix": OnMatrix(await people.matrix()),
        "xmpp": OnXmpp(await people.xmpp(server=way.xmpp)),
        "mail": OnMail(await people.mail()),
    }


async def send_file(one: Talker, other: Talker, servers: Lab, data: bytes, name: str, kind: str) -> None:
    ghost = one.ghost_of(other)
    if isinstance(one, OnMatrix):
        url = await upload_to_matrix(one.client, data, name, kind)
        msgtype = "m.image" if kind.startswith("image/") else "m.file"
        content = {"msgtype": msgtype, "body": name, "filename": name, "url": url, "info": {"mimetype": kind, "size": len(data)}}
        await one.client.send(await one.room_with(ghost), content)
    elif isinstance(one, OnXmpp):
        link = await upload_to_xmpp(one.client, servers.names.upload, data, name, kind)
        one.client.send_message(ghost, link, id=f"file-{name}", extra=f"<x xmlns='jabber:x:oob'><url>{link}</url></x>")
    elif isinstance(one, OnMail):
        mail = one.client.compose(ghost, "see the file")
        mail.add_attachment(data, maintype=kind.split("/")[0], subtype=kind.split("/")[1], filename=name)
        await one.client.send(mail)


def squeezed(text: str) -> str:
    return "".join(text.split()).lower()


async def reads(one: Talker, sender: Talker, text: str) -> None:
    """Somebody reads the words, whoever says them for the other one, however their lines are broken."""
    ghost, wanted = one.ghost_of(sender), squeezed(text)
    if isinstance(one, OnMatrix):
        await one.client.wait_for(lambda e: e.get("sender") == ghost and wanted in squeezed(str(e["content"].get("body"))), what=text)
    elif isinstance(one, OnXmpp):
        await one.client.wait_for(lambda s: s.kind == "message" and s.sender.startswith(ghost) and wanted in squeezed(str(s)), what=text)
    elif isinstance(one, OnMail):
        await one.client.wait_for(lambda m: wanted in squeezed(m.text), what=text)


async def meet(one: Talker, other: Talker) -> None:
    await one.say(other, "hello")
    await other.hear(one, "hello")


@pytest.mark.parametrize(
    ("source", "target"), [("matrix", "xmpp"), ("matrix", "mail"), ("xmpp", "matrix"), ("xmpp", "mail"), ("mail", "matrix"), ("mail", "xmpp")]
)
@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [(PROGRAM, "holiday.png", "image/png"), (b"just words", "invoice.pdf.exe", "application/pdf")],
    ids=["a program that calls itself a picture", "a name that runs"],
)
async def test_programs_do_not_cross_and_both_sides_read_why(
    talkers: dict[str, Talker], servers: Lab, gateway: Gateway, source: str, target: str, data: bytes, name: str, kind: str
) -> None:
    one, other = talkers[source], talkers[target]
    await meet(one, other)
    before = gateway.metric("dreiklang_messages_failed_total", reason="forbidden_file")
    await send_file(one, other, servers, data, name, kind)
    await reads(other, one, FORBIDDEN)
    await reads(one, other, FORBIDDEN)
    assert gateway.metric("dreiklang_messages_failed_total", reason="forbidden_file") == before + 1
    await one.say(other, "still here")
    await other.hear(one, "still here")


async def test_a_page_that_calls_itself_a_picture_is_a_file(talkers: dict[str, Talker], servers: Lab) -> None:
    alice, bob = talkers["matrix"], talkers["xmpp"]
    assert isinstance(alice, OnMatrix) and isinstance(bob, OnXmpp)
    await meet(bob, alice)
    await send_file(bob, alice, servers, PAGE, "cat.png", "image/png")
    ghost = alice.ghost_of(bob)
    event = await alice.client.wait_for(lambda e: e.get("sender") == ghost and "url" in e["content"], what="a file")
    assert event["content"]["msgtype"] == "m.file" and event["content"]["info"]["mimetype"] == "text/html", event["content"]
    assert await download_from_matrix(alice.client, event["content"]["url"]) == PAGE


@pytest.mark.parametrize(
    ("data", "shown"),
    [(POLYGLOT, "image/gif"), (PAGE, "application/octet-stream")],
    ids=["a picture that is a page, too", "a page"],
)
async def test_nothing_behind_a_link_runs(talkers: dict[str, Talker], servers: Lab, data: bytes, shown: str) -> None:
    """What is too large for a mail is given at the gateway's own address: a browser must run nothing of it there."""
    alice, carol = talkers["matrix"], talkers["mail"]
    assert isinstance(carol, OnMail)
    await carol.say(alice, "hello")
    await alice.hear(carol, "hello")
    await send_file(alice, carol, servers, data + bytes(19 * MEBIBYTE), "cat.gif", "image/gif")
    mail = await carol.client.wait_text("/media/", 60)
    link = re.search(r"http://\S+", mail.text)
    assert link
    async with aiohttp.ClientSession() as web, web.get(link[0]) as answer:
        assert answer.status == 200 and (await answer.content.read(len(data))) == data
        fields = answer.headers
    assert fields["Content-Type"] == shown and fields["X-Content-Type-Options"] == "nosniff", fields
    assert "default-src 'none'" in fields["Content-Security-Policy"] and "sandbox" in fields["Content-Security-Policy"]
    assert fields["Content-Disposition"].startswith("inline" if shown.startswith("image/") else "attachment"), fields


async def test_a_program_behind_a_link_is_not_given(talkers: dict[str, Talker], servers: Lab) -> None:
    alice, carol = talkers["matrix"], talkers["mail"]
    assert isinstance(carol, OnMail)
    await carol.say(alice, "hello")
    await alice.hear(carol, "hello")
    await send_file(alice, carol, servers, PROGRAM + bytes(19 * MEBIBYTE), "cat.gif", "image/gif")
    mail = await carol.client.wait_text("/media/", 60)
    link = re.search(r"http://\S+", mail.text)
    assert link
    async with aiohttp.ClientSession() as web, web.get(link[0]) as answer:
        assert answer.status == 403 and FORBIDDEN in (await answer.text()).lower().replace("\n", "")


# HTML that takes a reader's time or memory, or that runs in a reader's program.
BOMBS = {
    "ten thousand deep": "<blockquote>" * 10_000 + "WORD",
    "ten thousand tables deep": "<table><tr><td>" * 10_000 + "WORD",
    "a hundred thousand attributes": "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">WORD",
    "never closed": "<b><i><a href='https://x.example'>" * 2_000 + "WORD",
    "scripts": "<script>alert(1)</script><style>*{display:none}</style>WORD<img src=x onerror=alert(1)>",
    "links that run": "<a href='javascript:alert(1)'>WORD</a> <a href='data:text/html,<script>'>x</a>",
}


@pytest.mark.parametrize("bomb", BOMBS, ids=str)
@pytest.mark.parametrize("source", ["matrix", "mail"])
async def test_html_bombs_are_defused(talkers: dict[str, Talker], bomb: str, source: str) -> None:
    """To XMPP as text, and between Matrix and mail as HTML in which nothing of that is left."""
    html = BOMBS[bomb]
    alice, carol, bob = talkers["matrix"], talkers["mail"], talkers["xmpp"]
    assert isinstance(alice, OnMatrix) and isinstance(carol, OnMail)
    sender: Talker = alice if source == "matrix" else carol
    mirror: Talker = carol if source == "matrix" else alice
    for other in (bob, mirror):
        if isinstance(sender, OnMatrix):
            content = {"msgtype": "m.text", "body": "WORD", "format": "org.matrix.custom.html", "formatted_body": html[:60_000]}
            if len(html) > 60_000:
                content["formatted_body"] = html[: 60_000 - 4] + "WORD"
            await sender.client.send(await sender.room_with(sender.ghost_of(other)), content)
        elif isinstance(sender, OnMail):
            mail = sender.client.compose(sender.ghost_of(other), "WORD")
            mail.add_alternative(f"<html><body>{html}</body></html>", subtype="html")
            await sender.client.send(mail)
        await reads(other, sender, "WORD")
        await sender.say(other, f"after {bomb}")
        await other.hear(sender, f"after {bomb}")
    if isinstance(mirror, OnMatrix):
        ghost = mirror.ghost_of(sender)
        seen = [str(e["content"]) for e in mirror.client.events.items if e.get("sender") == ghost]
    else:
        seen = [m.raw.decode(errors="replace") for m in carol.client.mails.items]
    for hostile in ("<script", "javascript:", "onerror", "data:text/html", "display:none"):
        assert not any(hostile in text for text in seen), hostile


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Bob\u202egnp.exe", "Bobgnp.exe"), ("\u2066Bob\u2069\u200f", "Bob"), ("Bob\nAdministrator", "Bob Administrator")],
    ids=["right to left", "isolates", "two lines"],
)
async def test_names_that_turn_the_text_around(talkers: dict[str, Talker], name: str, shown: str) -> None:
    """Names of people on all ways, and of files."""
    alice, bob, carol = talkers["matrix"], talkers["xmpp"], talkers["mail"]
    assert isinstance(alice, OnMatrix) and isinstance(bob, OnXmpp) and isinstance(carol, OnMail)
    await set_profile(alice.client, "displayname", name)
    await alice.say(bob, "hello")
    await bob.hear(alice, "hello")
    ghost = bob.ghost_of(alice)
    stanza = next(s for s in bob.client.stanzas.items if s.body == "hello" and s.sender.startswith(ghost))
    nick = stanza.find("{http://jabber.org/protocol/nick}nick")
    assert nick is not None and nick.text == shown
    await alice.say(carol, "hello")
    await carol.hear(alice, "hello")
    mail = next(m for m in carol.client.mails.items if f"<{carol.ghost_of(alice)}>" in (m.header("From") or ""))
    assert [address.display_name for address in mail.message["From"].addresses] == [shown]


async def test_names_of_files(talkers: dict[str, Talker], servers: Lab) -> None:
    alice, bob = talkers["matrix"], talkers["xmpp"]
    assert isinstance(alice, OnMatrix) and isinstance(bob, OnXmpp)
    room = await alice.room_with(alice.ghost_of(bob))
    url = await upload_to_matrix(alice.client, b"%PDF-1.7", "x.pdf", "application/pdf")
    name = "../../etc/\u202efdp.pdf"
    await alice.client.send(room, {"msgtype": "m.file", "body": name, "url": url, "info": {"mimetype": "application/pdf", "size": 8}})
    stanza = await bob.client.wait_for(lambda s: s.kind == "message" and s.has(OOB), what="a file")
    assert (stanza.body or "").endswith("/fdp.pdf"), stanza.body


def pixel_bomb() -> bytes:
    """Sixty thousand pixels square, all of them there: 120 megabytes that unpack to 3.6 gigabytes."""
    file = io.BytesIO()
    Image.new("1", (1, 1)).save(file, "PNG")
    head = bytearray(file.getvalue())
    head[16:24] = (20_000).to_bytes(4, "big") * 2
    head[29:33] = zlib.crc32(head[12:29]).to_bytes(4, "big")
    rows = zlib.compress(bytes(2501 * 20_000), 9)
    data = len(rows).to_bytes(4, "big") + b"IDAT" + rows + zlib.crc32(b"IDAT" + rows).to_bytes(4, "big")
    return bytes(head[:33]) + data + b"\0\0\0\0IEND\xaeB`\x82"


def text_bomb() -> bytes:
    """A small picture with a compressed comment that unpacks to a hundred megabytes."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    whole = file.getvalue()
    comment = b"zTXtComment\0\0" + zlib.compress(bytes(100 * MEBIBYTE), 9)
    chunk = (len(comment) - 4).to_bytes(4, "big") + comment + zlib.crc32(comment).to_bytes(4, "big")
    return whole[:33] + chunk + whole[33:]


@pytest.mark.parametrize("bomb", [pixel_bomb, text_bomb], ids=["pixels", "zip"])
async def test_bombs_as_pictures_of_people(talkers: dict[str, Talker], gateway: Gateway, bomb: object) -> None:
    """Whether it is shown without what would explode, or refused: the gateway neither swells nor stops."""
    from test_large_files import memory

    alice, bob = talkers["matrix"], talkers["xmpp"]
    assert isinstance(alice, OnMatrix) and isinstance(bob, OnXmpp) and callable(bomb)
    before = memory(gateway)
    mark = bob.client.stanzas.mark()
    await set_profile(alice.client, "avatar_url", await upload(alice.client, bomb()))
    await alice.say(bob, "look")
    await bob.hear(alice, "look")
    await set_profile(alice.client, "displayname", "after the bomb")
    await alice.say(bob, "still here")
    await bob.hear(alice, "still here")
    assert bob.client.stanzas.mark() > mark
    assert memory(gateway) - before < 100 * MEBIBYTE
