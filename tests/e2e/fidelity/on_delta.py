# SPDX-License-Identifier: EUPL-1.2
"""Delta Chat as people install it: everything is encrypted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fidelity.client import CARD, OGG, PNG, Client
from fidelity.features import Feature, Outcome
from servers.gateway import Gateway
from test_delta import OnDelta


class DeltaSide(Client):
    kind = "Delta Chat"

    def __init__(self, talker: OnDelta, gateway: Gateway, directory: Path) -> None:
        self.talker: OnDelta = talker
        self.client = talker.client
        self.gateway = gateway
        self.directory = directory
        self.state: dict[str, Any] = {}

    async def meet(self, other: Client) -> None:
        self.chat = await self.talker.join(self.gateway, other.talker)
        await super().meet(other)

    async def remember(self, mine: str, theirs: str) -> None:
        shown = await self.client.chat_messages(self.chat)
        self.mine = next(m["id"] for m in shown if m["text"] == mine)
        self.theirs = next(m["id"] for m in shown if m["text"] == theirs)
        self.contact = (await self.client.message(self.theirs))["sender"]["id"]

    async def rpc(self, method: str, *params: Any) -> Any:
        return await self.client.rpc(method, self.client.account, *params)

    def mark(self) -> int:
        return self.client.messages.mark()

    async def do_text(self, word: str) -> None:
        await self.client.send_text(self.chat, word)

    async def do_reply(self, word: str) -> None:
        await self.client.send(self.chat, text=word, quotedMessageId=self.theirs)

    async def do_edit(self, word: str) -> None:
        await self.rpc("send_edit_request", self.mine, word)

    do_edit_again = do_edit

    async def do_reaction(self, word: str) -> None:
        await self.rpc("send_reaction", self.theirs, ["🎉"])

    async def do_reaction_gone(self, word: str) -> None:
        await self.rpc("send_reaction", self.theirs, [])

    async def do_retraction(self, word: str) -> None:
        await self.rpc("delete_messages_for_all", [self.mine])

    async def do_read(self, word: str) -> None:
        await self.rpc("markseen_msgs", [self.theirs])

    async def do_place(self, word: str) -> None:
        await self.client.send(self.chat, text=word, location=[53.07516, 8.80777])

    async def do_card(self, word: str) -> None:
        await self.file(f"{word}.vcf", "Vcard", data=CARD)

    async def file(self, name: str, viewtype: str, text: str = "", data: bytes = PNG) -> None:
        path = self.directory / name
        path.write_bytes(data)
        await self.client.send(self.chat, text=text, file=str(path), filename=name, viewtype=viewtype)

    async def do_image(self, word: str) -> None:
        await self.file(f"{word}.png", "Image")

    async def do_caption(self, word: str) -> None:
        await self.file("cat.png", "Image", word)

    async def do_file(self, word: str) -> None:
        await self.file(f"{word}.bin", "File")

    async def do_voice(self, word: str) -> None:
        await self.file(f"{word}.ogg", "Voice", data=OGG)

    async def do_timer(self, word: str) -> None:
        await self.rpc("set_chat_ephemeral_timer", self.chat, 3600)
        await self.client.send_text(self.chat, word)

    async def do_name(self, word: str) -> None:
        await self.rpc("set_config", "displayname", word)
        await self.client.send_text(self.chat, word)

    async def do_picture(self, word: str) -> None:
        path = self.directory / f"{word}.png"
        path.write_bytes(PNG)
        await self.rpc("set_config", "selfavatar", str(path))
        await self.client.send_text(self.chat, word)

    async def shows_picture(self) -> bool:
        return bool((await self.client.contact(self.contact))["profileImage"])

    async def look(self) -> None:
        """What is not an incoming message is asked for: how the two hellos look now."""
        mine = await self.rpc("get_message_reactions", self.mine)
        exists = await self.rpc("get_existing_msg_ids", [self.mine, self.theirs])
        self.state = {
            "reactions": [one["emoji"] for one in mine["reactions"]] if mine else [],
            "theirs": await self.client.message(self.theirs) if self.theirs in exists else None,
            "mine": await self.client.message(self.mine),
            "timer": await self.rpc("get_chat_ephemeral_timer", self.chat),
            "pictured": await self.shows_picture(),
        }

    def shown(self, feature: Feature, word: str, since: Any) -> Outcome | None:
        theirs, reactions = self.state["theirs"], self.state["reactions"]
        match feature.key:
            case "edit" | "edit_again" if theirs and theirs["text"] == word and theirs["isEdited"]:
                return Outcome.NATIVE
            case "reaction" if reactions == ["🎉"]:
                return Outcome.NATIVE
            case "reaction_gone" if not reactions:
                return Outcome.NATIVE
            case "timer" if self.state["timer"] == 3600 and any(m["text"] == word for m in self.client.messages.items[since:]):
                return Outcome.NATIVE
            case "picture" if self.state["pictured"]:
                return Outcome.NATIVE
            case "retraction" if theirs is None:
                return Outcome.NATIVE
            case "read" if self.state["mine"]["state"] == 28:
                return Outcome.NATIVE
        outcome = None
        for message in self.client.messages.items[since:]:
            text = message["text"]
            match feature.key:
                case "text" if text == word:
                    return Outcome.NATIVE
                case "reply" if text == word and (message["quote"] or {}).get("messageId") == self.mine:
                    return Outcome.NATIVE
                case "image" if message["viewType"] == "Image":
                    return Outcome.NATIVE
                case "caption" if message["viewType"] == "Image" and text == word:
                    return Outcome.NATIVE
                case "file" if message["viewType"] == "File" and message["fileName"] == f"{word}.bin":
                    return Outcome.NATIVE
                case "length" if message["duration"] == 1500 and word in (message["fileName"] or ""):
                    return Outcome.NATIVE
                case "name" if message["sender"]["displayName"].startswith(word):
                    return Outcome.NATIVE
                case "place" if message["hasLocation"]:
                    return Outcome.NATIVE
                case "card" if message["viewType"] == "Vcard":
                    return Outcome.NATIVE
                case "voice" if message["viewType"] == "Voice":
                    return Outcome.NATIVE
            if word in text or (feature.key == "reaction" and "🎉" in text):
                outcome = Outcome.TEXT
        return outcome
