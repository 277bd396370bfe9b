# SPDX-License-Identifier: EUPL-1.2
"""Whatever comes in by the homeserver's transactions and by LMTP: a clear answer or a counted refusal, the process lives, and the next
message crosses. What XMPP servers let through is in test_odd_stanzas.py."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from clients import MatrixClient, XmppClient
from clients.matrix import MatrixError
from conftest import WAYS, People, Way
from ghosts import on_mail, on_matrix, on_xmpp
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def way() -> Way:
    return WAYS[1]


# --- The homeserver's calls


@dataclass
class Chat:
    """Alice on Matrix and Bob on XMPP have a direct room, and this test speaks as the homeserver beside the real one."""

    lab: Lab
    alice: MatrixClient
    bob: XmppClient
    room: str

    async def put(self, body: bytes | dict[str, Any], path: str | None = None, token: str | None = "", **headers: str) -> int:
        """The status of a transaction; `token` is the right one unless given."""
        url = f"http://{self.lab.host}:{self.lab.ports.gateway_as}/_matrix/app/v1/{path or f'transactions/{uuid.uuid4().hex}'}"
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.lab.secrets.hs_token}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with aiohttp.ClientSession() as session, session.put(url, data=data, headers=headers) as answer:
            assert "errcode" in await answer.json() or answer.status == 200
            return answer.status

    def event(self, text: str, **changes: Any) -> dict[str, Any]:
        content = {"msgtype": "m.text", "body": text}
        event = {"type": "m.room.message", "room_id": self.room, "sender": self.alice.user_id, "origin_server_ts": int(time.time() * 1000)}
        return event | {"event_id": f"${uuid.uuid4().hex}", "content": content} | changes

    async def goes_on(self, *heard: str) -> None:
        """What Alice says next crosses, and before it exactly this has."""
        mark = f"after {uuid.uuid4().hex}"
        await self.alice.send_text(self.room, mark)
        await self.bob.wait_message(mark)
        texts = [s.body for s in self.bob.stanzas.items if s.kind == "message" and s.body]
        assert [text for text in texts if not text.startswith("after ")] == ["hello", *heard]


@pytest_asyncio.fixture
async def chat(servers: Lab, gateway: Gateway, people: People, way: Way) -> Chat:
    alice, bob = await people.matrix(), await people.xmpp(server=way.xmpp)
    room = await alice.create_dm(on_matrix(bob.jid, "xmpp"))
    await alice.send_text(room, "hello")
    await bob.wait_message("hello")
    return Chat(servers, alice, bob, room)


async def test_only_the_homeserver_may_call(gateway: Gateway, chat: Chat) -> None:
    forged = {"events": [chat.event("forged")]}
    for token, headers, status in [
        (None, {}, 401),
        (None, {"Authorization": "Basic eA=="}, 401),
        (None, {"Authorization": "Bearer "}, 401),
        ("wrong", {}, 403),
        (chat.lab.secrets.as_token, {}, 403),
        ("x" * 6000, {}, 403),
    ]:
        assert await chat.put(forged, token=token, **headers) == status, (token, headers)
    assert await chat.put(forged, f"transactions/1?access_token={chat.lab.secrets.hs_token}", None) == 401
    assert await chat.put(forged, "nothing") == 404
    await chat.goes_on()


async def test_bodies_that_are_no_transaction_are_answered(gateway: Gateway, chat: Chat) -> None:
    process = gateway.main()
    for body, status in [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b'{"events":7}', 400),
        (b'{"events":[', 400),
        (b'{"events":[{"type":"\xff\xfe"}]}', 400),
        (b"[" * 100_000, 400),
        (b'{"events":[],"other":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 200),
        (b"{" + b" " * (33 * MIB) + b"}", 413),
        (b"{}", 200),
        (b'{"de.sorunome.msc2409.ephemeral":[7,{"type":"m.typing"}],"new":{"a":1}}', 200),
    ]:
        assert await chat.put(body) == status, body[:60]
    assert gateway.main() == process
    await chat.goes_on()


async def test_replayed_transactions_are_taken_once(gateway: Gateway, chat: Chat) -> None:
    one = {"events": [chat.event("said once")]}
    for _ in range(3):
        assert await chat.put(one, "transactions/replayed") == 200
    assert await chat.put(one, "transactions/under-another-id") == 200
    assert await asyncio.gather(*(chat.put(one) for _ in range(5))) == [200] * 5
    await chat.bob.wait_message("said once")
    await chat.goes_on("said once")


async def test_events_of_every_wrong_form_keep_nothing_from_coming(gateway: Gateway, chat: Chat) -> None:
    before = gateway.metric("dreiklang_input_dropped_total", network="matrix", reason="malformed")
    process = gateway.main()
    deep = json.loads("[" * 500 + "]" * 500)
    good = chat.event("between the wrong ones")
    wrong = [
        1, None, "x", [], {}, {"type": 7}, {"type": "m.room.message"},
        *(chat.event("wrong", **{key: value}) for key in good for value in (7.5, None, [], "", "x" * 70_000, {"a": deep})),
        *(chat.event("wrong", content={"msgtype": kind, "body": body}) for kind in ("m.text", 7, None) for body in (7, None, [])),
        chat.event("wrong", sender="@nobody:elsewhere.example"), chat.event("wrong", room_id="!unknown:hs.localhost"),
        chat.event("wrong", sender=on_matrix(chat.bob.jid, "xmpp")),
        chat.event("wrong", type="m.unknown.type"), chat.event("wrong", type="m.room.member", state_key=7),
        chat.event("wrong", content={"msgtype": "m.text", "body": "wrong", "m.relates_to": deep, "m.new_content": 7}, event_id=7),
    ]  # fmt: skip
    assert await chat.put({"events": [*wrong, good, *wrong]}) == 200
    # Not even these, which not every reader of JSON takes: a whole transaction would come again for ever.
    event = json.dumps(chat.event("and after them")).encode()
    for text in (b'{"a":"\\ud800"}', b'{"a":1e999}', b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}", b'{"a":1,"a":2}'):
        assert await chat.put(b'{"events":[' + text + b"," + event + b"," + text + b"]}") == 200, text[:40]
    await chat.bob.wait_message("and after them")
    await chat.goes_on("between the wrong ones", "and after them")
    assert gateway.metric("dreiklang_input_dropped_total", network="matrix", reason="malformed") > before
    assert gateway.main() == process


async def test_odd_events_of_users_come_through_the_homeserver(gateway: Gateway, chat: Chat) -> None:
    """What the real homeserver takes from a client it pushes; if it refuses, the better."""
    for depth in (50, *range(118, 130), 400):
        content = {"msgtype": "m.text", "body": f"deep {depth}", "x": json.loads("[" * depth + "]" * depth)}
        try:
            await chat.alice.send(chat.room, content)
        except MatrixError:
            continue
        await chat.bob.wait_message(f"deep {depth}")
    for content in ({"msgtype": "m.text"}, {"msgtype": "m.text", "body": 7}, {}, {"msgtype": "x" * 30_000, "body": "odd type"}):
        try:
            await chat.alice.send(chat.room, content)
        except MatrixError:
            continue
    mark = f"after {uuid.uuid4().hex}"
    await chat.alice.send_text(chat.room, mark)
    await chat.bob.wait_message(mark)


# --- LMTP


class Lmtp:
    """The mail server's side of one connection, with any bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, lab: Lab) -> Lmtp:
        self = cls(*await asyncio.open_connection(lab.host, lab.ports.gateway_lmtp))
        assert (await self.answer()).startswith("220")
        assert (await self.say(b"LHLO mail.localhost")).startswith("250")
        return self

    async def answer(self) -> str:
        """The last line of an answer; nothing when the connection was closed."""
        async with asyncio.timeout(60):
            while (line := (await self.reader.readline()).decode()) and line[3:4] == "-":
                pass
        return line.strip()

    async def say(self, line: bytes) -> str:
        self.writer.write(line + b"\r\n")
        return await self.answer()

    async def mail(self, sender: str, to: str, content: bytes) -> str:
        assert (await self.say(f"MAIL FROM:<{sender}>".encode())).startswith("250")
        assert (await self.say(f"RCPT TO:<{to}>".encode())).startswith("250")
        assert (await self.say(b"DATA")).startswith("354")
        self.writer.write(content)
        await self.writer.drain()
        return await self.say(b"\r\n.")


