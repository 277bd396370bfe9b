# SPDX-License-Identifier: EUPL-1.2
"""Fixtures of the end-to-end tests: one running lab for all of them, and clients that are closed at the end."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "deploy")]

from clients import DeltaClient, MailClient, MatrixClient, XmppClient  # noqa: E402
from pair import Pair  # noqa: E402
from servers import Lab  # noqa: E402
from servers.gateway import Gateway  # noqa: E402
from servers.postfix import Inbound  # noqa: E402
from talkers import OnMatrix, OnXmpp  # noqa: E402

PORT_BASE = int(os.environ.get("DREIKLANG_TEST_PORTS", "21000"))


@pytest.fixture(scope="session")
def state_root() -> Iterator[Path]:
    """A directory that the servers' users can pass through (pytest's own is closed to them). Kept on request."""
    path = Path(tempfile.mkdtemp(prefix="dreiklang-"))
    path.chmod(0o755)
    yield path
    if not os.environ.get("DREIKLANG_TEST_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def lab(state_root: Path) -> Iterator[Lab]:
    """A lab with nothing started; start what the test needs."""
    lab = Lab(state_root / "lab", PORT_BASE)
    yield lab
    lab.stop()


@dataclass(frozen=True)
class Way:
    """How the gateway is connected: to which XMPP server, and how mail comes in."""

    xmpp: str
    mail: Inbound

    def __str__(self) -> str:
        return f"{self.xmpp}-{self.mail}"


WAYS = (Way("prosody", "imap"), Way("ejabberd", "lmtp"))


@pytest.fixture(scope="session")
def servers(lab: Lab) -> Lab:
    """All servers run, and Synapse knows the gateway."""
    lab.synapse.stop()  # tests of the servers alone may have started it without the gateway
    lab.synapse.registrations = [lab.gateway.register()]
    lab.start()
    return lab


@pytest.fixture(scope="session")
def way() -> Way:
    """The way most tests take; a module that tests both parametrises it with `WAYS`."""
    return WAYS[0]


@pytest.fixture
def gateway(servers: Lab, way: Way) -> Gateway:
    """The gateway runs, connected in the given way, with nothing waiting in its queue."""
    gateway = servers.gateway
    changed = (gateway.xmpp_server, gateway.inbound) != (way.xmpp, way.mail)
    if changed:
        gateway.stop()
        gateway.xmpp_server, gateway.inbound = way.xmpp, way.mail
    # Whatever a test that failed has left stopped.
    servers.start()
    if servers.postfix.inbound != way.mail:
        servers.postfix.inbound = way.mail
        servers.postfix.restart()
    gateway.start()
    gateway.wait_online()
    return gateway


class People:
    """Makes users on the servers of a lab and logs their clients in. Names are fresh unless given."""

    _numbers = itertools.count(1)

    def __init__(self, lab: Lab, root: Path, stack: AsyncExitStack) -> None:
        self._lab = lab
        self._root = root
        self._stack = stack

    def _fresh(self, name: str | None, prefix: str) -> str:
        return name or f"{prefix}{next(self._numbers)}-{os.getpid()}"

    async def matrix(self, name: str | None = None, *, encrypts: bool = False, auto_join: bool = True) -> MatrixClient:
        lab, name = self._lab, self._fresh(name, "m")
        store = Path(tempfile.mkdtemp(prefix="nio-", dir=self._root)) if encrypts else None
        user = lab.synapse.add_user(name)
        client = await MatrixClient.login(lab.synapse.url, user, lab.secrets.password, store=store, auto_join=auto_join)
        return await self._stack.enter_async_context(client)

    async def xmpp(
        self, name: str | None = None, *, server: str = "prosody", resource: str = "test", stay: bool = False
    ) -> XmppClient:
        lab, name = self._lab, self._fresh(name, "x")
        on = lab.prosody if server == "prosody" else lab.ejabberd
        port = lab.ports.prosody_c2s if server == "prosody" else lab.ports.ejabberd_c2s
        user = on.add_user(name)
        client = await XmppClient.connect(user, lab.secrets.password, lab.host, port, resource=resource, stay=stay)
        return await self._stack.enter_async_context(client)

    async def mail(self, name: str | None = None) -> MailClient:
        lab, name = self._lab, self._fresh(name, "t-")
        p = lab.ports
        client = MailClient(
            lab.dovecot.add_user(name), lab.secrets.password,
            host=lab.host, imap=p.imap, submission=p.submission, smtp=p.smtp,
        )  # fmt: skip
        return await self._stack.enter_async_context(client)

    async def delta(
        self, name: str | None = None, *, force_encryption: bool = False, device: str = ""
    ) -> DeltaClient:
        """`device`: another profile of the same address, with another key."""
        lab, name = self._lab, self._fresh(name, "t-")
        client = await DeltaClient.create(
            self._root / f"delta-{name}{device}", lab.dovecot.add_user(name), lab.secrets.password,
            host=lab.host, imap=lab.ports.imap, submission=lab.ports.submission, name=name.title(),
            force_encryption=force_encryption,
        )  # fmt: skip
        return await self._stack.enter_async_context(client)

    async def another_device(self, of: DeltaClient) -> DeltaClient:
        """The same account of Delta Chat with the same key, on another device."""
        lab, name = self._lab, self._fresh(None, "device-")
        client = await DeltaClient.create(
            self._root / f"delta-{name}", of.address, lab.secrets.password,
            host=lab.host, imap=lab.ports.imap, submission=lab.ports.submission,
            backup=await of.backup(self._root / f"backup-{name}"),
        )  # fmt: skip
        return await self._stack.enter_async_context(client)


@pytest_asyncio.fixture
async def people(lab: Lab, state_root: Path) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(lab, state_root, stack)


@pytest_asyncio.fixture
async def pair(gateway: Gateway, people: People, way: Way) -> Pair:
    """Bob on XMPP and Carol with a mail program."""
    return Pair(OnXmpp(await people.xmpp(server=way.xmpp)), await people.mail())


@pytest_asyncio.fixture
async def alice(gateway: Gateway, people: People) -> OnMatrix:
    """Somebody on Matrix."""
    return OnMatrix(await people.matrix())


@pytest_asyncio.fixture
async def bob(gateway: Gateway, people: People, way: Way) -> OnXmpp:
    """Somebody on the XMPP server of the way."""
    return OnXmpp(await people.xmpp(server=way.xmpp))
