# SPDX-License-Identifier: EUPL-1.2
"""Two people who write to each other, one on XMPP and one with a mail program: what the tests of mail are about."""

from __future__ import annotations

from dataclasses import dataclass

from clients import MailClient
from clients.mail import Mail
from ghosts import on_mail, on_xmpp
from talkers import OnXmpp


@dataclass
class Pair:
    """Bob on XMPP, Carol with a mail program, and how they see each other."""

    bob: OnXmpp
    carol: MailClient

    @property
    def bob_for_carol(self) -> str:
        return on_mail(self.bob.address)

    @property
    def carol_for_bob(self) -> str:
        return on_xmpp(self.carol.address)

    async def bob_hears(self, text: str, timeout: float = 30) -> None:
        await self.bob.client.wait_for(
            lambda s: s.kind == "message" and s.type != "error" and s.body == text and s.sender.split("/")[0] == self.carol_for_bob,
            timeout,
            what=f"{text!r} from {self.carol_for_bob}",
        )

    def bob_heard(self) -> list[str | None]:
        stanzas = self.bob.client.stanzas.items
        return [s.body for s in stanzas if s.kind == "message" and s.body and s.sender.split("/")[0] == self.carol_for_bob]

    async def bob_hears_nothing_but(self, text: str) -> None:
        """What was sent before a message that arrives, and has not arrived with it, will not arrive."""
        await self.carol.send_text(self.bob_for_carol, text)
        await self.bob_hears(text)
        assert self.bob_heard() == [text]


def is_report(mail: Mail) -> bool:
    """A delivery status notification."""
    return mail.message.get_content_type() == "multipart/report"
