# SPDX-License-Identifier: EUPL-1.2
"""ejabberd: the other XMPP server, with the same names and secrets as Prosody on other ports.

Runs as bare `erl` without a node name, so that neither epmd nor the Erlang distribution listens anywhere.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from . import template
from .process import Server, ServerError
from .xmpp_probe import serves


class Ejabberd(Server):
    name = "ejabberd"
    log_level = "info"

    def ports(self) -> list[int]:
        p = self.lab.ports
        return [p.ejabberd_c2s, p.ejabberd_c2s_tls, p.ejabberd_component, p.ejabberd_http, p.ejabberd_stranger]

    def logs(self) -> list[Path]:
        return [*super().logs(), self.directory / "logs" / "ejabberd.log"]

    def prepare(self) -> None:
        for folder in ("logs", "mnesia", "upload"):
            (self.directory / folder).mkdir(exist_ok=True)
        template.write(
            "ejabberd.yml", self.directory / "ejabberd.yml", self.lab.values() | {"LOG_LEVEL": self.log_level}
        )

    def environment(self) -> dict[str, str]:
        libraries = [str(path.parent) for path in Path("/usr/lib").glob("*/ejabberd-*")]
        return {
            "ERL_LIBS": ":".join(libraries),
            "EJABBERD_CONFIG_PATH": str(self.directory / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.directory / "logs" / "ejabberd.log"),
            "HOME": str(self.directory),
            "ERL_CRASH_DUMP": str(self.directory / "erl_crash.dump"),
        }

    def command(self) -> list[str]:
        return [
            "erl", "-noinput", "-mnesia", "dir", f'"{self.directory / "mnesia"}"', "-s", "ejabberd",
            "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
        ]  # fmt: skip

    def ready(self) -> bool:
        p, n = self.lab.ports, self.lab.names
        return serves(p.ejabberd_c2s, n.xmpp, p.ejabberd_component, n.component_matrix)

    def add_user(self, name: str, password: str | None = None) -> str:
        """Makes `name@xmpp.localhost` when it is not there yet and returns the address."""
        host = self.lab.names.xmpp
        try:
            self.api("register", {"user": name, "host": host, "password": password or self.lab.secrets.password})
        except ServerError as error:
            if "409" not in str(error):
                raise
        return f"{name}@{host}"

    def api(self, command: str, arguments: dict[str, Any]) -> Any:
        """One of ejabberd's administration commands (there is no ejabberdctl without a node name)."""
        url = f"http://{self.lab.host}:{self.lab.ports.ejabberd_http}/api/{command}"
        request = urllib.request.Request(url, json.dumps(arguments).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ServerError(f"ejabberd {command}: {error.code} {error.read().decode(errors='replace')}") from None
