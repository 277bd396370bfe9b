# SPDX-License-Identifier: EUPL-1.2
"""Matrix: what Element sends and shows."""

from __future__ import annotations

from typing import Any

from clients import MatrixClient
from clients.matrix import Event
from fidelity import formatting
from fidelity.client import BLURHASH, CARD, OGG, PNG, SIZE, Client
from fidelity.features import Feature, Outcome
from fidelity.files import upload_to_matrix
from fidelity.formatting import Kind, matrix_content, squeezed
from talkers import OnMatrix
from test_profiles import set_profile


class MatrixSide(Client):
    kind = "Matrix"

    def __init__(self, client: MatrixClient) -> None:
        self.client = client
        self.talker = OnMatrix(client)
        self.reaction = ""

    async def remember(self, mine: str, theirs: str) -> None:
        ghost = self.talker.ghost_of(self.other.talker)
        self.room = await self.talker.room_with(ghost)
        self.mine = str((await self.client.wait_message(mine))["event_id"])
        self.theirs = str((await self.client.wait_message(theirs))["event_id"])

    def mark(self) -> int:
        return self.client.events.mark()

    async def send(self, relates: Any = None, kind: str = "m.room.message", **content: Any) -> str:
        return await self.client.send(self.room, content | ({"m.relates_to": relates} if relates else {}), kind)

    async def do_text(self, word: str) -> None:
        await self.send(msgtype="m.text", body=word)

    async def do_emote(self, word: str) -> None:
        await self.send(msgtype="m.emote", body=word)

    async def do_notice(self, word: str) -> None:
        await self.send(msgtype="m.notice", body=word)

    async def do_reply(self, word: str) -> None:
        await self.send({"m.in_reply_to": {"event_id": self.theirs}}, msgtype="m.text", body=word)

    async def do_thread(self, word: str) -> None:
        fallback = {"is_falling_back": True, "m.in_reply_to": {"event_id": self.theirs}}
        await self.send({"rel_type": "m.thread", "event_id": self.theirs} | fallback, msgtype="m.text", body=word)

    async def begins_thread(self, word: str) -> bool:
        await self.do_thread(word)
        return True

    async def do_edit(self, word: str) -> None:
        new = {"msgtype": "m.text", "body": word}
        await self.send({"rel_type": "m.replace", "event_id": self.mine}, msgtype="m.text", body=f"* {word}", **{"m.new_content": new})

    do_edit_again = do_edit

    async def do_reaction(self, word: str) -> None:
        self.reaction = await self.send({"rel_type": "m.annotation", "event_id": self.theirs, "key": "🎉"}, "m.reaction")

    async def do_reaction_gone(self, word: str) -> None:
        await self.client.redact(self.room, self.reaction)

    async def do_retraction(self, word: str) -> None:
        await self.client.redact(self.room, self.mine)

    async def do_read(self, word: str) -> None:
        await self.client.api("POST", f"/_matrix/client/v3/rooms/{self.room}/receipt/m.read/{self.theirs}", {})

    async def do_place(self, word: str) -> None:
        uri = "geo:53.07516,8.80777;u=35"
        shown = {"uri": uri, "description": word}
        await self.send(msgtype="m.location", body=f"Location {uri}", geo_uri=uri, **{"org.matrix.msc3488.location": shown})

    async def do_poll(self, word: str) -> None:
        answers = [{"id": text, "org.matrix.msc1767.text": text} for text in ("soup", "bread")]
        start = {"question": {"org.matrix.msc1767.text": word}, "max_selections": 1, "answers": answers}
        start["kind"] = "org.matrix.msc3381.poll.disclosed"
        poll = {"org.matrix.msc1767.text": word, "org.matrix.msc3381.poll.start": start}
        await self.send(None, "org.matrix.msc3381.poll.start", **poll)

    async def do_card(self, word: str) -> None:
        await self.file("m.file", f"{word}.vcf", "text/vcard", f"{word}.vcf", data=CARD)

    async def do_typing(self, word: str) -> None:
        path = f"/_matrix/client/v3/rooms/{self.room}/typing/{self.client.user_id}"
        await self.client.api("PUT", path, {"typing": True, "timeout": 30000})

    async def file(self, msgtype: str, name: str, kind: str, body: str, data: bytes = PNG, known: Any = None, **more: Any) -> None:
        url = await upload_to_matrix(self.client, data, name, kind)
        info = {"mimetype": kind, "size": len(data)} | (known or {})
        await self.send(msgtype=msgtype, body=body, filename=name, url=url, info=info, **more)

    async def do_image(self, word: str) -> None:
        await self.file("m.image", f"{word}.png", "image/png", f"{word}.png")

    async def do_size(self, word: str) -> None:
        await self.file("m.image", f"{word}.png", "image/png", f"{word}.png", known={"w": SIZE[0], "h": SIZE[1]})

    async def do_colours(self, word: str) -> None:
        await self.file("m.image", f"{word}.png", "image/png", f"{word}.png", known={"xyz.amorgan.blurhash": BLURHASH})

    async def do_length(self, word: str) -> None:
        voice = {"org.matrix.msc3245.voice": {}}
        await self.file("m.audio", f"{word}.ogg", "audio/ogg", f"{word}.ogg", OGG, {"duration": 1500}, **voice)

    async def do_name(self, word: str) -> None:
        await set_profile(self.client, "displayname", word)
        # The homeserver tells the rooms in its own time.
        await self.client.wait_for(
            lambda e: e.get("type") == "m.room.member" and e.get("content", {}).get("displayname") == word, what="the new name"
        )

    async def do_picture(self, word: str) -> None:
        await set_profile(self.client, "avatar_url", await upload_to_matrix(self.client, PNG, "face.png", "image/png"))
        await self.speaks_until_pictured(word)

    async def do_caption(self, word: str) -> None:
        await self.file("m.image", "cat.png", "image/png", word)

    async def do_file(self, word: str) -> None:
        await self.file("m.file", f"{word}.bin", "application/octet-stream", f"{word}.bin")

    async def do_voice(self, word: str) -> None:
        await self.file("m.audio", f"{word}.ogg", "audio/ogg", f"{word}.ogg", OGG, **{"org.matrix.msc3245.voice": {}})

    async def formats(self, kind: Kind) -> bool:
        await self.send(**matrix_content(kind))
        return True

    async def do_mention(self, word: str) -> None:
        ghost = self.talker.ghost_of(self.other.talker)
        pill = {"format": "org.matrix.custom.html", "formatted_body": f'<a href="https://matrix.to/#/{ghost}">{word}</a>'}
        await self.send(msgtype="m.text", body=word, **pill, **{"m.mentions": {"user_ids": [ghost]}})

    def shown(self, feature: Feature, word: str, since: Any) -> Outcome | None:
        ghost = self.talker.ghost_of(self.other.talker)
        outcome = None
        for event in self.client.events.items[since:]:
            receipt = event.get("type") in ("ReceiptEvent", "TypingNoticeEvent") and ghost in str(event)
            if (event.get("sender") == ghost or receipt) and self.is_native(feature.key, event, word):
                return Outcome.NATIVE
            text = str(event.get("content", {}).get("body", "")) if event.get("sender") == ghost else ""
            if word in text or (feature.key == "reaction" and "🎉" in text):
                outcome = Outcome.TEXT
        return outcome

    def is_native(self, key: str, event: Event, word: str) -> bool:
        content = event.get("content", {})
        body, kind, relates = content.get("body"), content.get("msgtype"), content.get("m.relates_to", {})
        if (formatted := formatting.kind(key)) is not None:
            return squeezed(content.get("formatted_body", "")) == squeezed(formatted.saying(word).html)
        redacts = event.get("redacts") or content.get("redacts") if event.get("type") == "m.room.redaction" else None
        info = content.get("info", {})
        replaced = relates.get("rel_type") == "m.replace" and relates.get("event_id") == self.theirs
        match key:
            case "text" | "emote" | "notice":
                return body == word and kind == f"m.{key}"
            case "mention":
                return body == word and content.get("m.mentions") == {"user_ids": [self.client.user_id]}
            case "reply":
                return body == word and relates.get("m.in_reply_to", {}).get("event_id") == self.mine
            case "thread":
                return body == word and relates.get("rel_type") == "m.thread" and relates.get("event_id") == self.theirs
            case "edit" | "edit_again":
                return replaced and content.get("m.new_content", {}).get("body") == word
            case "reaction":
                if relates == {"rel_type": "m.annotation", "event_id": self.mine, "key": "🎉"}:
                    self.reaction_seen = event["event_id"]
                    return True
                return False
            case "reaction_gone":
                return redacts is not None and redacts == getattr(self, "reaction_seen", None)
            case "retraction":
                return redacts == self.theirs
            case "place":
                return kind == "m.location"
            case "card":
                return kind == "m.file" and content.get("info", {}).get("mimetype") == "text/vcard"
            case "typing":
                return event.get("type") == "TypingNoticeEvent"
            case "read":
                return event.get("type") == "ReceiptEvent" and self.mine in str(event)
            case "size":
                return word in str(body) and (info.get("w"), info.get("h")) == SIZE
            case "colours":
                return word in str(body) and info.get("xyz.amorgan.blurhash") == BLURHASH
            case "length":
                return word in str(body) and info.get("duration") == 1500
            case "name":
                return event.get("type") == "m.room.member" and content.get("displayname") == word
            case "picture":
                return event.get("type") == "m.room.member" and bool(content.get("avatar_url"))
            case "image":
                return kind == "m.image"
            case "caption":
                return kind == "m.image" and body == word and "filename" in content
            case "file":
                return kind == "m.file" and content.get("filename", body) == f"{word}.bin"
            case "voice":
                return kind == "m.audio" and "org.matrix.msc3245.voice" in content
        return False
