# SPDX-License-Identifier: EUPL-1.2
"""dnsmasq: text records, as the owners of signing domains publish them; of everything else it says that there is none."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from . import wait
from .process import Server

if TYPE_CHECKING:
    from .lab import Lab

READY = "ready.test"


class Dnsmasq(Server):
    """Not started with the other servers. `records` (name and text) may be changed; they count from the next start."""

    name = "dnsmasq"

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.records: dict[str, str] = {}

    def ports(self) -> list[int]:
        return [self.lab.ports.dns]

    @property
    def address(self) -> str:
        return f"{self.lab.host}:{self.lab.ports.dns}"

    def prepare(self) -> None:
        lines = [
            f"port={self.lab.ports.dns}", f"listen-address={self.lab.host}", "bind-interfaces",
            "no-resolv", "no-hosts", "local=/#/", "local-ttl=0", "pid-file=", "user=root",
        ]  # fmt: skip
        for name, text in ({READY: "yes"} | self.records).items():
            # A text is made of strings of at most 255 bytes; a comma would begin a new one.
            pieces = [text[at : at + 250] for at in range(0, len(text), 250)]
            lines.append(f"txt-record={name}," + ",".join(f'"{piece}"' for piece in pieces))
        (self.directory / "dnsmasq.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def command(self) -> list[str]:
        return ["dnsmasq", "--keep-in-foreground", f"--conf-file={self.directory / 'dnsmasq.conf'}"]

    def ready(self) -> bool:
        question = b"".join(bytes([len(label)]) + label.encode() for label in READY.split(".")) + b"\0"
        query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + question + struct.pack(">2H", 16, 1)
        return wait.answers(self.lab.ports.dns, b"\x03yes", say=struct.pack(">H", len(query)) + query)
