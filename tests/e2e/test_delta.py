# SPDX-License-Identifier: EUPL-1.2
"""Delta Chat as people install it today: it neither shows nor sends mail that is not encrypted. Everything here is encrypted."""

from __future__ import annotations

import asyncio
import email
import imaplib
import json
import secrets
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from clients import DeltaClient
from clients.delta import SELF, Message
from conftest import WAYS, People, Way
from ghosts import NAMES, on_mail, on_matrix, on_xmpp
from servers import Lab, wait
from servers.gateway import ROOT, Gateway
from talkers import OnMatrix, OnXmpp, Talker

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@dataclass
class OnDelta(Talker):
    """Somebody with Delta Chat; knows the chats he opened."""

    network: str = field(init=False, default="mail")
    address: str = field(init=False)
    client: DeltaClient
    chats: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.address = self.client.address

    async def join(self, gateway: Gateway, other: Talker) -> int:
        """Opens an invite link to somebody."""
        chat = await self.client.secure_join(invite(gateway, f"{'xmpp:' if other.network == 'xmpp' else ''}{other.address}"))
        self.chats[self.ghost_of(other)] = chat
        return chat

    async def say(self, to: Talker, text: str) -> None:
        await self.client.send_text(self.chats[self.ghost_of(to)], text)

    async def hear(self, sender: Talker, text: str, timeout: float = 30) -> None:
        await self.hear_message(sender, text, timeout)

    async def hear_message(self, sender: Talker, text: str, timeout: float = 30) -> Message:
        ghost = self.ghost_of(sender)
        return await self.client.wait_for(
            lambda m: m["sender"]["address"] == ghost and m["text"] == text, timeout, what=f"{text[:80]!r} from {ghost}"
        )

    async def heard(self, sender: Talker) -> list[str]:
        ghost = self.ghost_of(sender)
        return [m["text"] for m in self.client.messages.items if m["sender"]["address"] == ghost]


def invite(gateway: Gateway, address: str) -> str:
    return str(json.loads(gateway.run("--json", "invite", address).stdout)["link"])


def notes(gateway: Gateway, prefix: str) -> list[str]:
    """Values that the mail adapter keeps."""
    with sqlite3.connect(f"file:{database(gateway)}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT value FROM note WHERE network = 'mail' AND key LIKE ?", (f"{prefix}%",))
        return [str(value) for (value,) in rows]


def state(gateway: Gateway) -> Path:
    return gateway.directory / "state"


def database(gateway: Gateway) -> Path:
    return state(gateway) / "dreiklang.db"


@pytest_asyncio.fixture
async def bob(gateway: Gateway, people: People, way: Way) -> OnXmpp:
    return OnXmpp(await people.xmpp(server=way.xmpp, stay=True))


@pytest_asyncio.fixture
async def carol(gateway: Gateway, people: People) -> OnDelta:
    return OnDelta(await people.delta(force_encryption=True))


async def ends_in_failure(carol: OnDelta, chat: int, text: str) -> str:
    """What Delta Chat shows at a message that failed."""
    failed = await carol.client.wait_state(await carol.client.send_text(chat, text), ("failed",), 60)
    return str(failed["error"])


async def test_invite_links_open_encrypted_chats_with_both_networks(
    gateway: Gateway, people: People, bob: OnXmpp, carol: OnDelta
) -> None:
    alice = OnMatrix(await people.matrix())
    for other, network in ((bob, "XMPP"), (alice, "Matrix")):
        chat = await carol.join(gateway, other)
        shown = await carol.client.chat(chat)
        assert shown["isEncrypted"] and not shown["isContactRequest"], shown
        assert shown["name"].endswith(f"({network})"), shown["name"]
        await carol.say(other, f"Hello, {network}")
        await other.hear(carol, f"Hello, {network}")
        long = "Grüße " + " ".join(f"word{number}" for number in range(300))
        for text in (f"Hello from {network}", "with\n\ntwo paragraphs", "> quoted\nand said", long):
            await other.say(carol, text)
            answer = await carol.hear_message(other, text)
            assert answer["chatId"] == chat and answer["showPadlock"], answer
        contact = await carol.client.contact(answer["fromId"])
        assert "Stadt Musterstadt" in contact["status"] and not contact["isBot"], contact
    assert sorted(await carol.heard(bob)) and len(await carol.heard(alice)) == 4


