# SPDX-License-Identifier: EUPL-1.2
"""A Delta Chat user: one account in its own deltachat-rpc-server, spoken to by JSON-RPC with timeouts."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .inbox import TIMEOUT, Inbox

Event = dict[str, Any]
Message = dict[str, Any]
SELF = 1
STATES = {
    10: "fresh", 13: "noticed", 16: "seen", 18: "preparing", 19: "draft",
    20: "pending", 24: "failed", 26: "delivered", 28: "read",
}  # fmt: skip


class DeltaError(AssertionError):
    """The core refused or did not answer."""


class DeltaClient:
    """`events` are the core's events ({"kind": ...}), `messages` the incoming messages as the core shows them."""

    def __init__(self, address: str, process: asyncio.subprocess.Process) -> None:
        self.address = address
        self.account = 0
        self.events: Inbox[Event] = Inbox(address)
        self.messages: Inbox[Message] = Inbox(address, show_message)
        self._process = process
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def create(
        cls,
        directory: Path,
        address: str,
        password: str,
        *,
        host: str,
        imap: int,
        submission: int,
        name: str | None = None,
        force_encryption: bool = False,
        backup: Path | None = None,
    ) -> DeltaClient:
        """A configured account that is online. Without `force_encryption` it reads and writes clear mail, too. `backup`: it is another
        device of the account that this is a backup of, with everything that is set there."""
        directory.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            core(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=directory,
            env={"DC_ACCOUNTS_PATH": str(directory / "accounts"), "RUST_LOG": "error"},
            limit=64 * 1024 * 1024,
        )
        self = cls(address, process)
        self._tasks.append(asyncio.create_task(self._read()))
        try:
            accounts = await self.rpc("get_all_account_ids")
            self.account = accounts[0] if accounts else await self.rpc("add_account")
            self._tasks.append(asyncio.create_task(self._listen()))
            if backup is not None:
                await self.rpc("import_backup", self.account, str(backup), None)
            else:
                settings = {"force_encryption": "1" if force_encryption else "0", "displayname": name or address}
                await self.rpc("batch_set_config", self.account, settings)
            if not accounts and backup is None:
                await self.rpc(
                    "add_or_update_transport", self.account, transport(address, password, host, imap, submission)
                )
            await self.rpc("start_io", self.account)
            await self.events.wait_for(lambda e: e["kind"] == "ImapInboxIdle", what="the end of the first look")
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._process.stdin is not None:
            self._process.stdin.close()  # the server ends with its input
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def __aenter__(self) -> DeltaClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def rpc(self, method: str, *params: Any, timeout: float | None = TIMEOUT) -> Any:
        """Any call of the JSON-RPC interface; names as in the documentation, in snake_case."""
        number = len(self._answers) + 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            raise DeltaError(f"{self.address}: {method} does not answer within {timeout} s") from None

    async def backup(self, directory: Path) -> Path:
        """A file from which another device of this account is made."""
        directory.mkdir(parents=True)
        await self.rpc("export_backup", self.account, str(directory), None)
        return next(directory.iterdir())

    async def chat_with(self, address: str, name: str = "") -> int:
        """The direct chat with a mail address."""
        contact = await self.rpc("create_contact", self.account, address, name)
        return int(await self.rpc("create_chat_by_contact_id", self.account, contact))

    async def secure_join(self, link: str, timeout: float = TIMEOUT) -> int:
        """Opens an invite link; returns the chat once both sides know each other's keys."""
        mark = self.events.mark()
        chat = int(await self.rpc("secure_join", self.account, link))
        await self.events.wait_for(
            lambda e: e["kind"] == "SecurejoinJoinerProgress" and e["progress"] == 1000,
            timeout,
            since=mark,
            what="the end of the handshake",
        )
        return chat

    async def chat(self, chat: int) -> dict[str, Any]:
        """As the core shows it: isContactRequest, isEncrypted, chatType, name, contactIds ..."""
        return dict(await self.rpc("get_full_chat_by_id", self.account, chat))

    async def open_card(self, message: Message) -> int:
        """Taps a contact that came as a message; returns the chat with it."""
        contacts = await self.rpc("import_vcard", self.account, message["file"])
        return int(await self.rpc("create_chat_by_contact_id", self.account, contacts[0]))

    async def card_of(self, contact: int) -> str:
        """A contact as a vCard with its key."""
        return str(await self.rpc("make_vcard", self.account, [contact]))

    async def open_card_text(self, card: str) -> int:
        """The chat with a contact that is given as a vCard."""
        contacts = await self.rpc("import_vcard_contents", self.account, card)
        return int(await self.rpc("create_chat_by_contact_id", self.account, contacts[0]))

    async def contact(self, contact: int) -> dict[str, Any]:
        """As the core shows it: address, displayName, status, isKeyContact, isBot ..."""
        return dict(await self.rpc("get_contact", self.account, contact))

    async def send_text(self, chat: int, text: str) -> int:
        return int(await self.rpc("misc_send_text_message", self.account, chat, text))

    async def send(self, chat: int, **data: Any) -> int:
        """A message with the fields of MessageData, for example text=, file=, viewtype=, quotedMessageId=."""
        return int(await self.rpc("send_msg", self.account, chat, data))

    async def accept(self, chat: int) -> None:
        """Accepts a contact request."""
        await self.rpc("accept_chat", self.account, chat)

    async def message(self, message: int) -> Message:
        """As the core shows it: text, state, error, chatId, sender, showPadlock, quote, reactions ..."""
        return dict(await self.rpc("get_message", self.account, message))

    async def chat_messages(self, chat: int) -> list[Message]:
        ids = await self.rpc("get_message_ids", self.account, chat, False, False)
        return [await self.message(number) for number in ids]

    async def wait_own(self, chat: int, text: str, timeout: float = TIMEOUT) -> Message:
        """A message with this text that this account sent, from whichever device."""
        end = asyncio.get_running_loop().time() + timeout
        while True:
            mark = self.events.mark()
            own = [m for m in await self.chat_messages(chat) if m["fromId"] == SELF and m["text"] == text]
            if own:
                return own[0]
            left = max(end - asyncio.get_running_loop().time(), 0)
            await self.events.wait_for(lambda e: e.get("chatId") == chat, left, since=mark, what=f"own message {text!r}")

    async def wait_for(self, predicate: Callable[[Message], bool], timeout: float = TIMEOUT, **more: Any) -> Message:
        return await self.messages.wait_for(predicate, timeout, **more)

    async def wait_message(self, text: str, timeout: float = TIMEOUT, **more: Any) -> Message:
        """An incoming message with exactly this text."""
        return await self.wait_for(lambda m: m["text"] == text, timeout, what=f"a message {text!r}", **more)

    async def wait_event(self, kind: str, timeout: float = TIMEOUT, **fields: Any) -> Event:
        """An event of a kind with these fields, for example "MsgRead", msgId=12."""

        def matches(event: Event) -> bool:
            return event["kind"] == kind and all(event.get(key) == value for key, value in fields.items())

        return await self.events.wait_for(matches, timeout, what=f"event {kind} {fields}")

    async def wait_state(self, message: int, states: tuple[str, ...], timeout: float = TIMEOUT) -> Message:
        """Waits until a message has one of the states ("delivered", "read", "failed" ...)."""
        end = asyncio.get_running_loop().time() + timeout
        while True:
            mark = self.events.mark()
            now = await self.message(message)
            if STATES.get(now["state"]) in states:
                return now
            left = end - asyncio.get_running_loop().time()
            about = (
                f"state {states} of message {message} (now {STATES.get(now['state'], now['state'])}, {now['error']})"
            )
            await self.events.wait_for(lambda e: e.get("msgId") == message, max(left, 0), since=mark, what=about)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            future = self._answers.get(answer.get("id"))
            if future is None or future.done():
                continue
            if "error" in answer:
                future.set_exception(DeltaError(f"{self.address}: {answer['error']}"))
            else:
                future.set_result(answer.get("result"))
        for future in self._answers.values():
            if not future.done():
                future.set_exception(DeltaError(f"{self.address}: deltachat-rpc-server ended"))

    async def _listen(self) -> None:
        while True:
            event = (await self.rpc("get_next_event", timeout=None))["event"]
            self.events.add(event)
            if event["kind"] == "IncomingMsg":
                self.messages.add(await self.message(event["msgId"]))


def core() -> str:
    """The program: what DREIKLANG_TEST_DELTA names, else the pinned one."""
    pinned = shutil.which("deltachat-rpc-server", path=str(Path(sys.executable).parent))
    return os.environ.get("DREIKLANG_TEST_DELTA") or pinned or "deltachat-rpc-server"


def transport(address: str, password: str, host: str, imap: int, submission: int) -> dict[str, Any]:
    """Login data with every field given, so that nothing is guessed or looked up."""
    return {
        "addr": address, "password": password, "certificateChecks": "acceptInvalidCertificates",
        "imapServer": host, "imapPort": imap, "imapSecurity": "plain", "imapUser": address,
        "smtpServer": host, "smtpPort": submission, "smtpSecurity": "plain", "smtpUser": address,
    }  # fmt: skip


def show_message(message: Message) -> str:
    state = STATES.get(message["state"], message["state"])
    sender = message["sender"]["address"]
    return f"{message['id']} in chat {message['chatId']} from {sender}: {message['text']!r} ({state})"
