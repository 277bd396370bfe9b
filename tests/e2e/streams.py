# SPDX-License-Identifier: EUPL-1.2
"""Streams of numbered messages between people on three networks, for drills: said as careful clients say them (an attempt that failed is
repeated under the same id), and heard as careful clients hear them (a repeat of the same id is one message)."""

from __future__ import annotations

import asyncio
import contextlib
import re
import smtplib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import aiohttp
from clients import MailClient, MatrixClient, XmppClient
from clients.matrix import MatrixError
from talkers import OnMail, OnMatrix, OnXmpp, Talker, said

RECEIPT = "{urn:xmpp:receipts}received"
TROUBLE = (MatrixError, aiohttp.ClientError, OSError, smtplib.SMTPException, TimeoutError)


@dataclass(frozen=True)
class Heard:
    """A message as it arrived: how its network names it, and its number."""

    id: str
    number: int


@dataclass
class End(ABC):
    """One person in a stream."""

    talker: Talker

    @abstractmethod
    async def say(self, to: End, text: str, id: str) -> None:
        """One attempt; raises when the person's own server did not take it."""

    @abstractmethod
    async def arrived(self, sender: End) -> list[tuple[str, str]]:
        """Ids and texts from the other one's ghost, in their order."""

    async def order(self, numbers: list[int], pattern: re.Pattern[str]) -> list[int]:
        """The order in which the gateway was given the messages that were said in the order of `numbers`."""
        return numbers

    async def told_of(self, pattern: re.Pattern[str]) -> set[int]:
        """Numbers of which the person was told that they did not arrive."""
        return set()

    async def unsure_of(self, name: str, wanted: set[int]) -> set[int]:
        """Numbers of which the person's client shows that they have not arrived (yet)."""
        return set()


@dataclass
class MatrixEnd(End):
    client: MatrixClient
    rooms: dict[str, str] = field(default_factory=dict)

    async def say(self, to: End, text: str, id: str) -> None:
        assert isinstance(self.talker, OnMatrix)
        ghost = self.talker.ghost_of(to.talker)
        if ghost not in self.rooms:
            self.rooms[ghost] = await self.talker.room_with(ghost)
        await self.client.send(self.rooms[ghost], {"msgtype": "m.text", "body": text}, txn=id)

    async def arrived(self, sender: End) -> list[tuple[str, str]]:
        ghost = self.talker.ghost_of(sender.talker)
        mine = [e for e in self.client.events.items if e.get("sender") == ghost and e.get("type") == "m.room.message"]
        return [(event["event_id"], event["content"].get("body", "")) for event in mine]


@dataclass
class XmppEnd(End):
    client: XmppClient

    async def say(self, to: End, text: str, id: str) -> None:
        if not self.client.online:
            raise OSError("no session")
        self.client.send_message(self.talker.ghost_of(to.talker), text, id=id, receipt=True)

    async def arrived(self, sender: End) -> list[tuple[str, str]]:
        ghost = self.talker.ghost_of(sender.talker)
        mine = [s for s in self.client.stanzas.items if s.kind == "message" and s.type != "error" and s.body]
        return [(s.id, s.body or "") for s in mine if s.sender.split("/")[0] == ghost]

    async def told_of(self, pattern: re.Pattern[str]) -> set[int]:
        errors = [s for s in self.client.stanzas.items if s.kind == "message" and s.type == "error"]
        return {int(match[1]) for s in errors if (match := pattern.match(s.body or "") or pattern.match(s.id.replace("-", " ")))}

    async def unsure_of(self, name: str, wanted: set[int]) -> set[int]:
        receipts = (s.find(RECEIPT) for s in self.client.stanzas.items if s.kind == "message")
        ids = {receipt.get("id") for receipt in receipts if receipt is not None}
        return {number for number in wanted if f"{name}-{number}" not in ids}


@dataclass
class MailEnd(End):
    """`bridge` reads the mailbox from which the gateway is served: mail servers deliver in parallel, so the order in which mails were
    submitted is not the order in which the gateway was given them."""

    client: MailClient
    bridge: MailClient

    async def say(self, to: End, text: str, id: str) -> None:
        mail = self.client.compose(self.talker.ghost_of(to.talker), text)
        del mail["Message-ID"]
        mail["Message-ID"] = f"<{id}@{self.client.address.partition('@')[2]}>"
        await self.client.send(mail)

    async def arrived(self, sender: End) -> list[tuple[str, str]]:
        """In the order of the Message-IDs, which grow with the time at which the gateway took the message over."""
        await self.client.fetch()
        ghost = self.talker.ghost_of(sender.talker)
        mine = [mail for mail in self.client.mails.items if f"<{ghost}>" in (mail.header("From") or "")]
        return sorted((mail.header("Message-ID") or "", said(mail.text)) for mail in mine)

    async def order(self, numbers: list[int], pattern: re.Pattern[str]) -> list[int]:
        await self.bridge.fetch()
        found = (pattern.match(mail.text) for mail in self.bridge.mails.items)
        return list(dict.fromkeys(int(match[1]) for match in found if match))


@dataclass
class Stream:
    """What one person says to another."""

    source: End
    target: End

    @property
    def name(self) -> str:
        return f"{self.source.talker.network}-{self.target.talker.network}"

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(rf"^{self.name.replace('-', ' ')} (\d+)$")

    async def run(self, messages: int) -> None:
        for number in range(messages):
            await self.say(number)
            await asyncio.sleep(0.02)

    async def say(self, number: int) -> None:
        text = f"{self.name.replace('-', ' ')} {number}"
        while True:
            with contextlib.suppress(*TROUBLE):
                return await self.source.say(self.target, text, f"{self.name}-{number}")
            await asyncio.sleep(0.3)

    async def heard(self) -> list[Heard]:
        found = ((id, self.pattern.match(text)) for id, text in await self.target.arrived(self.source))
        return [Heard(id, int(match[1])) for id, match in found if match]


def ends(matrix: MatrixClient, xmpp: XmppClient, mail: MailClient, bridge: MailClient) -> dict[str, End]:
    return {
        "matrix": MatrixEnd(OnMatrix(matrix), matrix),
        "xmpp": XmppEnd(OnXmpp(xmpp), xmpp),
        "mail": MailEnd(OnMail(mail), mail, bridge),
    }