async def test_whoever_is_known_by_one_is_reached_by_all_with_the_typed_address(
    gateway: Gateway, people: People, bob: OnXmpp, carol: OnDelta
) -> None:
    await carol.join(gateway, bob)
    alice = OnMatrix(await people.matrix())
    await alice.say(carol, "We have not met")
    first = await carol.hear_message(alice, "We have not met")
    shown = await carol.client.chat(first["chatId"])
    assert shown["isEncrypted"] and shown["isContactRequest"], shown
    await carol.client.accept(first["chatId"])
    await carol.client.send_text(first["chatId"], "Now we have")
    await alice.hear(carol, "Now we have")


async def test_the_bot_hands_on_contacts_and_invitations(
    gateway: Gateway, people: People, bob: OnXmpp, carol: OnDelta
) -> None:
    bot = await carol.client.secure_join(invite(gateway, "bot"))
    await carol.client.send_text(bot, f"chat xmpp:{bob.address}")
    said = await carol.client.wait_for(lambda m: on_mail(bob.address) in m["text"], what="the bot's answer")
    assert said["chatId"] == bot and said["showPadlock"], said
    card = await carol.client.wait_for(lambda m: m["viewType"] == "Vcard", what="a contact")
    assert card["chatId"] == bot, card
    chat = await carol.client.open_card(card)
    assert (await carol.client.chat(chat))["isEncrypted"]
    carol.chats[carol.ghost_of(bob)] = chat
    await carol.say(bob, "Found you")
    await bob.hear(carol, "Found you")
    await bob.say(carol, "So you have")
    assert (await carol.hear_message(bob, "So you have"))["chatId"] == chat

    dave = OnDelta(await people.delta(force_encryption=True))
    bob.client.send_message(NAMES.component_mail, "invite")
    answer = await bob.client.wait_for(lambda s: bool(s.body) and "https://i.delta.chat/#" in s.body, what="a link")
    chat = await dave.client.secure_join(str(answer.body).split()[-1])
    await dave.client.send_text(chat, "Invited by yourself")
    await bob.hear(dave, "Invited by yourself")


async def test_an_invitation_that_was_taken_back_leads_nowhere(gateway: Gateway, bob: OnXmpp, carol: OnDelta) -> None:
    link = invite(gateway, f"xmpp:{bob.address}")
    assert invite(gateway, f"xmpp:{bob.address}") == link, "it holds for a week"
    assert gateway.run("invite", f"xmpp:{bob.address}", "--revoke").stdout.strip() == "1 invitations taken back"
    assert invite(gateway, f"xmpp:{bob.address}") != link
    before = gateway.metric("dreiklang_input_dropped_total", reason="uninvited")
    await carol.client.rpc("secure_join", carol.client.account, link)
    assert await asyncio.to_thread(
        wait.until, lambda: gateway.metric("dreiklang_input_dropped_total", reason="uninvited") > before, 30
    )
    assert not carol.client.events.matching(lambda e: e["kind"] == "SecurejoinJoinerProgress" and e["progress"] == 1000)


