# SPDX-License-Identifier: EUPL-1.2
"""An XMPP user on slixmpp: connects to any server and port, keeps every stanza, sends anything."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout

from .inbox import TIMEOUT, Inbox

DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"


class XmppError(AssertionError):
    """Not connected, not allowed, no answer."""


@dataclass(frozen=True)
class Stanza:
    """A received stanza; `find` takes ElementTree paths with `{namespace}name`."""

    kind: str
    type: str
    id: str
    sender: str
    to: str
    body: str | None
    xml: ET.Element

    @classmethod
    def read(cls, xml: ET.Element) -> Stanza:
        body = next((child.text or "" for child in xml if child.tag == "{jabber:client}body"), None)
        kind = xml.tag.rpartition("}")[2]
        get = xml.attrib.get
        return cls(kind, get("type", ""), get("id", ""), get("from", ""), get("to", ""), body, xml)

    def find(self, path: str) -> ET.Element | None:
        return self.xml.find(path)

    def has(self, path: str) -> bool:
        return self.xml.find(path) is not None

    def __str__(self) -> str:
        return ET.tostring(self.xml, encoding="unicode")


class XmppClient:
    """`stanzas` holds messages, presences and iqs of others in the order of their arrival."""

    def __init__(self, jid: str, password: str, *, plugins: tuple[str, ...] = ("xep_0030", "xep_0199")) -> None:
        allowed = {"unencrypted_plain": True, "unencrypted_scram": True}
        self.client = slixmpp.ClientXMPP(jid, password, plugin_config={"feature_mechanisms": allowed})
        for plugin in plugins:
            self.client.register_plugin(plugin)
        self.client.roster.auto_authorize = None
        self.client.roster.auto_subscribe = False
        self.client.enable_plaintext = True
        self.client.enable_starttls = False
        self.client.enable_direct_tls = False
        self.online = self.staying = False
        self.stanzas: Inbox[Stanza] = Inbox(jid, str)
        self.client.add_filter("in", self._record)

    @classmethod
    async def connect(
        cls,
        jid: str,
        password: str,
        host: str,
        port: int,
        *,
        resource: str = "test",
        presence: bool = True,
        stay: bool = False,
        **more: Any,
    ) -> XmppClient:
        """A client with a session. Another `resource` makes a second client of the same user. `stay`: it connects again when
        the server goes and comes back, as clients of people do."""
        self = cls(f"{jid}/{resource}", password, **more)
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def settle(word: str) -> Callable[[object], None]:
            return (
                lambda reason: None
                if outcome.done()
                else outcome.set_result("" if word == "ok" else f"{word}: {reason}")
            )

        self.client.add_event_handler("session_start", settle("ok"))
        self.client.add_event_handler("failed_all_auth", settle("login refused"))
        self.client.add_event_handler("connection_failed", settle("no connection"))
        self.client.connect(host, port)
        try:
            trouble = await asyncio.wait_for(outcome, TIMEOUT)
        except TimeoutError:
            trouble = f"no session after {TIMEOUT:g} s"
        if trouble:
            self.client.cancel_connection_attempt()
            self.client.abort()
            raise XmppError(f"{jid} at {host}:{port}: {trouble}")
        if presence:
            await self.client.get_roster()  # without it a server sends no roster pushes and no unsubscriptions
            self.client.send_presence()
        if stay:
            self._stay(host, port)
        return self

    def _stay(self, host: str, port: int) -> None:
        self.staying = self.online = True

        def gone(_: object) -> None:
            self.online = False
            if self.staying:
                self.client.connect(host, port)

        def back(_: object) -> None:
            self.client.send_presence()
            self.online = True

        self.client.add_event_handler("disconnected", gone)
        self.client.add_event_handler("session_start", back)

    async def close(self) -> None:
        self.staying = False
        await self.client.disconnect(wait=2.0)

    async def __aenter__(self) -> XmppClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def jid(self) -> str:
        return str(self.client.boundjid.bare)

    @property
    def full_jid(self) -> str:
        return str(self.client.boundjid.full)

    async def wait_for(self, predicate: Callable[[Stanza], bool], timeout: float = TIMEOUT, **more: Any) -> Stanza:
        return await self.stanzas.wait_for(predicate, timeout, **more)

    async def wait_message(self, text: str, timeout: float = TIMEOUT, **more: Any) -> Stanza:
        """A message with exactly this body, from anybody."""
        return await self.wait_for(
            lambda s: s.kind == "message" and s.body == text, timeout, what=f"a message {text!r}", **more
        )

    def send_raw(self, stanza: str) -> None:
        """Sends text as it is; nothing is checked."""
        self.client.send_raw(stanza)

    def send_message(
        self,
        to: str,
        body: str,
        *,
        type: str = "chat",
        id: str | None = None,
        receipt: bool = False,
        delay: str | None = None,
        extra: str = "",
    ) -> str:
        """Sends a message and returns its id. `delay`: an XEP-0203 stamp. `extra`: further XML inside."""
        id = id or uuid.uuid4().hex
        if receipt:
            extra += "<request xmlns='urn:xmpp:receipts'/>"
        if delay:
            extra += f"<delay xmlns='urn:xmpp:delay' stamp={quoteattr(delay)}/>"
        head = f"<message to={quoteattr(to)} type={quoteattr(type)} id={quoteattr(id)}>"
        self.send_raw(f"{head}<body>{escape(body)}</body>{extra}</message>")
        return id

    def send_presence(self, to: str | None = None, type: str | None = None, extra: str = "") -> None:
        attributes = "".join(f" {k}={quoteattr(v)}" for k, v in (("to", to), ("type", type)) if v)
        self.send_raw(f"<presence{attributes}>{extra}</presence>")

    def subscribe(self, to: str) -> None:
        self.send_presence(to, "subscribe")

    def unsubscribe(self, to: str) -> None:
        self.send_presence(to, "unsubscribe")

    async def join_room(self, room: str, nick: str, history: int = 0, timeout: float = TIMEOUT) -> Stanza:
        """Enters a room and returns the own presence (status 110), or the error."""
        mark = self.stanzas.mark()
        muc = f"<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='{history}'/></x>"
        self.send_presence(f"{room}/{nick}", extra=muc)
        own = "{http://jabber.org/protocol/muc#user}x/{http://jabber.org/protocol/muc#user}status[@code='110']"
        return await self.wait_for(
            lambda s: s.kind == "presence" and s.sender.startswith(room) and (s.type == "error" or s.has(own)),
            timeout,
            since=mark,
            what=f"own presence in {room}",
        )

    def send_groupchat(self, room: str, body: str, **more: Any) -> str:
        return self.send_message(room, body, type="groupchat", **more)

    async def iq(self, to: str | None, payload: str, type: str = "get", timeout: float = TIMEOUT) -> Stanza:
        """Sends a request and returns the answer, which may be of type `error`."""
        iq = self.client.make_iq(ito=to, itype=type)
        iq.set_payload(ET.fromstring(payload))
        try:
            return Stanza.read((await iq.send(timeout=timeout)).xml)
        except IqError as error:
            return Stanza.read(error.iq.xml)
        except IqTimeout:
            raise XmppError(f"{self.full_jid}: {to} does not answer {payload} within {timeout:g} s") from None

    async def ping(self, to: str | None = None) -> Stanza:
        return await self.iq(to, "<ping xmlns='urn:xmpp:ping'/>")

    async def disco_info(self, to: str, node: str | None = None) -> tuple[list[dict[str, str]], set[str]]:
        """Identities and features."""
        answer = await self.iq(to, f"<query xmlns='{DISCO_INFO}'{f' node={quoteattr(node)}' if node else ''}/>")
        found = [
            (child.tag.rpartition("}")[2], child.attrib) for child in answer.xml.iterfind(f"{{{DISCO_INFO}}}query/*")
        ]
        identities = [dict(attributes) for name, attributes in found if name == "identity"]
        return identities, {attributes["var"] for name, attributes in found if name == "feature"}

    async def disco_items(self, to: str) -> list[str]:
        answer = await self.iq(to, f"<query xmlns='{DISCO_ITEMS}'/>")
        return [item.attrib["jid"] for item in answer.xml.iterfind(f"{{{DISCO_ITEMS}}}query/{{{DISCO_ITEMS}}}item")]

    async def vcard(self, to: str) -> Stanza:
        return await self.iq(to, "<vCard xmlns='vcard-temp'/>")

    async def gateway_prompt(self, to: str, prompt: str | None = None) -> Stanza:
        """jabber:iq:gateway: the question, or the address that belongs to what a person typed."""
        if prompt is None:
            return await self.iq(to, "<query xmlns='jabber:iq:gateway'/>")
        return await self.iq(to, f"<query xmlns='jabber:iq:gateway'><prompt>{escape(prompt)}</prompt></query>", "set")

    def _record(self, stanza: Any) -> Any:
        if isinstance(stanza, slixmpp.stanza.rootstanza.RootStanza):
            self.stanzas.add(Stanza.read(stanza.xml))
        return stanza
