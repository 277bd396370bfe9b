# SPDX-License-Identifier: EUPL-1.2
"""A mail program: Thunderbird, Outlook, Gmail."""

from __future__ import annotations

from typing import Any

from clients import MailClient
from clients.mail import Mail
from fidelity import formatting
from fidelity.client import CARD, PNG, Client
from fidelity.features import Feature, Outcome
from fidelity.formatting import Kind, html_of, letter, squeezed
from talkers import OnMail, said


class MailSide(Client):
    kind = "mail program"

    def __init__(self, client: MailClient) -> None:
        self.client = client
        self.talker = OnMail(client)

    @property
    def ghost(self) -> str:
        return self.talker.ghost_of(self.other.talker)

    async def remember(self, mine: str, theirs: str) -> None:
        self.mine = self.sent
        self.theirs = str((await self.client.wait_text(theirs)).header("Message-ID"))

    async def say(self, text: str) -> None:
        self.sent = str(await self.client.send(self.client.compose(self.ghost, text)))

    async def look(self) -> None:
        await self.client.fetch()

    def mark(self) -> int:
        return self.client.mails.mark()

    async def do_text(self, word: str) -> None:
        await self.say(word)

    async def do_reply(self, word: str) -> None:
        mail = self.client.compose(self.ghost, word, In_Reply_To=self.theirs, References=self.theirs)
        await self.client.send(mail)

    async def do_thread(self, word: str) -> bool:
        begun = f"begun-{word}"
        if not await self.other.begins_thread(begun):
            return False
        heard = await self.client.wait_text(begun)
        name = str(heard.header("Message-ID"))
        mail = self.client.compose(self.ghost, word, In_Reply_To=name, References=f"{heard.header('References')} {name}")
        await self.client.send(mail)
        return True

    async def do_card(self, word: str) -> None:
        await self.attach("", f"{word}.vcf", "text", "vcard", CARD)

    async def attach(self, text: str, name: str, maintype: str, subtype: str, data: bytes = PNG) -> None:
        mail = self.client.compose(self.ghost, text)
        mail.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
        await self.client.send(mail)

    async def do_language(self, word: str) -> None:
        mail = self.client.compose(self.ghost, word)
        mail["Content-Language"] = "fr"
        await self.client.send(mail)

    async def do_name(self, word: str) -> None:
        mail = self.client.compose(self.ghost, word)
        del mail["From"]
        mail["From"] = f"{word} <{self.client.address}>"
        await self.client.send(mail)

    async def do_image(self, word: str) -> None:
        await self.attach("", f"{word}.png", "image", "png")

    async def do_caption(self, word: str) -> None:
        await self.attach(word, "cat.png", "image", "png")

    async def do_file(self, word: str) -> None:
        await self.attach("", f"{word}.bin", "application", "octet-stream")

    async def formats(self, kind: Kind) -> bool:
        await self.client.send(letter(self.client, self.ghost, kind.plain, kind.html))
        return True

    async def do_mention(self, word: str) -> None:
        link = f'<a class="mention" href="mailto:{self.ghost}">{word}</a>'
        await self.client.send(letter(self.client, self.ghost, word, f"<p>{link}</p>"))

    def shown(self, feature: Feature, word: str, since: Any) -> Outcome | None:
        outcome = None
        for mail in self.client.mails.items[since:]:
            if f"<{self.ghost}>" not in (mail.header("From") or ""):
                continue
            if self.is_native(feature.key, mail, word):
                return Outcome.NATIVE
            if feature.key == "voice" and any(mail.message.iter_attachments()):
                return Outcome.FILE
            if word in mail.text or (feature.key == "reaction" and "🎉" in mail.text):
                outcome = Outcome.TEXT
        return outcome

    def is_native(self, key: str, mail: Mail, word: str) -> bool:
        if (formatted := formatting.kind(key)) is not None:
            return squeezed(formatted.saying(word).html) in squeezed(html_of(mail))
        names = [part.get_filename() for part in mail.message.iter_attachments()]
        match key:
            case "text":
                return said(mail.text) == word
            case "mention":
                return f'class="mention" href="mailto:{self.client.address}">{word}</a>' in html_of(mail)
            case "reply":
                return word in mail.text and mail.header("In-Reply-To") == self.mine
            case "language":
                return said(mail.text) == word and mail.header("Content-Language") == "fr"
            case "name":
                return [address.display_name for address in mail.message["From"].addresses] == [word]
            case "thread":
                return word in mail.text and mail.header("In-Reply-To") == self.mine and "<thread." in str(mail.header("References"))
            case "image":
                return len(names) == 1 and mail.message.get_content_type() == "multipart/mixed"
            case "caption":
                return len(names) == 1 and word in mail.text
            case "card":
                return [part.get_content_type() for part in mail.message.iter_attachments()] == ["text/vcard"]
            case "file":
                return names == [f"{word}.bin"]
        return False
