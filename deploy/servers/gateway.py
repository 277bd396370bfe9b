# SPDX-License-Identifier: EUPL-1.2
"""The gateway itself beside the servers of a lab: its configuration, its registration, its process."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import template, wait
from .process import Server, ServerError

if TYPE_CHECKING:
    from .lab import Lab

ROOT = Path(__file__).resolve().parents[2]


def binary() -> Path:
    """The program: what DREIKLANG_BINARY names, else what cargo built last."""
    named = os.environ.get("DREIKLANG_BINARY")
    candidates = [Path(named)] if named else [ROOT / "target" / kind / "dreiklang" for kind in ("release", "debug")]
    found = [path for path in candidates if path.exists()]
    if not found:
        raise ServerError(f"there is no gateway at {', '.join(map(str, candidates))}: build it with cargo build")
    return max(found, key=lambda path: path.stat().st_mtime)


class Gateway(Server):
    """Not started with the other servers: it needs `register()` first, and Synapse the file that this writes."""

    name = "gateway"

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.program: Path | None = None
        self.legs: set[str] = {"matrix", "xmpp", "mail"}
        self.xmpp_server = "prosody"
        self.inbound = "imap"
        self.verify_dkim = False
        # How the mail servers are reached; a server of None is the lab's own, on the port for that kind of security.
        self.imap_security = "none"
        self.imap_server: str | None = None
        self.smtp_security = "tls"
        self.smtp_server: str | None = None
        self.ca_file = lab.ca_file
        self.language = "en"
        self.policy = ""
        self.config = self.directory / "config.toml"
        self.registration = self.directory / "registration" / "synapse-registration.yaml"

    def ports(self) -> list[int]:
        ports = [self.lab.ports.gateway_admin]
        if "matrix" in self.legs:
            ports.append(self.lab.ports.gateway_as)
        if "mail" in self.legs and self.inbound == "lmtp":
            ports.append(self.lab.ports.gateway_lmtp)
        return ports

    def prepare(self) -> None:
        secrets = self.directory / "secrets"
        secrets.mkdir(parents=True, exist_ok=True)
        contents = {
            "as_token": self.lab.secrets.as_token,
            "hs_token": self.lab.secrets.hs_token,
            "xmpp": self.lab.secrets.component,
            "mail": self.lab.secrets.password,
        }
        for name, content in contents.items():
            (secrets / name).write_text(content + "\n", encoding="utf-8")
            (secrets / name).chmod(0o600)
        legs = [getattr(self, f"_{leg}")() for leg in ("matrix", "xmpp", "mail") if leg in self.legs]
        values = self.lab.values() | {"CA_FILE": self.ca_file, "LANGUAGE": self.language, "LEGS": "\n".join(legs), "POLICY": self.policy}
        template.write("gateway.toml", self.config, values)

    def _matrix(self) -> str:
        lab = self.lab
        return f"""
[organisation.matrix]
server_name = "{lab.names.matrix}"
homeserver = "http://{lab.host}:{lab.ports.synapse}"
listen = "{lab.host}:{lab.ports.gateway_as}"
url = "http://{lab.host}:{lab.ports.gateway_as}"
as_token_file = "secrets/as_token"
hs_token_file = "secrets/hs_token"
"""

    def _xmpp(self) -> str:
        lab = self.lab
        port = lab.ports.prosody_component if self.xmpp_server == "prosody" else lab.ports.ejabberd_component
        names = {"matrix": lab.names.component_matrix, "mail": lab.names.component_mail}
        domains = ", ".join(f'{leg} = "{names[leg]}"' for leg in ("matrix", "mail") if leg in self.legs)
        return f"""
[organisation.xmpp]
server = "{lab.host}:{port}"
domains = {{ {domains} }}
secret_file = "secrets/xmpp"
"""

    def _mail(self) -> str:
        lab = self.lab
        login = f'user = "bridge@{lab.names.mail}", password_file = "secrets/mail"'
        imap_port = lab.ports.imaps if self.imap_security == "tls" else lab.ports.imap
        smtp_port = lab.ports.smtps if self.smtp_security == "tls" else lab.ports.submission
        imap_server = self.imap_server or f"localhost:{imap_port}"
        smtp_server = self.smtp_server or f"localhost:{smtp_port}"
        imap = f'{{ server = "{imap_server}", security = "{self.imap_security}", {login} }}'
        smtp = f'{{ server = "{smtp_server}", security = "{self.smtp_security}", {login} }}'
        way = f"imap = {imap}" if self.inbound == "imap" else f'lmtp = {{ listen = "{lab.host}:{lab.ports.gateway_lmtp}" }}'
        dkim = f'verify_dkim = true\ndns = "{lab.dnsmasq.address}"' if self.verify_dkim else ""
        return f"""
[organisation.mail]
domain = "{lab.names.gateway}"
{way}
smtp = {smtp}
trusted_authserv_id = "{lab.names.mail}"
{dkim}
"""

    def register(self) -> Path:
        """Writes the configuration and, through the gateway's own command, the file for the homeserver."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self.run("registration", "--output", str(self.registration.parent))
        return self.registration

    def command(self) -> list[str]:
        return [str(self.program or binary()), "--config", str(self.config), "run"]

    def environment(self) -> dict[str, str]:
        return {"RUST_BACKTRACE": "1"}

    def ready(self) -> bool:
        """It lives; whether its legs are connected is `online()`."""
        return wait.http_ok(self.admin("/livez"))

    def admin(self, path: str) -> str:
        return f"http://{self.lab.host}:{self.lab.ports.gateway_admin}{path}"

    def online(self) -> bool:
        return wait.http_ok(self.admin("/readyz"))

    def wait_online(self, timeout: float = 60.0) -> None:
        if not wait.until(lambda: self.online() or not self.running(), timeout) or not self.running():
            raise ServerError(f"the gateway is not ready:\n{self.get('/readyz')}\n{self.last_words()}")

    def get(self, path: str) -> str:
        try:
            with urllib.request.urlopen(self.admin(path), timeout=5) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError as error:
            return f"no answer: {error}"

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all samples of a metric that bear the labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        samples = (line for line in self.get("/metrics").splitlines() if line.startswith(name) and line[len(name)] in "{ ")
        return sum(float(line.rsplit(" ", 1)[1]) for line in samples if all(label in line for label in wanted))

    def waiting(self) -> int:
        """Messages in the queue, dead ones left out."""
        status: dict[str, Any] = json.loads(self.get("/status"))
        return sum(entry["number"] for entry in status["queue"] if entry["state"] == "waiting")

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of the gateway, with its configuration."""
        command = [str(self.program or binary()), "--config", str(self.config), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise ServerError(f"{' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done