@dataclass
class Letters:
    """Carol writes to Bob by LMTP, with a login that the trusted server vouches for, whatever the content."""

    lab: Lab
    bob: XmppClient
    carol: str = "carol@mail.localhost"

    def head(self, **headers: str) -> bytes:
        given = {
            "Authentication-Results": f"mail.localhost; auth=pass smtp.auth={self.carol}",
            "From": self.carol,
            "To": on_mail(self.bob.jid),
            "Message-ID": f"<{uuid.uuid4().hex}@mail.localhost>",
        } | headers
        return "".join(f"{name}: {value}\r\n" for name, value in given.items()).encode()

    async def send(self, content: bytes) -> str:
        """The code of the answer."""
        lmtp = await Lmtp.connect(self.lab)
        answer = await lmtp.mail(self.carol, on_mail(self.bob.jid), content)
        lmtp.writer.close()
        return answer[:3]

    async def goes_on(self) -> None:
        mark = f"after {uuid.uuid4().hex}"
        assert await self.send(self.head() + b"\r\n" + mark.encode()) == "250"
        await self.bob.wait_message(mark)


@pytest_asyncio.fixture
async def letters(servers: Lab, gateway: Gateway, people: People, way: Way) -> Letters:
    letters = Letters(servers, await people.xmpp(server=way.xmpp))
    await letters.goes_on()
    return letters


