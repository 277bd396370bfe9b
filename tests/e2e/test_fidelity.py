# SPDX-License-Identifier: EUPL-1.2
"""Everything that a chat message can be, from each kind of client to each other: what arrives is what docs/fidelity.md says.

`DREIKLANG_WRITE_FIDELITY=1` writes the file anew from what is seen; a line or column that the file lacks fails the test."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
from conftest import People, Way
from fidelity import table
from fidelity.client import Client
from fidelity.features import FEATURES, Outcome
from fidelity.on_delta import DeltaSide
from fidelity.on_mail import MailSide
from fidelity.on_matrix import MatrixSide
from fidelity.on_xmpp import XmppSide
from servers import Lab
from servers.gateway import Gateway
from test_delta import OnDelta

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]


async def client(kind: str, people: People, servers: Lab, gateway: Gateway, way: Way, directory: Path) -> Client:
    match kind:
        case "Matrix":
            return MatrixSide(await people.matrix())
        case "XMPP":
            return XmppSide(await people.xmpp(server=way.xmpp), servers.names.upload)
        case "Delta Chat":
            return DeltaSide(OnDelta(await people.delta(force_encryption=True)), gateway, directory)
        case _:
            return MailSide(await people.mail())


@pytest.mark.parametrize("pair", table.PAIRS, ids=table.title)
async def test_what_crosses(
    pair: tuple[str, str], people: People, servers: Lab, gateway: Gateway, way: Way, tmp_path: Path
) -> None:
    sender, receiver = [await client(kind, people, servers, gateway, way, tmp_path) for kind in pair]
    opener, other = (receiver, sender) if receiver.kind == "Delta Chat" else (sender, receiver)
    await opener.meet(other)
    seen, reduced = {}, []
    for feature in FEATURES:
        word, observer = f"word-{uuid.uuid4().hex[:8]}", sender if feature.told else receiver
        since = observer.mark()
        if not await sender.does(feature, word):
            seen[feature.key] = table.UNSAID
            continue
        outcome = await observer.sees(feature, word, since) if feature.signal else None
        later = f"later-{uuid.uuid4().hex[:8]}"
        await sender.say(later)
        await receiver.hear(later)
        outcome = outcome or await observer.sees(feature, word, since)
        seen[feature.key] = str(outcome)
        if table.must_be_native(feature, pair) and outcome is not Outcome.NATIVE:
            reduced.append(f"{feature.title}: {outcome}")
    assert not reduced, "though both networks have a form for it"
    if os.environ.get("DREIKLANG_WRITE_FIDELITY"):
        table.write(pair, seen)
    assert table.standing(pair) == seen
