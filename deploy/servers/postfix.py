# SPDX-License-Identifier: EUPL-1.2
"""Postfix from a private directory: mail for the users, and the gateway's domain by one of two ways."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from . import template, wait
from .process import Server, ServerError

if TYPE_CHECKING:
    from .lab import Lab

Inbound = Literal["imap", "lmtp"]
DAEMONS = "/usr/lib/postfix/sbin"
TABLES = ("aliases", "headers", "headers_submission", "login", "mailboxes", "recipients", "senders", "transport")
# imap: one copy for each original recipient in the mailbox of `bridge`. lmtp: straight to the gateway.
DOMAINS = {"imap": ("virtual_alias_domains", "relay_domains"), "lmtp": ("relay_domains", "virtual_alias_domains")}


class Postfix(Server):
    """`inbound` and `refusals` (pairs of an address and the reply it gets) may be changed; they count from the next start."""

    name = "postfix"

    def __init__(self, lab: Lab, inbound: Inbound = "imap") -> None:
        super().__init__(lab)
        self.inbound: Inbound = inbound
        self.refusals: list[tuple[str, str]] = []

    def ports(self) -> list[int]:
        p = self.lab.ports
        return [p.smtp, p.submission, p.smtps]

    @property
    def etc(self) -> Path:
        return self.directory / "etc"

    def logs(self) -> list[Path]:
        return [*super().logs(), self.directory / "mail.log"]

    def prepare(self) -> None:
        if os.geteuid() != 0:
            raise ServerError("postfix: its master has to be started by root")
        for folder in ("etc", "spool", "data"):
            (self.directory / folder).mkdir(exist_ok=True)
        shutil.chown(self.directory / "data", "postfix")
        used, unused = DOMAINS[self.inbound]
        refusals = "\n".join(f"/^{re.escape(address)}$/  {reply}" for address, reply in self.refusals)
        values = self.lab.values() | {"GATEWAY_CLASS": used, "OTHER_CLASS": unused, "DAEMONS": DAEMONS, "REFUSALS": refusals}
        template.write("main.cf", self.etc / "main.cf", values)
        template.write("master.cf", self.etc / "master.cf", values)
        for table in TABLES:
            template.write(f"postfix/{table}", self.etc / table, values)
        done = subprocess.run(["postfix", "-c", str(self.etc), "check"], capture_output=True, text=True)
        if done.returncode != 0:
            raise ServerError(f"postfix check:\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        # What `postfix start-fg` runs at last, without the shell around it that swallows SIGTERM.
        return [f"{DAEMONS}/master", "-c", str(self.etc), "-s"]

    def ready(self) -> bool:
        p = self.lab.ports
        return (
            wait.answers(p.smtp, b"220 ")
            and wait.answers(p.submission, b"AUTH PLAIN", say=b"EHLO probe\r\n")
            and wait.answers(p.smtps, b"AUTH PLAIN", say=b"EHLO probe\r\n", tls=True)
        )

    def flush(self) -> None:
        """Tries everything in the queue again, now."""
        subprocess.run(["postqueue", "-c", str(self.etc), "-f"], check=True, capture_output=True)

    def queue(self) -> str:
        """The waiting mail, one JSON object a line."""
        done = subprocess.run(["postqueue", "-c", str(self.etc), "-j"], check=True, capture_output=True, text=True)
        return done.stdout
