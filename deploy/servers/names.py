# SPDX-License-Identifier: EUPL-1.2
"""Names, ports and secrets of a lab: what everybody has to agree on."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Names:
    """Host names. None of them resolves: connect to 127.0.0.1 and say the name."""

    matrix: str = "hs.localhost"
    xmpp: str = "xmpp.localhost"
    conference: str = "conference.xmpp.localhost"
    upload: str = "upload.xmpp.localhost"
    pubsub: str = "pubsub.xmpp.localhost"
    mail: str = "mail.localhost"
    gateway: str = "gw.localhost"
    component_matrix: str = "matrix.gw.localhost"
    component_mail: str = "mail.gw.localhost"
    # A component of nobody: tests connect to it and write as a far server would.
    stranger: str = "stranger.localhost"


@dataclass(frozen=True)
class Ports:
    """Ports on 127.0.0.1; each lab takes a hundred from its base."""

    synapse: int
    gateway_as: int
    gateway_admin: int
    gateway_lmtp: int
    gateway_media: int
    prosody_c2s: int
    prosody_c2s_tls: int
    prosody_component: int
    prosody_http: int
    ejabberd_c2s: int
    ejabberd_c2s_tls: int
    ejabberd_component: int
    ejabberd_http: int
    ejabberd_stranger: int
    imap: int
    imaps: int
    lmtp: int
    sasl: int
    smtp: int
    submission: int
    smtps: int
    dns: int

    @classmethod
    def from_base(cls, base: int) -> Ports:
        offsets = (1, 2, 3, 4, 5, 10, 11, 12, 13, 20, 21, 22, 23, 24, 30, 31, 32, 33, 40, 41, 42, 50)
        names = [field.name for field in fields(cls)]
        return cls(**{name: base + offset for name, offset in zip(names, offsets, strict=True)})


@dataclass(frozen=True)
class Secrets:
    """Made once for each state directory and kept there."""

    password: str
    as_token: str
    hs_token: str
    registration: str
    component: str
    login_header: str

    @classmethod
    def load(cls, path: Path) -> Secrets:
        if path.exists():
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        made = cls(**{field.name: secrets.token_hex(16) for field in fields(cls)})
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(made), file)
        return made
