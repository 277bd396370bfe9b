# SPDX-License-Identifier: EUPL-1.2
"""Dovecot: mailboxes over IMAP, delivery over LMTP, and the passwords for Postfix."""

from __future__ import annotations

import imaplib
import smtplib
from pathlib import Path

from . import template, wait
from .process import Server, ServerError

STANDARD_USERS = ("alice", "bob", "carol", "dave", "erin", "postmaster", "bridge")


class Dovecot(Server):
    name = "dovecot"

    def ports(self) -> list[int]:
        p = self.lab.ports
        return [p.imap, p.imaps, p.lmtp, p.sasl]

    def logs(self) -> list[Path]:
        return [*super().logs(), self.directory / "dovecot.log"]

    @property
    def user_file(self) -> Path:
        return self.directory / "users"

    def prepare(self) -> None:
        for folder in ("mail", "state"):
            (self.directory / folder).mkdir(exist_ok=True)
        (self.directory / "mail").chmod(0o777)
        if not self.user_file.exists():
            self.user_file.write_text("".join(self._entry(user) for user in STANDARD_USERS), encoding="utf-8")
            self.user_file.chmod(0o644)
        template.write("dovecot.conf", self.directory / "dovecot.conf", self.lab.values())

    def command(self) -> list[str]:
        return ["dovecot", "-F", "-c", str(self.directory / "dovecot.conf")]

    def ready(self) -> bool:
        p = self.lab.ports
        return (
            wait.answers(p.imap, b"* OK")
            and wait.answers(p.imaps, b"* OK", tls=True)
            and wait.answers(p.lmtp, b"220 ")
            and wait.answers(p.sasl, b"VERSION")
        )

    def users(self) -> list[str]:
        """Local parts of the users that exist. `t-ANYTHING` exists besides, without being made."""
        if not self.user_file.exists():
            return list(STANDARD_USERS)
        return [line.partition("@")[0] for line in self.user_file.read_text(encoding="utf-8").splitlines()]

    def add_user(self, name: str) -> str:
        """Makes `name@mail.localhost` and returns when Dovecot knows it (it looks once a second)."""
        address = f"{name}@{self.lab.names.mail}"
        if not name.startswith("t-") and name not in self.users():
            with open(self.user_file, "a", encoding="utf-8") as file:
                file.write(self._entry(name))
        if not wait.until(lambda: self.login_works(address), 10):
            raise ServerError(f"dovecot does not know {address}\n{self.last_words()}")
        return address

    def remove_user(self, name: str) -> None:
        """Lets a user go that `add_user` made; returns when Dovecot takes no mail for him."""
        kept = [line for line in self.user_file.read_text(encoding="utf-8").splitlines(True) if line.partition("@")[0] != name]
        self.user_file.write_text("".join(kept), encoding="utf-8")
        if not wait.until(lambda: not self.login_works(f"{name}@{self.lab.names.mail}"), 10):
            raise ServerError(f"dovecot still knows {name}\n{self.last_words()}")

    def deliver(self, mail: bytes, sender: str, name: str) -> None:
        """Puts a mail into a user's inbox, as a mail server does by LMTP."""
        with smtplib.LMTP(self.lab.host, self.lab.ports.lmtp, timeout=20) as lmtp:
            lmtp.sendmail(sender, [f"{name}@{self.lab.names.mail}"], mail)

    def login_works(self, address: str) -> bool:
        try:
            with imaplib.IMAP4(self.lab.host, self.lab.ports.imap, timeout=5) as imap:
                imap.login(address, self.lab.secrets.password)
                return True
        except (imaplib.IMAP4.error, OSError):
            return False

    def _entry(self, name: str) -> str:
        return f"{name}@{self.lab.names.mail}:{{PLAIN}}{self.lab.secrets.password}::::::\n"
