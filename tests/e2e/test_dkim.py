# SPDX-License-Identifier: EUPL-1.2
"""Signatures checked by the gateway itself, with records from a real name server and mails signed by dkimpy: who is believed,
who is refused, and that nothing is refused or lost while DNS is away. By both ways in."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from clients import MailClient
from conftest import WAYS, People, Way
from ghosts import on_xmpp
from pair import Pair, is_report
from servers import Lab
from servers.gateway import Gateway

pytestmark = pytest.mark.asyncio

SELECTOR = "2026"
# What strangers' domains publish: no policy at all, and one that wants its very own signature.
DOMAINS = ("town.test", "mailer.town.test", "evil.test", "strict.test", "mailer.strict.test")


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@dataclass
class Signer:
    """One key, published by every domain."""

    private: bytes

    def sign(self, mail: EmailMessage, domain: str, **more: object) -> bytes:
        raw = mail.as_bytes()
        head = dkim.sign(raw, SELECTOR.encode(), domain.encode(), self.private, canonicalize=(b"relaxed", b"relaxed"), **more)
        return bytes(head) + raw


@pytest.fixture(scope="module")
def signer(servers: Lab, state_root: Path) -> Signer:
    made = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout"], input=made, capture_output=True, check=True).stdout.decode()
    key = "".join(line for line in public.splitlines() if "-----" not in line)
    servers.dnsmasq.records = {f"{SELECTOR}._domainkey.{domain}": f"v=DKIM1; k=rsa; p={key}" for domain in DOMAINS}
    servers.dnsmasq.records["_dmarc.strict.test"] = "v=DMARC1; p=none; adkim=s"
    return Signer(made)


@pytest.fixture
def gateway(servers: Lab, signer: Signer, gateway: Gateway) -> Iterator[Gateway]:
    """The gateway checks signatures, and DNS works."""
    servers.dnsmasq.start()
    if not gateway.verify_dkim:
        gateway.verify_dkim = True
        gateway.restart()
        gateway.wait_online()
    yield gateway
    gateway.verify_dkim = False
    gateway.stop()


@dataclass
class Dora:
    """A stranger whose domain is not of this mail system: it comes in by port 25, and reports go to a box that exists here."""

    pair: Pair
    box: MailClient
    signer: Signer

    def compose(self, text: str, domain: str = "town.test") -> EmailMessage:
        mail = self.box.compose(self.pair.bob_for_carol, text)
        mail.replace_header("From", f"Dora <dora@{domain}>")
        return mail

    async def send(self, mail: EmailMessage | bytes) -> None:
        await self.box.inject(mail, to=[self.pair.bob_for_carol], sender=self.box.address)

    async def bob_hears(self, text: str, timeout: float = 30, domain: str = "town.test") -> None:
        ghost = on_xmpp(f"dora@{domain}")
        await self.pair.bob.client.wait_for(
            lambda s: s.kind == "message" and s.body == text and s.sender.split("/")[0] == ghost, timeout, what=f"{text!r} of Dora"
        )

    def bob_heard(self) -> list[str | None]:
        return [s.body for s in self.pair.bob.client.stanzas.items if s.kind == "message" and s.body and s.type != "error"]

    async def refused(self, number: int) -> None:
        await self.box.wait_for(lambda _: len(self.box.mails.matching(is_report)) >= number, 60, what=f"report {number}")
        report = self.box.mails.matching(is_report)[-1]
        assert "5.7.1" in report.raw.decode(errors="replace")


@pytest.fixture
def dora(gateway: Gateway, pair: Pair, signer: Signer) -> Dora:
    return Dora(pair, pair.carol, signer)


async def test_a_signature_of_the_authors_organisation_is_believed(dora: Dora, signer: Signer) -> None:
    await dora.send(signer.sign(dora.compose("signed at home"), "town.test"))
    await dora.bob_hears("signed at home")
    await dora.send(signer.sign(dora.compose("signed by the mailer"), "mailer.town.test"))
    await dora.bob_hears("signed by the mailer")
    # What the trusted server says is enough without any signature.
    await dora.pair.carol.send_text(dora.pair.bob_for_carol, "Carol with her login")
    await dora.pair.bob_hears("Carol with her login")


async def test_whoever_is_not_proved_is_refused_and_told(dora: Dora, signer: Signer) -> None:
    changed = signer.sign(dora.compose("I owe you 5 euros"), "town.test").replace(b"5 euros", b"9 euros")
    longer = signer.sign(dora.compose("short"), "town.test", length=True) + b"and long\r\n"
    two = signer.sign(dora.compose("two authors"), "town.test")
    mails: list[EmailMessage | bytes] = [
        dora.compose("not signed at all"),
        signer.sign(dora.compose("signed by somebody else"), "evil.test"),
        changed,
        longer,
        signer.sign(dora.compose("signed by the mailer", "strict.test"), "mailer.strict.test"),
        signer.sign(dora.compose("no such key"), "nowhere.test"),
    ]
    for number, mail in enumerate(mails, 1):
        await dora.send(mail)
        await dora.refused(number)
    await dora.send(b"From: <dora@evil.test>\r\n" + two)
    await dora.box.wait_for(lambda _: len(dora.box.mails.matching(is_report)) > len(mails), 60, what="a report on two authors")
    await dora.send(signer.sign(dora.compose("the real Dora"), "town.test"))
    await dora.bob_hears("the real Dora")
    assert dora.bob_heard() == ["the real Dora"]


async def test_while_dns_is_away_nothing_is_refused_and_then_everything_arrives_once_and_in_order(
    servers: Lab, gateway: Gateway, dora: Dora, signer: Signer
) -> None:
    await dora.send(signer.sign(dora.compose("before", "strict.test"), "strict.test"))
    await dora.bob_hears("before", domain="strict.test")
    servers.dnsmasq.kill()
    for number in range(3):
        await dora.send(signer.sign(dora.compose(f"in the dark {number}"), "town.test"))
    # Others do not wait for it.
    await dora.pair.carol.send_text(dora.pair.bob_for_carol, "Carol with her login")
    await dora.pair.bob_hears("Carol with her login", 60)
    assert not any(text and text.startswith("in the dark") for text in dora.bob_heard())
    gateway.kill()
    gateway.start()
    servers.dnsmasq.start()
    for number in range(3):
        await dora.bob_hears(f"in the dark {number}", 120)
    heard = [text for text in dora.bob_heard() if text and text.startswith("in the dark")]
    assert len(heard) == 3
    if gateway.inbound == "imap":
        assert heard == sorted(heard), "a mail server's queue keeps no order, a mailbox does"
    await asyncio.to_thread(servers.postfix.flush)
    await dora.send(signer.sign(dora.compose("and light"), "town.test"))
    await dora.bob_hears("and light", 60)
    assert len([text for text in dora.bob_heard() if text and text.startswith("in the dark")]) == 3
    await dora.box.fetch()
    assert not dora.box.mails.matching(is_report)


async def test_check_says_whether_dns_answers(servers: Lab, gateway: Gateway) -> None:
    fine = gateway.run("check", check=False)
    assert f"DNS at {servers.dnsmasq.address}" in fine.stdout and "can be checked" in fine.stdout, fine.stdout
    servers.dnsmasq.stop()
    broken = gateway.run("check", check=False)
    assert broken.returncode == 1 and "Check mail.dns" in broken.stdout, broken.stdout