async def test_the_command_draws_a_code(gateway: Gateway, tmp_path: Path) -> None:
    shown = gateway.run("invite", "bot").stdout
    assert "https://i.delta.chat/#" in shown and "█" in shown
    picture = tmp_path / "code.png"
    gateway.run("invite", "bot", "--png", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert gateway.run("invite", "nonsense", check=False).returncode == 1


async def test_a_handshake_survives_that_the_gateway_is_killed(
    servers: Lab, gateway: Gateway, bob: OnXmpp, carol: OnDelta, way: Way
) -> None:
    link = invite(gateway, f"xmpp:{bob.address}")
    gateway.kill()
    joining = asyncio.create_task(carol.client.secure_join(link, 120))
    await carol.client.events.wait_for(lambda e: e["kind"] == "SmtpMessageSent", what="the first message is under way")
    if way.mail == "imap":
        # The first message is in the mailbox. Its answer becomes durable, cannot leave, and the gateway dies with it.
        assert await asyncio.to_thread(wait.until, lambda: not servers.postfix.queue(), 30)
        servers.postfix.kill()
        gateway.start()
        assert await asyncio.to_thread(wait.until, lambda: bool(notes(gateway, "post/join/")), 30)
        gateway.kill()
        servers.postfix.start()
    gateway.start()
    gateway.wait_online()
    carol.chats[carol.ghost_of(bob)] = await joining
    gateway.kill()
    gateway.start()
    await carol.say(bob, "Here I am")
    await bob.hear(carol, "Here I am", 60)
    await bob.say(carol, "So I see")
    await carol.hear(bob, "So I see", 60)


async def test_nothing_is_lost_or_doubled_while_the_gateway_is_killed(gateway: Gateway, bob: OnXmpp, carol: OnDelta) -> None:
    await carol.join(gateway, bob)
    texts = [f"number {number}" for number in range(20)]
    for number, text in enumerate(texts):
        await carol.say(bob, text)
        if number in (5, 12):
            gateway.kill()
            gateway.start()
    await bob.hear(carol, texts[-1], 90)
    for text in texts:
        await bob.hear(carol, text, 60)
    # Postfix hands mails over side by side: their order is not the gateway's.
    assert sorted(text for text in await bob.heard(carol) if text.startswith("number")) == sorted(texts)
    gateway.wait_online()
    for number, text in enumerate(texts):
        await bob.say(carol, text)
        if number in (5, 12):
            # What lies in the component's socket at that moment is lost by the protocol; what was taken is not.
            assert await asyncio.to_thread(wait.until, lambda: gateway.waiting() == 0, 60)
            await carol.hear(bob, text, 60)
            gateway.kill()
            gateway.start()
            gateway.wait_online()
    for text in texts:
        await carol.hear(bob, text, 60)
    shown = await carol.client.chat_messages(carol.chats[carol.ghost_of(bob)])
    assert sorted(m["text"] for m in shown if m["fromId"] != 1 and m["text"].startswith("number")) == sorted(texts)


async def test_failures_are_shown_at_the_message(gateway: Gateway, people: People, bob: OnXmpp, carol: OnDelta) -> None:
    nobody = await carol.client.secure_join(invite(gateway, "xmpp:nobody-here@xmpp.localhost"))
    error = await ends_in_failure(carol, nobody, "is anybody there?")
    assert "not delivered" in error, error


@pytest.mark.parametrize("known", [True, False], ids=["known", "stranger"])
async def test_what_nobody_can_decrypt_is_a_failure_and_a_new_invitation_helps(
    gateway: Gateway, bob: OnXmpp, carol: OnDelta, known: bool
) -> None:
    """Whose key is known is told encrypted. A stranger cannot be told: Delta Chat reads no clear mail, not even that of a mail system."""
    chat = await carol.join(gateway, bob)
    gateway.stop()
    with sqlite3.connect(database(gateway)) as connection:
        lost = connection.execute("DELETE FROM sealed WHERE key = ?", (f"key/{on_mail(bob.address)}",))
        assert lost.rowcount == 1
        connection.execute("DELETE FROM note WHERE key LIKE 'ghost-key/%' AND value = ?", (on_mail(bob.address),))
        connection.execute("DELETE FROM note WHERE key LIKE 'invite/%'")
        if not known:
            connection.execute("DELETE FROM note WHERE key LIKE 'peer%'")
    gateway.start()
    gateway.wait_online()
    before = gateway.metric("dreiklang_input_dropped_total", reason="locked")
    if known:
        error = await ends_in_failure(carol, chat, "Can you read this?")
        assert "key that the gateway does not have" in error, error
    else:
        await carol.client.send_text(chat, "Can you read this?")
        assert await asyncio.to_thread(
            wait.until, lambda: gateway.metric("dreiklang_input_dropped_total", reason="locked") > before, 30
        )
    await carol.join(gateway, bob)
    await carol.say(bob, "And this?")
    await bob.hear(carol, "And this?")


async def test_another_key_for_a_known_address_is_not_believed_until_it_is_invited(
    gateway: Gateway, people: People, bob: OnXmpp
) -> None:
    name = people._fresh(None, "t-")  # noqa: SLF001
    carol = OnDelta(await people.delta(name, force_encryption=True))
    chat = await carol.join(gateway, bob)
    card = await carol.client.card_of((await carol.client.chat(chat))["contactIds"][0])
    await carol.say(bob, "It is I")
    await bob.hear(carol, "It is I")
    # Two devices with different keys in one mailbox would take each other's mail.
    await carol.client.close()
    again = OnDelta(await people.delta(name, force_encryption=True, device="-again"))
    before = gateway.metric("dreiklang_input_dropped_total", reason="key_changed")
    error = await ends_in_failure(again, await again.client.open_card_text(card), "It is I, too")
    assert "key" in error, error
    assert gateway.metric("dreiklang_input_dropped_total", reason="key_changed") == before + 1
    assert "with another key than the one known" in (gateway.directory / "output.log").read_text(encoding="utf-8")
    await again.join(gateway, bob)
    await again.say(bob, "Invited again")
    await bob.hear(again, "Invited again")
    assert await bob.heard(again) == ["It is I", "Invited again"]
    await bob.say(again, "Welcome back")
    await again.hear(bob, "Welcome back")


async def test_nothing_secret_lies_open(gateway: Gateway, people: People, bob: OnXmpp, carol: OnDelta) -> None:
    link = invite(gateway, f"xmpp:{bob.address}")
    carol.chats[carol.ghost_of(bob)] = await carol.client.secure_join(link)
    await carol.say(bob, "a word")
    await bob.hear(carol, "a word")
    await bob.say(carol, "another word")
    await carol.hear(bob, "another word")
    assert await asyncio.to_thread(wait.until, lambda: gateway.waiting() == 0, 30)
    tokens = dict(pair.split("=", 1) for pair in link.partition("#")[2].split("&")[1:])
    gateway.stop()
    files = [*state(gateway).glob("dreiklang.db*"), gateway.directory / "output.log"]
    stored = b"".join(path.read_bytes() for path in files)
    for secret in (tokens["s"], tokens["i"], "PRIVATE KEY"):
        assert secret.encode() not in stored, secret
    with sqlite3.connect(database(gateway)) as connection:
        sealed = connection.execute("SELECT key, value FROM sealed WHERE network = 'mail'").fetchall()
    keys = {str(key): bytes(value) for key, value in sealed}
    assert f"key/{on_mail(bob.address)}" in keys and "invitations" in keys
    for key, value in keys.items():
        # A secret key begins with its packet's tag and holds its owner's address; what is sealed shows neither.
        assert value[0] == 1 and b"@gw.localhost" not in value, key
    log = (gateway.directory / "output.log").read_text(encoding="utf-8")
    assert carol.address not in log and on_mail(bob.address) not in log


async def test_no_text_stays_after_delivery(gateway: Gateway, people: People, bob: OnXmpp, carol: OnDelta, tmp_path: Path) -> None:
    alice = OnMatrix(await people.matrix())
    texts = []
    for other, where in ((bob, "xmpp"), (alice, "matrix")):
        await carol.join(gateway, other)
        for number in range(5):
            texts += [there := f"{secrets.token_hex(8)} to {where} {number}", back := f"{secrets.token_hex(8)} from {where} {number}"]
            await carol.say(other, there)
            await other.hear(carol, there)
            await other.say(carol, back)
            await carol.hear(other, back)
    enclosed = secrets.token_hex(500)
    (tmp_path / "notes.bin").write_text(enclosed)
    chat = carol.chats[carol.ghost_of(alice)]
    await carol.client.send(chat, text="the notes", file=str(tmp_path / "notes.bin"), filename="notes.bin", viewtype="File")
    await alice.client.wait_for(lambda e: e.get("content", {}).get("msgtype") == "m.file", what="a file")
    assert await asyncio.to_thread(wait.until, lambda: gateway.waiting() == 0, 30)
    gateway.stop()
    # The database with its log of changes, the keys, and whatever lies in the spool; each by its own name, so that a failure says which.
    places = [*(path for path in state(gateway).rglob("*") if path.is_file()), gateway.directory / "output.log"]
    assert {"dreiklang.db", "key", "output.log"} <= {path.name for path in places}
    found = {path.name: [text for text in [*texts, enclosed] if text.encode() in path.read_bytes()] for path in places}
    assert not {name: open_texts for name, open_texts in found.items() if open_texts}


async def test_chats_go_on_with_a_backup_on_an_empty_machine(
    gateway: Gateway, people: People, bob: OnXmpp, carol: OnDelta, tmp_path: Path
) -> None:
    """As docs/operations.md says: a copy while it runs, life goes on, the machine is gone, another one starts from the copy."""
    alice = OnMatrix(await people.matrix())
    expected: dict[str, list[str]] = {"bob": [], "alice": [], "carol": []}

    async def talk(when: str) -> None:
        for name, other in (("bob", bob), ("alice", alice)):
            for number in range(3):
                await carol.say(other, there := f"{when} {number}, to {name}")
                await other.hear(carol, there, 60)
                await other.say(carol, back := f"{when} {number}, from {name}")
                await carol.hear(other, back, 60)
                expected[name].append(there)
                expected["carol"].append(back)

    chats = [await carol.join(gateway, other) for other in (bob, alice)]
    await talk("before")
    backup = [str(ROOT / "deploy" / "backup"), str(state(gateway)), str(tmp_path / "copy")]
    copying = asyncio.create_task(asyncio.to_thread(subprocess.run, backup, check=True, capture_output=True))
    await talk("meanwhile")
    await copying
    await talk("after the copy")
    gateway.kill()
    shutil.rmtree(state(gateway))
    shutil.copytree(tmp_path / "copy", state(gateway))
    gateway.start()
    gateway.wait_online()
    await talk("restored")
    assert await asyncio.to_thread(wait.until, lambda: gateway.waiting() == 0, 60)
    # What was fetched again was sent again under the same id, if at all.
    by_id = {s.id: s.body for s in bob.client.stanzas.items if s.body and s.sender.startswith(bob.ghost_of(carol))}
    assert sorted(by_id.values()) == sorted(expected["bob"])
    assert sorted(await alice.heard(carol)) == sorted(expected["alice"])
    shown = [m for chat in chats for m in await carol.client.chat_messages(chat)]
    texts = [m["text"] for m in shown if m["fromId"] != SELF and ", from " in m["text"]]
    assert sorted(texts) == sorted(expected["carol"]), "the same chats, by the same keys"


async def test_mail_finds_its_ghosts_where_the_envelope_was_lost(
    servers: Lab, gateway: Gateway, people: People, bob: OnXmpp, carol: OnDelta, way: Way
) -> None:
    if way.mail == "lmtp":
        pytest.skip("by LMTP the envelope is there")
    alice = OnMatrix(await people.matrix())
    for other in (bob, alice):
        await carol.join(gateway, other)
        await other.say(carol, "Hello")
        await carol.hear(other, "Hello")
    contacts = [(await carol.client.chat(chat))["contactIds"][0] for chat in carol.chats.values()]
    gateway.stop()
    group = await carol.client.rpc("create_group_chat", carol.client.account, "Us", False)
    for contact in contacts:
        await carol.client.rpc("add_contact_to_chat", carol.client.account, group, contact)
    await carol.client.send_text(group, "To both of you")
    raw = await asyncio.to_thread(lambda: taken_from_bridge(servers, 2))
    assert len(raw) == 2
    mail = email.message_from_bytes(raw[0])
    for header in ("X-Original-To", "Delivered-To", "Received"):
        del mail[header]
    await asyncio.to_thread(servers.dovecot.deliver, mail.as_bytes(), carol.address, "bridge")
    gateway.start()
    await bob.hear(carol, "To both of you", 60)
    await alice.hear(carol, "To both of you", 60)


def taken_from_bridge(servers: Lab, count: int) -> list[bytes]:
    """Takes mail that the gateway has not seen out of its mailbox."""
    with imaplib.IMAP4(servers.host, servers.ports.imap) as imap:
        imap.login(f"bridge@{servers.names.mail}", servers.secrets.password)
        found: list[bytes] = []

        def enough() -> bool:
            imap.select("INBOX")
            nonlocal found
            found = imap.search(None, "UNSEEN")[1][0].split()
            return len(found) >= count

        wait.until(enough, 30)
        mails = [imap.fetch(number.decode(), "(RFC822)")[1][0][1] for number in found]
        for number in found:
            imap.store(number.decode(), "+FLAGS", "\\Deleted")
        imap.expunge()
        return mails
