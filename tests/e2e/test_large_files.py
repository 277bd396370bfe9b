# SPDX-License-Identifier: EUPL-1.2
"""Files that are too large for the recipient's network, and files that are too large for the gateway's memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from pathlib import Path

import aiohttp
import pytest
from clients.component import ComponentClient
from conftest import People, Way
from fidelity.files import download_from_matrix, upload_to_matrix, upload_to_xmpp
from fidelity.on_xmpp import OOB
from ghosts import on_mail, on_matrix, on_xmpp
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio

MEBIBYTE = 1024 * 1024


async def test_what_is_too_large_for_mail_is_given_at_a_link(gateway: Gateway, people: People) -> None:
    alice, carol = await people.matrix(), await people.mail()
    await carol.send_text(on_mail(alice.user_id), "Send me the film")
    room = (await alice.wait_message("Send me the film"))["room_id"]
    data = os.urandom(19 * MEBIBYTE)
    url = await upload_to_matrix(alice, data, "film.mp4", "video/mp4")
    info = {"mimetype": "video/mp4", "size": len(data)}
    await alice.send(room, {"msgtype": "m.video", "body": "Der Film.mp4", "url": url, "info": info})
    mail = await carol.wait_text("/media/", 60)
    link = re.search(r"http://\S+", mail.text)
    assert link and link[0].endswith("/Der%20Film.mp4"), mail.text
    async with aiohttp.ClientSession() as web:
        async with web.get(link[0]) as answer:
            assert answer.status == 200 and hashlib.sha256(await answer.read()).digest() == hashlib.sha256(data).digest()
            fields = answer.headers
        assert fields["Content-Type"] == "video/mp4" and fields["X-Content-Type-Options"] == "nosniff", fields
        assert "sandbox" in fields["Content-Security-Policy"] and fields["Content-Disposition"].startswith("inline"), fields
        async with web.get(link[0], headers={"Range": "bytes=1000000-1000009"}) as answer:
            assert answer.status == 206 and await answer.read() == data[1000000:1000010]
            assert answer.headers["Content-Range"] == f"bytes 1000000-1000009/{len(data)}"
        async with web.head(link[0]) as answer:
            assert answer.status == 200 and int(answer.headers["Content-Length"]) == len(data)
        start, token, name = link[0].rsplit("/", 2)
        for odd in (f"{start}/{token[:-2]}AA/{name}", f"{start}/x/{name}", f"{start}/", f"{start}/{token}"):
            async with web.get(odd) as answer:
                assert answer.status == 404, odd


async def test_a_server_that_takes_no_files_gets_a_link(gateway: Gateway, people: People, servers: Lab, way: Way) -> None:
    """A far XMPP server without an upload service: the file comes as a file all the same, from the gateway's media endpoint."""
    alice = await people.matrix()
    port = servers.ports.prosody_component if way.xmpp == "prosody" else servers.ports.ejabberd_stranger
    far = servers.names.stranger
    async with await ComponentClient.connect(servers.host, port, far, servers.secrets.component) as server:
        bob, ghost = f"bob@{far}", on_xmpp(alice.user_id)
        server.send(f"<message from='{bob}/far' to='{ghost}' type='chat' id='1'><body>hello from afar</body></message>")
        room = (await alice.wait_message("hello from afar"))["room_id"]

        async def answers() -> None:
            """As a server does that has no such service."""
            seen = 0
            while True:
                asked = server.stanzas.items[seen:]
                seen += len(asked)
                for stanza in asked:
                    if stanza.kind == "iq" and stanza.type == "get":
                        query = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
                        server.send(f"<iq type='result' id='{stanza.id}' from='{stanza.to}' to='{stanza.sender}'>{query}</iq>")
                await asyncio.sleep(0.02)

        answering = asyncio.create_task(answers())
        data = b"%PDF-1.7 " + os.urandom(1000)
        url = await upload_to_matrix(alice, data, "plan.pdf", "application/pdf")
        info = {"mimetype": "application/pdf", "size": len(data)}
        await alice.send(room, {"msgtype": "m.file", "body": "plan.pdf", "url": url, "info": info})
        stanza = await server.wait_for(lambda s: s.kind == "message" and s.has(OOB), 60, what="a file")
        answering.cancel()
    link = stanza.body or ""
    assert link.startswith(gateway.admin("/media/")) and link.endswith("/plan.pdf"), link
    async with aiohttp.ClientSession() as web, web.get(link) as answer:
        assert answer.status == 200 and await answer.read() == data
        assert answer.headers["Content-Disposition"].startswith("attachment"), answer.headers


def memory(gateway: Gateway) -> int:
    """What the gateway holds itself, in bytes (files that it maps do not count)."""
    main = gateway.main()
    assert main is not None
    status = Path(f"/proc/{main.pid}/status").read_text(encoding="ascii")
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


async def test_a_hundred_megabytes_cross_without_being_held(
    gateway: Gateway, people: People, servers: Lab, way: Way
) -> None:
    alice, bob = await people.matrix(), await people.xmpp(server=way.xmpp)
    ghost_of_alice = on_xmpp(alice.user_id)
    room = await alice.create_dm(on_matrix(bob.jid, "xmpp"))
    await alice.send_text(room, "hello")
    await bob.wait_message("hello")
    data = os.urandom(MEBIBYTE) * 99
    digest = hashlib.sha256(data).hexdigest()
    url = await upload_to_matrix(alice, data, "film.mp4", "video/mp4")
    link = await upload_to_xmpp(bob, servers.names.upload, data, "film.mp4", "video/mp4")
    before = most = memory(gateway)

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, memory(gateway))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    info = {"mimetype": "video/mp4", "size": len(data)}
    await alice.send(room, {"msgtype": "m.video", "body": "film.mp4", "url": url, "info": info})
    stanza = await bob.wait_for(lambda s: s.kind == "message" and s.has(OOB), 90, what="a film")
    bob.send_message(ghost_of_alice, link, extra=f"<x xmlns='jabber:x:oob'><url>{link}</url></x>")
    event = await alice.wait_for(
        lambda e: e.get("content", {}).get("msgtype") == "m.video" and e.get("sender") != alice.user_id, 90, what="a film"
    )
    watching.cancel()
    async with aiohttp.ClientSession() as web, web.get(stanza.body or "") as answer:
        assert hashlib.sha256(await answer.read()).hexdigest() == digest
    assert hashlib.sha256(await download_from_matrix(alice, event["content"]["url"])).hexdigest() == digest
    assert most - before < 20 * MEBIBYTE, f"{before} before, {most} at most"
