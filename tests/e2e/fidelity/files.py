# SPDX-License-Identifier: EUPL-1.2
"""Putting files where each network keeps them, and fetching them from there."""

from __future__ import annotations

import aiohttp
from clients import MatrixClient, XmppClient

SLOT = "{urn:xmpp:http:upload:0}slot"


async def upload_to_matrix(client: MatrixClient, data: bytes, name: str, kind: str) -> str:
    headers = {"Authorization": f"Bearer {client.nio.access_token}", "Content-Type": kind}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{client.homeserver}/_matrix/media/v3/upload?filename={name}", data=data, headers=headers) as answer:
            return str((await answer.json())["content_uri"])


async def download_from_matrix(client: MatrixClient, address: str) -> bytes:
    path = address.removeprefix("mxc://")
    headers = {"Authorization": f"Bearer {client.nio.access_token}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{client.homeserver}/_matrix/client/v1/media/download/{path}", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.read()


async def upload_to_xmpp(client: XmppClient, service: str, data: bytes, name: str, kind: str) -> str:
    request = f"<request xmlns='urn:xmpp:http:upload:0' filename='{name}' size='{len(data)}' content-type='{kind}'/>"
    slot = (await client.iq(service, request)).find(SLOT)
    assert slot is not None
    put, get = slot.find("{urn:xmpp:http:upload:0}put"), slot.find("{urn:xmpp:http:upload:0}get")
    assert put is not None and get is not None
    headers = {one.attrib["name"]: one.text or "" for one in put} | {"Content-Type": kind}
    async with aiohttp.ClientSession() as session:
        async with session.put(put.attrib["url"], data=data, headers=headers) as answer:
            assert answer.status in (200, 201), await answer.text()
    return get.attrib["url"]
