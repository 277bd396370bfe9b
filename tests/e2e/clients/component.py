# SPDX-License-Identifier: EUPL-1.2
"""A far XMPP server in the guise of a component (XEP-0114): writes bytes as they are, keeps every stanza that comes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from .inbox import TIMEOUT, Inbox
from .xmpp import Stanza, XmppError

NAMESPACE = "jabber:component:accept"


class ComponentClient:
    """Nothing that is written is checked. A stream that the server ends is `closed`; connect another."""

    def __init__(self, domain: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.domain = domain
        self.stanzas: Inbox[Stanza] = Inbox(domain, str)
        self.closed = asyncio.Event()
        self._reader = reader
        self._writer = writer
        self._parser = ET.XMLPullParser(("start", "end"))
        self._depth = 0
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, host: str, port: int, domain: str, secret: str) -> ComponentClient:
        self = cls(domain, *await asyncio.open_connection(host, port))
        self.send(f"<stream:stream xmlns='{NAMESPACE}' xmlns:stream='http://etherx.jabber.org/streams' to='{domain}'>")
        header = await asyncio.wait_for(self._next(), TIMEOUT)
        proof = hashlib.sha1((header.attrib["id"] + secret).encode()).hexdigest()
        self.send(f"<handshake>{proof}</handshake>")
        answer = await asyncio.wait_for(self._next(), TIMEOUT)
        if answer.tag != f"{{{NAMESPACE}}}handshake":
            raise XmppError(f"{domain}: {ET.tostring(answer, encoding='unicode')}")
        self._task = asyncio.create_task(self._receive())
        return self

    def send(self, xml: str | bytes) -> None:
        self._writer.write(xml if isinstance(xml, bytes) else xml.encode("utf-8", "surrogatepass"))

    async def wait_for(self, predicate: Callable[[Stanza], bool], timeout: float = TIMEOUT, **more: Any) -> Stanza:
        return await self.stanzas.wait_for(predicate, timeout, **more)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()

    async def __aenter__(self) -> ComponentClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _receive(self) -> None:
        try:
            while True:
                element = await self._next()
                if element.tag.endswith("}error"):
                    break
                # As a client would see it: one namespace for all stanzas.
                for part in element.iter():
                    part.tag = part.tag.replace(f"{{{NAMESPACE}}}", "{jabber:client}")
                self.stanzas.add(Stanza.read(element))
        except (XmppError, OSError, ET.ParseError):
            pass
        self.closed.set()

    async def _next(self) -> ET.Element:
        """The stream's header, then whole elements."""
        while True:
            for event, element in self._parser.read_events():
                self._depth += 1 if event == "start" else -1
                if event == "start" and self._depth == 1:
                    return element
                if event == "end" and self._depth == 1:
                    return element
                if event == "end" and self._depth == 0:
                    raise XmppError(f"{self.domain}: the server closed the stream")
            data = await self._reader.read(65536)
            if not data:
                raise XmppError(f"{self.domain}: the server closed the connection")
            self._parser.feed(data)