def nested(kind: str, depth: int) -> bytes:
    if kind == "message":
        return b"Content-Type: message/rfc822\r\n\r\n" * depth
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))


BINARY = bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"") * 200
PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n"
MIXED = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
MAILS: dict[str, bytes] = {
    "nothing": b"",
    "binary as text": PLAIN + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + BINARY,
    "binary as a header": b"X-A: " + BINARY + b"\r\n\r\ntext",
    "binary as the name of a header": BINARY + b": x\r\n\r\ntext",
    "broken base64": PLAIN + b"Content-Transfer-Encoding: base64\r\n\r\n!!!!=====",
    "binary as HTML": b"Content-Type: text/html\r\n\r\n<p>" + BINARY,
    "deep HTML": b"Content-Type: text/html\r\n\r\n" + b"<div>" * 50_000 + b"x",
    "deep quotes": PLAIN + b"\r\n" + b">" * 50_000 + b" x\r\n",
    "unknown charset": b"Content-Type: text/plain; charset=klingon\r\n\r\ntext",
    "wrong charset": b"Content-Type: text/plain; charset=utf-16\r\n\r\ntex",
    "multipart without a boundary": b"Content-Type: multipart/mixed\r\n\r\n--\r\n--\r\n",
    "multiparts in multiparts": nested("multipart", 10_000),
    "mails in mails": nested("message", 10_000),
    "a hundred thousand parts": MIXED + b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--\r\n",
    "a thousand headers": b"X-B: b\r\n" * 1000 + b"\r\ntext",
    "a hundred thousand headers": b"X-B: b\r\n" * 100_000 + b"\r\ntext",
    "a header of a megabyte": b"X-A: " + b"a" * MIB + b"\r\n\r\ntext",
    "a folded header of a megabyte": b"X-A: a" + b"\r\n a" * (MIB // 4) + b"\r\n\r\ntext",
    "a line of ten megabytes": PLAIN + b"\r\n" + b"a" * (10 * MIB),
    "a thousand references": b"References: " + b"<x@y>\r\n " * 5000 + b"<z@y>\r\n\r\ntext",
    "an encoded word without an end": b"Subject: =?utf-8?B?" + b"=?utf-8?Q?" * 5000 + b"\r\n\r\ntext",
    "no content after the headers": b"X-A: a",
    "only an end of headers": b"\r\n",
    "odd parameters": b"Content-Type: text/plain; charset*0*=utf-8''%ff; charset*9999999999999=x; ;;=;\r\n\r\ntext",
    "a wrong date": b"Date: 99 Foo -1 99:99:99 +9999\r\n\r\ntext",
    "two senders": b"From: eve@mail.localhost\r\n\r\ntext",
}


@pytest.mark.parametrize("name", MAILS)
async def test_mails_of_every_wrong_form_get_an_answer(gateway: Gateway, letters: Letters, name: str) -> None:
    process = gateway.main()
    assert await letters.send(letters.head() + MAILS[name]) in ("250", "550", "552", "554")
    assert await letters.send(MAILS[name]) in ("550", "554"), "without its headers nobody is believed to have sent it"
    await letters.goes_on()
    assert gateway.main() == process, gateway.last_words()


async def test_a_mail_that_is_too_large_is_refused_before_or_after_it_was_sent(gateway: Gateway, letters: Letters) -> None:
    lmtp = await Lmtp.connect(letters.lab)
    assert (await lmtp.say(b"MAIL FROM:<carol@mail.localhost> SIZE=99999999")).startswith("552")
    lmtp.writer.close()
    line = base64.b64encode(b"x" * 57) + b"\r\n"
    assert await letters.send(letters.head() + b"\r\n" + line * (60 * MIB // len(line))) == "552"
    await letters.goes_on()


async def test_lines_that_end_wrongly_smuggle_nothing(gateway: Gateway, letters: Letters) -> None:
    second = b"MAIL FROM:<x@y>\r\nRCPT TO:<%s>\r\nDATA\r\nsmuggled\r\n" % on_mail(letters.bob.jid).encode()
    for end in (b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n"):
        assert await letters.send(letters.head() + b"\r\ntext" + end + second) == "550"
    await letters.goes_on()
    assert not [s for s in letters.bob.stanzas.items if "smuggled" in (s.body or "")]


async def test_commands_of_every_wrong_form_are_answered(gateway: Gateway, letters: Letters) -> None:
    process = gateway.main()
    to = on_mail(letters.bob.jid).encode()
    for line in (b"EHLO x", b"DATA", b"RCPT TO:<" + to + b">", b"MAIL", b"MAIL FROM:<", b"\xff\xfe", b"\0", b"x" * 3000):
        lmtp = await Lmtp.connect(letters.lab)
        assert (await lmtp.say(line))[:1] == "5", line[:20]
        lmtp.writer.close()
    for line in (b"x" * 10_000, b"NOOP\nNOOP", b"NOOP\rNOOP"):
        lmtp = await Lmtp.connect(letters.lab)
        assert await lmtp.say(line) in ("", "250 2.0.0 ok"), line[:20]
        lmtp.writer.close()
    for recipient in (b"", b"nobody", b"@", b"a@b@c", b"\xff@gw.localhost", b"x" * 2000 + b"@gw.localhost", b"carol@mail.localhost"):
        lmtp = await Lmtp.connect(letters.lab)
        assert (await lmtp.say(b"MAIL FROM:<>")).startswith("250")
        assert (await lmtp.say(b"RCPT TO:<" + recipient + b">"))[:1] == "5", recipient[:20]
        lmtp.writer.close()
    # Somebody who goes away in the middle leaves nothing behind.
    lmtp = await Lmtp.connect(letters.lab)
    await lmtp.say(b"MAIL FROM:<x@y>")
    await lmtp.say(b"RCPT TO:<" + to + b">")
    await lmtp.say(b"DATA")
    lmtp.writer.write(letters.head() + b"\r\nhalf")
    lmtp.writer.close()
    await letters.goes_on()
    assert not [s for s in letters.bob.stanzas.items if "half" in (s.body or "")]
    assert gateway.main() == process
