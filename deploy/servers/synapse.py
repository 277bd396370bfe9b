# SPDX-License-Identifier: EUPL-1.2
"""Synapse: the Matrix homeserver, with users made through the shared-secret admin API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import json
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import template, wait
from .process import Server, ServerError

if TYPE_CHECKING:
    from .lab import Lab


class Synapse(Server):
    name = "synapse"

    def __init__(self, lab: Lab, registrations: Sequence[Path | str] = ()) -> None:
        super().__init__(lab)
        self.registrations = [Path(path).absolute() for path in registrations]
        self.log_level = "INFO"
        self.url = f"http://{lab.host}:{lab.ports.synapse}"

    def ports(self) -> list[int]:
        return [self.lab.ports.synapse]

    def logs(self) -> list[Path]:
        return [*super().logs(), self.directory / "homeserver.log"]

    def registration_files(self) -> list[Path]:
        """Those given, or our own."""
        return self.registrations or [self.directory / "registration.yaml"]

    def prepare(self) -> None:
        if importlib.util.find_spec("synapse") is None:
            raise ServerError(f"{sys.executable} has no Synapse: install it with deploy/servers/install.py --venv DIR")
        key = self.directory / "signing.key"
        if not key.exists():
            seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            key.write_text(f"ed25519 a_1 {seed}\n", encoding="utf-8")
        values = self.lab.values()
        if not self.registrations:
            template.write("registration.yaml", self.directory / "registration.yaml", values)
        files = "\n".join(f"  - {json.dumps(str(path))}" for path in self.registration_files())
        values |= {"REGISTRATIONS": files, "LOG_LEVEL": self.log_level}
        template.write("homeserver.yaml", self.directory / "homeserver.yaml", values)
        template.write("synapse-log.yaml", self.directory / "log.yaml", values)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "synapse.app.homeserver", "-c", str(self.directory / "homeserver.yaml")]

    def ready(self) -> bool:
        return wait.http_ok(f"{self.url}/_matrix/client/versions")

    def add_user(self, name: str, password: str | None = None, admin: bool = False) -> str:
        """Makes `@name:hs.localhost` when it is not there yet and returns the Matrix id."""
        user_id = f"@{name}:{self.lab.names.matrix}"
        password = password or self.lab.secrets.password
        path = "/_synapse/admin/v1/register"
        nonce = self.call("GET", path)["nonce"]
        words = [nonce, name, password, "admin" if admin else "notadmin"]
        mac = hmac.new(self.lab.secrets.registration.encode(), "\0".join(words).encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac}
        try:
            self.call("POST", path, body)
        except ServerError as error:
            if "M_USER_IN_USE" not in str(error):
                raise
        return user_id

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, token: str | None = None) -> Any:
        """One HTTP request to the homeserver; an error answer becomes an exception with its text."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise ServerError(f"synapse: {method} {path}: {error.code} {text}") from None
