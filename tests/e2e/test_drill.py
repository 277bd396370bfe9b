# SPDX-License-Identifier: EUPL-1.2
"""The drill: streams in each direction while the gateway is killed again and again and each server is restarted once. At the clients
nothing is missing, nothing twice, and each conversation is in the order in which the gateway was given it.

What XEP-0114 cannot protect is measured: a stanza of an XMPP user that lay in a socket at the moment of a kill. His client shows no
receipt for it; whatever it shows a receipt for must have arrived."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from clients import MailClient
from conftest import People
from servers import Lab
from servers.gateway import Gateway
from streams import Stream, ends

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(1500)]

MESSAGES = int(os.environ.get("DREIKLANG_DRILL_MESSAGES", "500"))
KILLS_EVERY = 3.0
RESTARTED = ("prosody", "dovecot", "postfix", "synapse")
PATIENCE = 240.0
PAIRS = list(itertools.permutations(("matrix", "xmpp", "mail"), 2))


async def keep_killing(gateway: Gateway, until: asyncio.Event) -> int:
    """`kill -9` at random moments; the gateway starts again at once."""
    kills = 0
    dice = random.Random(7)
    while not until.is_set():
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(until.wait(), KILLS_EVERY * dice.uniform(0.5, 1.5))
        if until.is_set():
            break
        await asyncio.to_thread(gateway.kill)
        await asyncio.to_thread(gateway.start)
        kills += 1
    return kills


async def restart_each(servers: Lab, streams: list[Stream]) -> None:
    """Each server once, when about a fifth, two fifths … of everything has arrived."""
    for index, name in enumerate(RESTARTED, start=1):
        share = MESSAGES * len(streams) * index / (len(RESTARTED) + 1)
        while sum([len(await stream.heard()) for stream in streams]) < share:
            await asyncio.sleep(0.2)
        await asyncio.to_thread(servers.servers[name].restart)


async def outcome(stream: Stream) -> dict[str, Any]:
    """What arrived of a stream, once nothing more is missing or patience ends."""
    wanted = set(range(MESSAGES))
    told: set[int] = set()
    end = asyncio.get_running_loop().time() + PATIENCE
    while True:
        heard = await stream.heard()
        told = await stream.source.told_of(stream.pattern)
        lost = wanted - {one.number for one in heard} - told
        unsure = lost & await stream.source.unsure_of(stream.name, wanted)
        if not lost - unsure or asyncio.get_running_loop().time() > end:
            break
        await asyncio.sleep(0.2)
    ids = dict.fromkeys((one.id, one.number) for one in heard)
    numbers = [number for _, number in ids]
    given = await stream.source.order(sorted(wanted), stream.pattern)
    return {
        "lost": sorted(lost - unsure),
        "lost in a socket, no receipt shown": sorted(unsure),
        "refused, sender told": len(told),
        "twice": sorted({number for number in numbers if numbers.count(number) > 1}),
        "repeats of one id": len(heard) - len(ids),
        "out of order": numbers != [number for number in given if number in set(numbers)],
    }


async def test_nothing_is_lost_doubled_or_reordered(servers: Lab, gateway: Gateway, people: People, state_root: Path) -> None:
    ports, secret = servers.ports, servers.secrets.password
    bridge = MailClient(
        f"bridge@{servers.names.mail}", secret, host=servers.host, imap=ports.imap, submission=ports.submission, smtp=ports.smtp
    )
    everybody = ends(await people.matrix(), await people.xmpp(stay=True), await people.mail(), bridge)
    streams = [Stream(everybody[source], everybody[target]) for source, target in PAIRS]
    for stream in streams:
        await stream.source.talker.say(stream.target.talker, "hello")
    for stream in streams:
        await stream.target.talker.hear(stream.source.talker, "hello", timeout=60)

    done = asyncio.Event()
    killing = asyncio.create_task(keep_killing(gateway, done))
    try:
        await asyncio.gather(restart_each(servers, streams), *(stream.run(MESSAGES) for stream in streams))
    finally:
        done.set()
    kills = await killing
    assert kills >= 3, "the drill must hurt"
    await asyncio.to_thread(gateway.wait_online)

    report: dict[str, Any] = {"messages": MESSAGES, "kills": kills, "restarted": RESTARTED}
    for stream in streams:
        report[stream.name] = await outcome(stream)
    await bridge.close()
    (state_root / "drill.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(json.dumps(report, indent=1))
    for stream in streams:
        seen = report[stream.name]
        assert not seen["lost"] and not seen["twice"] and not seen["out of order"], f"{stream.name}: {seen}"
        assert len(seen["lost in a socket, no receipt shown"]) <= 5 * (kills + 1), f"{stream.name}: {seen}"
    for _ in range(600):
        if gateway.waiting() == 0:
            break
        await asyncio.sleep(0.1)
    assert gateway.waiting() == 0, gateway.get("/status")
