# SPDX-License-Identifier: EUPL-1.2
"""XMPP: what Conversations and Gajim send and show."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import quote, unquote

from clients import XmppClient
from clients.xmpp import Stanza
from fidelity import formatting
from fidelity.client import BLURHASH, CARD, OGG, PNG, SIZE, Client
from fidelity.features import Feature, Outcome
from fidelity.files import upload_to_xmpp
from fidelity.formatting import REFERENCE, UNSTYLED, Kind
from talkers import OnXmpp

REPLY = "{urn:xmpp:reply:0}reply"
REPLACE = "{urn:xmpp:message-correct:0}replace"
RETRACT = "{urn:xmpp:message-retract:1}retract"
REACTIONS = "{urn:xmpp:reactions:0}reactions"
DISPLAYED = "{urn:xmpp:chat-markers:0}displayed"
RECEIVED = "{urn:xmpp:receipts}received"
OOB = "{jabber:x:oob}x/{jabber:x:oob}url"
METADATA = "{urn:xmpp:sfs:0}file-sharing/{urn:xmpp:file:metadata:0}file"
NICK = "{http://jabber.org/protocol/nick}nick"
THREAD = "{jabber:client}thread"
GEO = "{http://jabber.org/protocol/geoloc}geoloc"


class XmppSide(Client):
    kind = "XMPP"

    def __init__(self, client: XmppClient, upload: str) -> None:
        self.client = client
        self.talker = OnXmpp(client)
        self.upload = upload

    @property
    def ghost(self) -> str:
        return self.talker.ghost_of(self.other.talker)

    async def remember(self, mine: str, theirs: str) -> None:
        self.mine = self.sent
        self.theirs = next(s.id for s in self.client.stanzas.items if s.body == theirs)

    async def say(self, text: str) -> None:
        active = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
        self.sent = self.client.send_message(self.ghost, text, extra=active)

    def mark(self) -> int:
        return self.client.stanzas.mark()

    def send(self, body: str, extra: str = "") -> None:
        self.client.send_message(self.ghost, body, extra=extra)

    async def do_text(self, word: str) -> None:
        self.send(word)

    async def do_emote(self, word: str) -> None:
        self.send(f"/me {word}")

    async def do_reply(self, word: str) -> None:
        quote = f"> hello from {self.other.kind}\n"
        marked = f"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='{len(quote)}'/></fallback>"
        self.send(f"{quote}{word}", f"<reply xmlns='urn:xmpp:reply:0' to='{self.ghost}' id='{self.theirs}'/>{marked}")

    async def do_thread(self, word: str) -> bool:
        begun = f"begun-{word}"
        if not await self.other.begins_thread(begun):
            return False
        heard = await self.client.wait_for(lambda s: s.body == begun and s.has(THREAD), what="a thread")
        self.send(word, f"<thread>{heard.xml.findtext(THREAD)}</thread>")
        return True

    async def do_edit(self, word: str) -> None:
        self.send(word, f"<replace xmlns='urn:xmpp:message-correct:0' id='{self.mine}'/>")

    do_edit_again = do_edit

    def react(self, emojis: str) -> None:
        reactions = f"<reactions xmlns='urn:xmpp:reactions:0' id='{self.theirs}'>{emojis}</reactions>"
        self.client.send_raw(f"<message to='{self.ghost}' type='chat' id='r{len(emojis)}'>{reactions}</message>")

    async def do_reaction(self, word: str) -> None:
        self.react("<reaction>🎉</reaction>")

    async def do_reaction_gone(self, word: str) -> None:
        self.react("")

    async def do_retraction(self, word: str) -> None:
        self.send("This person wants to retract a message", f"<retract xmlns='urn:xmpp:message-retract:1' id='{self.mine}'/>")

    async def do_read(self, word: str) -> None:
        marker = f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{self.theirs}'/>"
        self.client.send_raw(f"<message to='{self.ghost}' type='chat' id='marker'>{marker}</message>")

    async def do_delivered(self, word: str) -> None:
        self.asked = self.client.send_message(self.ghost, word, receipt=True)

    async def do_place(self, word: str) -> None:
        spot = f"<lat>53.07516</lat><lon>8.80777</lon><description>{word}</description>"
        self.send("geo:53.07516,8.80777", f"<geoloc xmlns='http://jabber.org/protocol/geoloc'>{spot}</geoloc>")

    async def do_card(self, word: str) -> None:
        await self.file(f"{word}.vcf", "text/vcard", CARD)

    async def do_typing(self, word: str) -> None:
        state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
        self.client.send_raw(f"<message to='{self.ghost}' type='chat'>{state}</message>")

    async def file(self, name: str, kind: str, data: bytes = PNG, known: str = "") -> None:
        link = await upload_to_xmpp(self.client, self.upload, data, name, kind)
        extra = f"<x xmlns='jabber:x:oob'><url>{link}</url></x>"
        if known:
            source = f"<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='{link}'/></sources>"
            what = f"<file xmlns='urn:xmpp:file:metadata:0'><media-type>{kind}</media-type><name>{name}</name>{known}</file>"
            extra += f"<file-sharing xmlns='urn:xmpp:sfs:0'>{what}{source}</file-sharing>"
        self.send(link, extra)

    async def do_size(self, word: str) -> None:
        await self.file(f"{word}.png", "image/png", known=f"<width>{SIZE[0]}</width><height>{SIZE[1]}</height>")

    async def do_colours(self, word: str) -> None:
        uri = f"data:image/blurhash,{quote(BLURHASH)}"
        await self.file(f"{word}.png", "image/png", known=f"<thumbnail xmlns='urn:xmpp:thumbs:1' media-type='image/blurhash' uri='{uri}'/>")

    async def do_length(self, word: str) -> None:
        await self.file(f"{word}.ogg", "audio/ogg", OGG, "<length>1500</length>")

    async def do_language(self, word: str) -> None:
        self.client.send_raw(f"<message to='{self.ghost}' type='chat' id='{word}'><body xml:lang='fr'>{word}</body></message>")

    async def do_timer(self, word: str) -> None:
        self.send(word, "<ephemeral xmlns='urn:xmpp:ephemeral:0' timer='3600'/>")

    async def do_name(self, word: str) -> None:
        self.send(word, f"<nick xmlns='http://jabber.org/protocol/nick'>{word}</nick>")

    async def do_picture(self, word: str) -> None:
        """Whoever is a contact hears of a new picture."""
        self.client.subscribe(self.ghost)
        await self.client.wait_for(lambda s: s.kind == "presence" and s.type == "subscribe" and s.sender.startswith(self.ghost))
        self.client.send_presence(self.ghost, "subscribed")
        photo = f"<PHOTO><TYPE>image/png</TYPE><BINVAL>{base64.b64encode(PNG).decode()}</BINVAL></PHOTO>"
        assert (await self.client.iq(None, f"<vCard xmlns='vcard-temp'>{photo}</vCard>", "set")).type == "result"
        update = f"<x xmlns='vcard-temp:x:update'><photo>{hashlib.sha1(PNG).hexdigest()}</photo></x>"
        self.client.send_presence(extra=update)
        await self.speaks_until_pictured(word)

    async def shows_picture(self) -> bool:
        return bool((await self.client.vcard(self.ghost)).xml.findtext("{vcard-temp}vCard/{vcard-temp}PHOTO/{vcard-temp}BINVAL"))

    async def look(self) -> None:
        self.pictured = await self.shows_picture()

    async def do_image(self, word: str) -> None:
        await self.file(f"{word}.png", "image/png")

    async def do_file(self, word: str) -> None:
        await self.file(f"{word}.bin", "application/octet-stream")

    async def formats(self, kind: Kind) -> bool:
        if kind.styled is None:
            return False
        self.send(kind.styled)
        return True

    async def do_mention(self, word: str) -> None:
        uri = f"xmpp:{self.ghost.replace('%', '%25')}"
        self.send(word, f"<reference xmlns='urn:xmpp:reference:0' type='mention' begin='0' end='{len(word)}' uri='{uri}'/>")

    def shown(self, feature: Feature, word: str, since: Any) -> Outcome | None:
        outcome = None
        for stanza in self.client.stanzas.items[since:]:
            if stanza.kind != "message" or stanza.type == "error" or not stanza.sender.startswith(self.ghost):
                continue
            if self.is_native(feature.key, stanza, word):
                return Outcome.NATIVE
            if feature.key == "voice" and stanza.has(OOB):
                return Outcome.FILE
            text = stanza.body or ""
            if word in text or (feature.key == "reaction" and "🎉" in text):
                outcome = Outcome.TEXT
        return outcome

    def is_native(self, key: str, stanza: Stanza, word: str) -> bool:
        def refers(path: str, to: str) -> bool:
            found = stanza.find(path)
            return found is not None and found.get("id") == to

        body, link = stanza.body or "", stanza.find(OOB)
        if (formatted := formatting.kind(key)) is not None:
            return body == formatted.saying(word).styled and not stanza.has(UNSTYLED)
        match key:
            case "text":
                return body == word
            case "emote":
                return body == f"/me {word}"
            case "mention":
                found = stanza.find(REFERENCE)
                return body == word and found is not None and found.get("uri") == f"xmpp:{self.client.jid}"
            case "reply":
                return body.endswith(word) and refers(REPLY, self.mine)
            case "thread":
                return body == word and stanza.xml.findtext(THREAD) == f"thread-of-{self.mine}" and not stanza.has(REPLY)
            case "edit" | "edit_again":
                return body == word and refers(REPLACE, self.theirs)
            case "reaction" | "reaction_gone":
                found = stanza.find(REACTIONS)
                return refers(REACTIONS, self.mine) and found is not None and [e.text for e in found] == ["🎉"] * (key == "reaction")
            case "retraction":
                return refers(RETRACT, self.theirs)
            case "place":
                return stanza.has(GEO)
            case "card":
                return link is not None and link.text == body and body.endswith(".vcf")
            case "typing":
                return stanza.has("{http://jabber.org/protocol/chatstates}composing")
            case "read":
                return refers(DISPLAYED, self.mine)
            case "delivered":
                return refers(RECEIVED, self.asked)
            case "size":
                sizes = [stanza.xml.findtext(f"{METADATA}/{{urn:xmpp:file:metadata:0}}{name}") for name in ("width", "height")]
                return word in body and sizes == [str(size) for size in SIZE]
            case "colours":
                thumbnail = stanza.find(f"{METADATA}/{{urn:xmpp:thumbs:1}}thumbnail")
                return word in body and thumbnail is not None and unquote(thumbnail.attrib["uri"]) == f"data:image/blurhash,{BLURHASH}"
            case "length":
                return word in body and stanza.xml.findtext(f"{METADATA}/{{urn:xmpp:file:metadata:0}}length") == "1500"
            case "language":
                found = stanza.find("{jabber:client}body")
                return body == word and found is not None and found.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"
            case "timer":
                found = stanza.find("{urn:xmpp:ephemeral:0}ephemeral")
                return body == word and found is not None and found.get("timer") == "3600"
            case "name":
                return stanza.xml.findtext(NICK) == word
            case "picture":
                return self.pictured
            case "image":
                return link is not None and link.text == body and body.endswith(".png")
            case "file":
                return link is not None and link.text == body and body.endswith(f"{word}.bin")
        return False
