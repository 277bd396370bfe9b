# SPDX-License-Identifier: EUPL-1.2
"""Whatever stanza comes, from users and from far servers: the gateway and its stream live, every question is answered, every refusal
has its condition, and the next message crosses. The table is in odd_stanzas.py."""

from __future__ import annotations

import asyncio
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import odd_stanzas
import pytest
import pytest_asyncio
from clients import ComponentClient, Inbox, MatrixClient, XmppClient
from clients.xmpp import Stanza
from conftest import People, Way
from ghosts import NAMES, on_matrix, on_xmpp
from odd_stanzas import ERRORS, Odd
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

PING = "<ping xmlns='urn:xmpp:ping'/>"
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def way(request: pytest.FixtureRequest) -> Way:
    return Way(request.param, "imap")


class Writer(ABC):
    """Somebody whose stanzas go out as written, and who connects again when his server has had enough of him."""

    jid: str
    attributes: str = ""
    stanzas: Inbox[Stanza]
    ended: asyncio.Event

    @abstractmethod
    async def connect(self) -> None: ...

    @abstractmethod
    def send(self, xml: str) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def says(self, ghost: str, text: str, to: MatrixClient) -> bool:
        """Has it arrived? Not if the own stream ends before."""
        self.send(f"<message {self.attributes} to='{ghost}' type='chat' id='{text}'><body>{text}</body></message>")
        arrives, ends = asyncio.create_task(to.wait_message(text)), asyncio.create_task(self.ended.wait())
        done, waiting = await asyncio.wait({arrives, ends}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if arrives in done:
            await arrives
        return arrives in done

    async def after(self, id: str) -> None:
        """Answers come in order: with this one, all answers to what was sent before are here."""
        self.send(f"<iq {self.attributes} to='{NAMES.component_matrix}' type='get' id='{id}'>{PING}</iq>")
        await self.stanzas.wait_for(lambda s: s.id == id and s.type == "result", what=f"the answer to {id}")


class User(Writer):
    def __init__(self, lab: Lab, server: str) -> None:
        self.lab, self.server = lab, server
        self.port = lab.ports.prosody_c2s if server == "prosody" else lab.ports.ejabberd_c2s
        self.jid = (lab.prosody if server == "prosody" else lab.ejabberd).add_user(f"odd{next(NUMBERS)}")

    async def connect(self) -> None:
        self.client = await XmppClient.connect(self.jid, self.lab.secrets.password, self.lab.host, self.port)
        self.stanzas, self.ended = self.client.stanzas, asyncio.Event()
        self.client.client.add_event_handler("disconnected", lambda _: self.ended.set())

    def send(self, xml: str) -> None:
        transport: Any = self.client.client.transport
        transport.write(xml.encode("utf-8", "surrogatepass"))

    async def close(self) -> None:
        await self.client.close()


class FarServer(Writer):
    def __init__(self, lab: Lab, server: str) -> None:
        self.lab = lab
        self.port = lab.ports.prosody_component if server == "prosody" else lab.ports.ejabberd_stranger
        self.jid = f"bob@{NAMES.stranger}"
        self.attributes = f"from='{self.jid}/far'"

    async def connect(self) -> None:
        self.client = await ComponentClient.connect(self.lab.host, self.port, NAMES.stranger, self.lab.secrets.component)
        self.stanzas, self.ended = self.client.stanzas, self.client.closed

    def send(self, xml: str) -> None:
        self.client.send(xml)

    async def close(self) -> None:
        await self.client.close()


class Log:
    """What the gateway writes while a row is run."""

    def __init__(self, gateway: Gateway) -> None:
        self.path: Path = gateway.directory / "output.log"
        self.mark = self.path.stat().st_size

    def troubles(self) -> list[str]:
        with open(self.path, encoding="utf-8") as log:
            log.seek(self.mark)
            return [line for line in log if re.search(r'not connected|"connected"|offline|panicked|"ERROR"', line)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alice(servers: Lab, state_root: Path) -> AsyncIterator[MatrixClient]:
    async with AsyncExitStack() as stack:
        yield await People(servers, state_root, stack).matrix()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def user(servers: Lab, way: Way) -> AsyncIterator[Writer]:
    async with User(servers, way.xmpp) as writer:
        yield writer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def far_server(servers: Lab, way: Way) -> AsyncIterator[Writer]:
    async with FarServer(servers, way.xmpp) as writer:
        yield writer


@pytest.mark.parametrize("odd", odd_stanzas.FROM_USERS, ids=str)
async def test_of_users(gateway: Gateway, way: Way, alice: MatrixClient, user: Writer, odd: Odd) -> None:
    await survives(gateway, way, alice, user, odd)


@pytest.mark.parametrize("odd", odd_stanzas.FROM_FAR, ids=str)
async def test_of_far_servers(gateway: Gateway, way: Way, alice: MatrixClient, far_server: Writer, odd: Odd) -> None:
    await survives(gateway, way, alice, far_server, odd)


async def survives(gateway: Gateway, way: Way, alice: MatrixClient, writer: Writer, odd: Odd) -> None:
    number = next(NUMBERS)
    ghost = on_xmpp(alice.user_id)
    log, process, heard, seen = Log(gateway), gateway.main(), alice.events.mark(), writer.stanzas
    writer.send(odd.xml.replace("GHOST", ghost).replace("GATEWAY", NAMES.component_matrix).replace("'odd'", f"'odd-{number}'"))

    fence = f"what comes after {number}"
    if not await writer.says(ghost, fence, alice):
        assert way.xmpp in odd.stopped_by, f"the server ended the stream of the sender: {seen.items[-1:]}"
        await writer.connect()
        assert await writer.says(ghost, fence, alice), "the next message does not cross"
    await writer.after(f"after-{number}")

    stopped = way.xmpp in odd.stopped_by
    if odd.crosses is not None and not stopped:
        await alice.wait_message(odd.crosses, since=heard)  # another sender's conversation is not in order with ours
    if not stopped:
        assert await outcome(seen, odd, f"odd-{number}") == odd.answer
    crossed = [(e["sender"], e["content"].get("body")) for e in alice.events.items[heard:] if e["type"] == "m.room.message"]
    crossed.remove((on_matrix(writer.jid, "xmpp"), fence))
    assert [text for _, text in crossed] == [odd.crosses] * (not stopped and odd.crosses is not None)
    if "'GHOST'" in odd.xml and " from='" not in odd.xml:
        assert all(sender == on_matrix(writer.jid, "xmpp") for sender, _ in crossed), "in somebody else's name"
    assert gateway.main() == process, gateway.last_words()
    assert not log.troubles()


async def outcome(seen: Inbox[Stanza], odd: Odd, id: str) -> str | None:
    """The condition of the answer. What must not be answered is not answered by now."""

    def answers(stanza: Stanza) -> bool:
        return stanza.type == "error" or (stanza.kind == "iq" and stanza.type == "result" and stanza.id == id)

    if odd.answer is not None:
        await seen.wait_for(lambda s: s.id == id and answers(s), what=f"the answer {odd.answer}")
    found = [s for s in seen.items if s.id == id and answers(s)]
    if not found:
        return None
    assert len(found) == 1, found
    if found[0].type == "result":
        return "result"
    conditions = [child.tag for child in found[0].xml.iterfind("{jabber:client}error/*") if child.tag != f"{{{ERRORS}}}text"]
    assert len(conditions) == 1, str(found[0])
    return conditions[0].removeprefix(f"{{{ERRORS}}}")
