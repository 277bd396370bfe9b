# SPDX-License-Identifier: EUPL-1.2
"""A lab: all servers of one state directory, with their ports, names, secrets and certificate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import tls
from .dnsmasq import Dnsmasq
from .dovecot import Dovecot
from .ejabberd import Ejabberd
from .gateway import Gateway
from .names import Names, Ports, Secrets
from .postfix import Inbound, Postfix
from .process import Server, ServerError
from .prosody import Prosody
from .synapse import Synapse


class Lab:
    """Knows everything, starts nothing by itself.

    `registrations`: application-service files for Synapse; without any, one is written from a template.
    `inbound`: how Postfix hands the gateway's mail domain over, "imap" or "lmtp".
    """

    def __init__(
        self,
        state_dir: Path | str,
        port_base: int = 20000,
        *,
        registrations: Sequence[Path | str] = (),
        inbound: Inbound = "imap",
    ) -> None:
        self.state = Path(state_dir).absolute()
        self.port_base = port_base
        self.host = "127.0.0.1"
        self.names = Names()
        self.ports = Ports.from_base(port_base)
        self.state.mkdir(parents=True, exist_ok=True)
        self._check_path()
        self.secrets = Secrets.load(self.state / "secrets.json")
        self.tls = self.state / "tls"
        self.ca_file = self.tls / "ca.pem"
        tls.make(self.tls, asdict(self.names).values())
        self.synapse = Synapse(self, registrations)
        self.prosody = Prosody(self)
        self.ejabberd = Ejabberd(self)
        self.dovecot = Dovecot(self)
        self.postfix = Postfix(self, inbound)
        self.gateway = Gateway(self)
        self.dnsmasq = Dnsmasq(self)
        # Order of starting; they stop the other way round. Postfix needs Dovecot's SASL and holds its connections.
        self.servers: dict[str, Server] = {
            server.name: server for server in (self.dovecot, self.postfix, self.prosody, self.ejabberd, self.synapse)
        }

    def start(self, only: Iterable[str] | None = None) -> None:
        """Starts all servers, or some (Postfix brings Dovecot along)."""
        wanted = self._known(self.servers if only is None else only)
        if "postfix" in wanted:
            wanted.add("dovecot")
        for name, server in self.servers.items():
            if name in wanted:
                server.start()

    def stop(self, only: Iterable[str] | None = None) -> None:
        """Stops what runs, or some of it; the gateway first, when all is stopped."""
        if only is None:
            self.gateway.stop()
            self.dnsmasq.stop()
        wanted = self._known(self.servers if only is None else only)
        for name, server in reversed(self.servers.items()):
            if name in wanted:
                server.stop()

    def values(self) -> dict[str, object]:
        """What the templates may name, for example @PORT_IMAP@, @NAME_MAIL@, @SECRET_COMPONENT@, @STATE@."""
        values: dict[str, object] = {"STATE": self.state}
        for prefix, group in (("NAME", self.names), ("PORT", self.ports), ("SECRET", self.secrets)):
            for key, value in asdict(group).items():
                values[f"{prefix}_{key.upper()}"] = value
        for key, value in asdict(self.names).items():
            values[f"REGEX_{key.upper()}"] = value.replace(".", r"\.")
        return values

    def describe(self) -> dict[str, Any]:
        """Everything a client or the gateway has to know, ready for JSON."""
        return {
            "state": str(self.state),
            "host": self.host,
            "names": asdict(self.names),
            "ports": asdict(self.ports),
            "secrets": {k: v for k, v in asdict(self.secrets).items() if k != "login_header"},
            "ca_file": str(self.ca_file),
            "homeserver": self.synapse.url,
            "registrations": [str(path) for path in self.synapse.registration_files()],
            "mail_users": [f"{user}@{self.names.mail}" for user in self.dovecot.users()],
            "inbound": self.postfix.inbound,
            "running": {name: server.running() for name, server in self.servers.items()},
        }

    def _known(self, names: Iterable[str]) -> set[str]:
        wanted = set(names)
        if unknown := wanted - set(self.servers):
            raise ServerError(f"no such server: {', '.join(sorted(unknown))}; there are {', '.join(self.servers)}")
        return wanted

    def _check_path(self) -> None:
        """Postfix and Dovecot give up root's rights: everybody must be able to pass through."""
        self.state.chmod(0o755)
        for parent in self.state.parents:
            if not parent.stat().st_mode & 0o001:
                raise ServerError(f"{parent} is closed to other users (chmod o+x), mail servers cannot work below it")
