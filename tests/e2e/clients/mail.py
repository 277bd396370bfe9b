# SPDX-License-Identifier: EUPL-1.2
"""A mail user: submits messages with login, reads the mailbox by IMAP, or plays the stranger on port 25."""

from __future__ import annotations

import asyncio
import email
import email.policy
import imaplib
import re
import smtplib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from .inbox import TIMEOUT, Inbox

POLL = 0.05


@dataclass(frozen=True)
class Mail:
    """A message in a mailbox: `raw` as stored, `message` parsed."""

    uid: int
    raw: bytes
    message: EmailMessage

    @property
    def text(self) -> str:
        """The plain text part, with uniform line ends."""
        part = self.message.get_body(("plain",))
        return part.get_content().replace("\r\n", "\n").rstrip("\n") if part is not None else ""

    def header(self, name: str) -> str | None:
        value = self.message.get(name)
        return None if value is None else str(value)

    def headers(self, name: str) -> list[str]:
        return [str(value) for value in self.message.get_all(name, [])]

    def __str__(self) -> str:
        return f"uid {self.uid} from {self.header('From')} subject {self.header('Subject')!r} text {self.text[:200]!r}"


class MailClient:
    """All network work happens in threads; a broken IMAP connection is made anew."""

    def __init__(self, address: str, password: str, *, host: str, imap: int, submission: int, smtp: int) -> None:
        """`submission`: the port with login. `smtp`: the port where strangers hand in mail."""
        self.address = address
        self.password = password
        self.host = host
        self.ports = {"imap": imap, "submission": submission, "smtp": smtp}
        self.mails: Inbox[Mail] = Inbox(address, str)
        self._imap: imaplib.IMAP4 | None = None
        self._next_uid = 1
        self._lock = threading.Lock()

    async def close(self) -> None:
        await asyncio.to_thread(self._logout)

    async def __aenter__(self) -> MailClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def compose(self, to: str | Sequence[str], text: str, subject: str = "", **headers: str) -> EmailMessage:
        """A plain message; header names with `_` for `-`, for example In_Reply_To=..."""
        message = EmailMessage(policy=email.policy.SMTP)
        message["From"] = self.address
        message["To"] = to if isinstance(to, str) else ", ".join(to)
        message["Subject"] = subject
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = make_msgid(domain=self.address.rpartition("@")[2])
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        return message

    async def send(
        self, message: EmailMessage | bytes, to: Sequence[str] | None = None, sender: str | None = None
    ) -> str | None:
        """Submits with login and returns the Message-ID. Recipients come from the headers unless given."""
        return await asyncio.to_thread(self._send, message, to, self.address if sender is None else sender, True)

    async def send_text(self, to: str | Sequence[str], text: str, subject: str = "", **headers: str) -> str:
        message = self.compose(to, text, subject, **headers)
        await self.send(message)
        return str(message["Message-ID"])

    async def inject(
        self, message: EmailMessage | bytes, to: Sequence[str] | None = None, sender: str = ""
    ) -> str | None:
        """Hands mail in like a stranger's server: no login, any sender, any header."""
        return await asyncio.to_thread(self._send, message, to, sender, False)

    async def fetch(self) -> list[Mail]:
        """Looks into the mailbox now and returns what is new."""
        new = await asyncio.to_thread(self._fetch)
        for mail in new:
            self.mails.add(mail)
        return new

    async def wait_for(
        self,
        predicate: Callable[[Mail], bool],
        timeout: float = TIMEOUT,
        *,
        since: int = 0,
        what: str = "the mail expected",
    ) -> Mail:
        """The first mail for which the predicate holds, already here or yet to come."""
        end = asyncio.get_running_loop().time() + timeout
        while not self.mails.matching(predicate, since) and asyncio.get_running_loop().time() < end:
            if not await self.fetch():
                await asyncio.sleep(POLL)
        return await self.mails.wait_for(predicate, 0, since=since, what=what)

    async def wait_text(self, text: str, timeout: float = TIMEOUT, **more: Any) -> Mail:
        """A mail whose plain text contains this."""
        return await self.wait_for(lambda mail: text in mail.text, timeout, what=f"a mail with {text!r}", **more)

    async def delete_all(self) -> None:
        """Empties the inbox."""
        await self.fetch()
        await asyncio.to_thread(self._with_imap, self._expunge)

    def _send(self, message: EmailMessage | bytes, to: Sequence[str] | None, sender: str, login: bool) -> str | None:
        with smtplib.SMTP(self.host, self.ports["submission" if login else "smtp"], "client.localhost", 20) as smtp:
            smtp.ehlo()
            if login:
                smtp.login(self.address, self.password)
            parsed = message if isinstance(message, EmailMessage) else parse(message)
            recipients = list(
                to or [a.addr_spec for n in ("To", "Cc", "Bcc") for h in parsed.get_all(n, []) for a in h.addresses]
            )
            raw = message if isinstance(message, bytes) else message.as_bytes(policy=email.policy.SMTP)
            options = ["BODY=8BITMIME"] if not raw.isascii() else []
            if not all(address.isascii() for address in (sender, *recipients)):
                options.append("SMTPUTF8")
            refused = smtp.sendmail(sender, recipients, raw, options)
            if refused:
                raise smtplib.SMTPRecipientsRefused(refused)
            value = parsed.get("Message-ID")
            return None if value is None else str(value)

    def _with_imap(self, work: Callable[[imaplib.IMAP4], Any]) -> Any:
        with self._lock:
            try:
                if self._imap is None:
                    imap = imaplib.IMAP4(self.host, self.ports["imap"], timeout=20)
                    imap.login(self.address, self.password)
                    imap.select("INBOX")
                    self._imap = imap
                return work(self._imap)
            except (imaplib.IMAP4.abort, OSError):
                self._imap = None
                return None

    def _fetch(self) -> list[Mail]:
        return self._with_imap(self._fetch_new) or []

    def _fetch_new(self, imap: imaplib.IMAP4) -> list[Mail]:
        imap.noop()
        _, data = imap.uid("FETCH", f"{self._next_uid}:*", "(UID BODY.PEEK[])")
        found = []
        for item in data:
            if isinstance(item, tuple) and (match := re.search(rb"UID (\d+)", item[0])):
                if (uid := int(match[1])) >= self._next_uid:
                    found.append(Mail(uid, item[1], parse(item[1])))
        self._next_uid = max([self._next_uid, *(mail.uid + 1 for mail in found)])
        return found

    def _expunge(self, imap: imaplib.IMAP4) -> None:
        imap.store("1:*", "+FLAGS", r"(\Deleted)")
        imap.expunge()

    def _logout(self) -> None:
        with self._lock:
            if self._imap is not None:
                try:
                    self._imap.logout()
                except (imaplib.IMAP4.error, OSError):
                    pass
                self._imap = None


def parse(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message
