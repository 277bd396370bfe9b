# SPDX-License-Identifier: EUPL-1.2
"""A client as the table of fidelity needs it: it does a thing, and says how a thing that the other one did is shown to it."""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from typing import Any

from fidelity import formatting
from fidelity.features import Feature, Outcome
from fidelity.formatting import Kind
from talkers import Talker

# The colours of a picture, and its size.
BLURHASH = "LEHV6nWB2yk8pyo0adR*.7kCMdnj"
SIZE = (3, 2)
# One red point.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
# The head of an Ogg file, which is all that anybody looks at.
OGG = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
# A contact as programs hand it on.
CARD = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Dora\r\nEMAIL:dora@mail.example\r\nEND:VCARD\r\n"
# How long something may be late that is sent before a message, and arrives after it: mail servers deliver side by side.
LATE = 3.0

# How long it takes at most until a change of a picture is shown.
FOLLOWED = 90


class Client(ABC):
    """One of two people who talk. What he does bears a `word`, by which it is found at the other one's."""

    kind: str
    talker: Talker
    other: Client

    async def meet(self, other: Client) -> None:
        """Both have said hello to each other."""
        self.other, other.other = other, self
        await self.say(f"hello from {self.kind}")
        await other.hear(f"hello from {self.kind}")
        await other.say(f"hello from {other.kind}")
        await self.hear(f"hello from {other.kind}")
        for one in (self, other):
            await one.remember(f"hello from {one.kind}", f"hello from {one.other.kind}")

    @abstractmethod
    async def remember(self, mine: str, theirs: str) -> None:
        """Notes how the two hellos are named here."""

    async def say(self, text: str) -> None:
        await self.talker.say(self.other.talker, text)

    async def hear(self, text: str) -> None:
        await self.talker.hear(self.other.talker, text)

    async def does(self, feature: Feature, word: str) -> bool:
        """Does it to the hello of the other one (or to the own, what is done to own messages). `False`: this client has no such thing."""
        kind = formatting.kind(feature.key)
        if kind is not None:
            return await self.formats(kind.saying(word))
        act = getattr(self, f"do_{feature.key}", None)
        if act is None:
            return False
        return await act(word) is not False

    async def begins_thread(self, word: str) -> bool:
        """Says something in a thread of its own beside the conversation. `False`: this client only answers in such threads."""
        return False

    async def shows_picture(self) -> bool:
        """Is a picture of the other one shown here?"""
        return False

    async def speaks_until_pictured(self, word: str) -> None:
        """Where pictures come with messages, they come with one of the next. Changes are followed once a minute."""
        end = asyncio.get_running_loop().time() + FOLLOWED
        for number in itertools.count():
            await self.say(f"{word} {number}")
            await self.other.hear(f"{word} {number}")
            if self.other.kind != "Delta Chat" or await self.other.shows_picture() or asyncio.get_running_loop().time() > end:
                return
            await asyncio.sleep(2)

    async def formats(self, kind: Kind) -> bool:
        """Says something formatted. `False`: this client has no form for that."""
        return False

    @abstractmethod
    def shown(self, feature: Feature, word: str, since: Any) -> Outcome | None:
        """How it is shown, among what arrived since the mark; nothing: not at all, so far."""

    @abstractmethod
    def mark(self) -> int: ...

    async def look(self) -> None:
        """Fetches what has arrived, where that does not happen by itself."""

    async def sees(self, feature: Feature, word: str, since: int) -> Outcome:
        """After a later message has arrived: how the feature is shown."""
        patience = FOLLOWED if feature.key == "picture" else 20
        end = asyncio.get_running_loop().time() + (LATE if feature.form(self.kind) == "" else patience)
        while True:
            await self.look()
            outcome = self.shown(feature, word, since)
            if feature.beside and outcome is not Outcome.NATIVE:
                outcome = None
            if outcome is not None:
                return outcome
            if asyncio.get_running_loop().time() > end:
                return Outcome.IMPOSSIBLE
            await asyncio.sleep(0.05)

