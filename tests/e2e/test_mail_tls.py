# SPDX-License-Identifier: EUPL-1.2
"""How connections to mail servers are protected: TLS and STARTTLS with the real Dovecot and Postfix, a certificate that nobody
vouches for, and a server (or somebody in between) that does not want TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from pair import Pair
from servers import Lab, tls, wait
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio


@pytest.fixture
def changeable(gateway: Gateway, servers: Lab) -> Iterator[Gateway]:
    """A gateway whose ways to the mail servers a test may change."""
    yield gateway
    gateway.stop()
    gateway.imap_security, gateway.imap_server = "none", None
    gateway.smtp_security, gateway.smtp_server = "tls", None
    gateway.ca_file = servers.ca_file


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_messages_cross_over_protected_connections(changeable: Gateway, servers: Lab, pair: Pair, security: str) -> None:
    log = servers.dovecot.directory / "dovecot.log"
    seen = log.stat().st_size
    changeable.imap_security = changeable.smtp_security = security
    changeable.restart()
    changeable.wait_online()
    await pair.carol.send_text(pair.bob_for_carol, "in over TLS")
    await pair.bob_hears("in over TLS")
    pair.bob.client.send_message(pair.carol_for_bob, "out over TLS")
    await pair.carol.wait_text("out over TLS")
    checked = changeable.run("check", check=False)
    assert checked.returncode == 0, checked.stdout
    lines = log.read_text(encoding="utf-8", errors="replace")[seen:].splitlines()
    logins = [line for line in lines if "imap-login: Info: Login: user=<bridge@" in line]
    assert logins and all(", TLS" in line for line in logins), logins


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_that_nobody_vouches_for_is_named_and_nothing_is_said_to_it(
    changeable: Gateway, servers: Lab, security: str
) -> None:
    tls.make(servers.state / "other-tls", ["localhost"])
    log = servers.dovecot.directory / "dovecot.log"
    seen = log.stat().st_size
    changeable.imap_security = changeable.smtp_security = security
    changeable.ca_file = servers.state / "other-tls" / "ca.pem"
    changeable.restart()
    checked = changeable.run("check", check=False)
    assert checked.returncode == 1
    wrong = [line for line in checked.stdout.splitlines() if "mail" in line and "ca_file" in line]
    assert len(wrong) == 2 and all("certificate" in line for line in wrong), checked.stdout
    assert wait.until(lambda: changeable.get("/readyz").count("certificate") == 2, 20), changeable.get("/readyz")
    assert not changeable.online()
    assert "imap-login: Info: Login: user=<bridge@" not in log.read_text(encoding="utf-8", errors="replace")[seen:]


@dataclass
class Stripped:
    """A mail server without TLS, or somebody in between who takes it away. Keeps what it was told."""

    port: int = 0
    told: list[str] = field(default_factory=list)


@asynccontextmanager
async def stripped(greeting: str, answer: str) -> AsyncIterator[Stripped]:
    server = Stripped()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting.encode())
        while line := await reader.readline():
            server.told.append(line.decode(errors="replace").strip())
            writer.write(answer.replace("TAG", server.told[-1].split(" ")[0]).encode())
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


async def test_without_starttls_nothing_is_said_in_the_clear(changeable: Gateway) -> None:
    async with (
        stripped("* OK hello\r\n", "TAG NO not here\r\n") as imap,
        stripped("220 hello ESMTP\r\n", "502 5.5.1 not here\r\n") as smtp,
    ):
        changeable.imap_security = changeable.smtp_security = "starttls"
        changeable.imap_server, changeable.smtp_server = f"localhost:{imap.port}", f"localhost:{smtp.port}"
        changeable.prepare()
        checked = await asyncio.to_thread(changeable.run, "check", check=False)
        assert checked.returncode == 1
        assert len([line for line in checked.stdout.splitlines() if "STARTTLS" in line]) == 2, checked.stdout
        assert [line.split(" ", 1)[1] for line in imap.told] == ["STARTTLS"]
        assert {line.split(" ")[0] for line in smtp.told} <= {"EHLO", "STARTTLS"} and smtp.told
