# SPDX-License-Identifier: EUPL-1.2
"""One person on any network, reduced to what the six directions need: say something to somebody, hear what he said."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from clients import MailClient, MatrixClient, XmppClient
from ghosts import on_mail, on_matrix, on_xmpp


@dataclass
class Talker(ABC):
    """`address` is his own; `network` its name."""

    network: str
    address: str

    @abstractmethod
    async def say(self, to: Talker, text: str) -> None:
        """Says something to the ghost of another talker, as if typed by hand."""

    @abstractmethod
    async def hear(self, sender: Talker, text: str, timeout: float = 30) -> None:
        """Waits until exactly this text has arrived from the ghost of another talker."""

    @abstractmethod
    async def heard(self, sender: Talker) -> list[str]:
        """All texts that have arrived from the ghost of another talker, in order."""

    def ghost_of(self, other: Talker) -> str:
        """How the other one is written here."""
        if self.network == "matrix":
            return on_matrix(other.address, other.network)
        return on_xmpp(other.address) if self.network == "xmpp" else on_mail(other.address)


class OnMatrix(Talker):
    """Speaks in the direct room with the ghost; opens one if there is none. Invitations are accepted by the client."""

    def __init__(self, client: MatrixClient) -> None:
        super().__init__("matrix", client.user_id)
        self.client = client

    async def room_with(self, ghost: str) -> str:
        for room in await self.client.rooms():
            if (await self.client.members(room)).get(ghost) in ("join", "invite"):
                return room
        return await self.client.create_dm(ghost)

    async def say(self, to: Talker, text: str) -> None:
        room = await self.room_with(self.ghost_of(to))
        await self.client.send_text(room, text)

    async def hear(self, sender: Talker, text: str, timeout: float = 30) -> None:
        ghost = self.ghost_of(sender)
        await self.client.wait_for(
            lambda event: event.get("sender") == ghost and event.get("content", {}).get("body") == text,
            timeout,
            what=f"{text[:80]!r} from {ghost}",
        )

    async def heard(self, sender: Talker) -> list[str]:
        ghost = self.ghost_of(sender)
        mine = (e for e in self.client.events.items if e.get("sender") == ghost and e.get("type") == "m.room.message")
        return [event["content"].get("body", "") for event in mine]


class OnXmpp(Talker):
    def __init__(self, client: XmppClient) -> None:
        super().__init__("xmpp", client.jid)
        self.client = client

    async def say(self, to: Talker, text: str) -> None:
        self.client.send_message(self.ghost_of(to), text)

    async def hear(self, sender: Talker, text: str, timeout: float = 30) -> None:
        ghost = self.ghost_of(sender)
        await self.client.wait_for(
            lambda s: s.kind == "message" and s.type != "error" and s.body == text and s.sender.split("/")[0] == ghost,
            timeout,
            what=f"{text[:80]!r} from {ghost}",
        )

    async def heard(self, sender: Talker) -> list[str]:
        ghost = self.ghost_of(sender)
        stanzas = self.client.stanzas.items
        return [s.body for s in stanzas if s.kind == "message" and s.body and s.type != "error" and s.sender.split("/")[0] == ghost]


class OnMail(Talker):
    """Writes plain mail. What arrives may bear the gateway's footer in the first mail of a conversation."""

    def __init__(self, client: MailClient) -> None:
        super().__init__("mail", client.address)
        self.client = client

    async def say(self, to: Talker, text: str) -> None:
        await self.client.send_text(self.ghost_of(to), text)

    def _from(self, mail: object, ghost: str) -> bool:
        return f"<{ghost}>" in (mail.header("From") or "")  # type: ignore[attr-defined]

    async def hear(self, sender: Talker, text: str, timeout: float = 30) -> None:
        ghost = self.ghost_of(sender)
        await self.client.wait_for(
            lambda mail: self._from(mail, ghost) and said(mail.text) == text.rstrip("\n"),
            timeout,
            what=f"{text[:80]!r} from {ghost}",
        )

    async def heard(self, sender: Talker) -> list[str]:
        await self.client.fetch()
        ghost = self.ghost_of(sender)
        return [said(mail.text) for mail in self.client.mails.items if self._from(mail, ghost)]

    async def heard_by_id(self, sender: Talker) -> list[str]:
        """The same, in the order of the Message-IDs."""
        await self.client.fetch()
        ghost = self.ghost_of(sender)
        mine = [mail for mail in self.client.mails.items if self._from(mail, ghost)]
        return [said(mail.text) for mail in sorted(mine, key=lambda mail: mail.header("Message-ID") or "")]


def said(text: str) -> str:
    """What the person said: flowed lines joined, the signature left out (RFC 3676)."""
    lines: list[str] = []
    joining = False
    for line in text.split("\n"):
        if line == "-- ":
            break
        line = line.removeprefix(" ")
        lines[-1:] = [lines[-1] + line] if joining and lines else [*lines[-1:], line]
        joining = line.endswith(" ")
    return "\n".join(lines).rstrip("\n")
