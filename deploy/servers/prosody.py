# SPDX-License-Identifier: EUPL-1.2
"""Prosody: the XMPP server, with a MUC service, upload and one component for each foreign network."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import template
from .process import Server, ServerError
from .xmpp_probe import serves


class Prosody(Server):
    name = "prosody"
    log_level = "info"

    def ports(self) -> list[int]:
        p = self.lab.ports
        return [p.prosody_c2s, p.prosody_c2s_tls, p.prosody_component, p.prosody_http]

    @property
    def config(self) -> Path:
        return self.directory / "prosody.cfg.lua"

    def logs(self) -> list[Path]:
        return [*super().logs(), self.directory / "prosody.log"]

    def prepare(self) -> None:
        (self.directory / "data").mkdir(exist_ok=True)
        template.write("prosody.cfg.lua", self.config, self.lab.values() | {"LOG_LEVEL": self.log_level})

    def command(self) -> list[str]:
        return ["prosody", "--root", "-F", "--config", str(self.config)]

    def ready(self) -> bool:
        p, n = self.lab.ports, self.lab.names
        return serves(p.prosody_c2s, n.xmpp, p.prosody_component, n.component_matrix)

    def add_user(self, name: str, password: str | None = None) -> str:
        """Makes `name@xmpp.localhost` (or sets the password again) and returns the address."""
        host = self.lab.names.xmpp
        command = ["prosodyctl", "--root", "--config", str(self.config), "register", name, host]
        done = subprocess.run([*command, password or self.lab.secrets.password], capture_output=True, text=True)
        if done.returncode != 0:
            raise ServerError(f"prosodyctl register {name}: {done.stdout}{done.stderr}")
        return f"{name}@{host}"
