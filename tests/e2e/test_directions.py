# SPDX-License-Identifier: EUPL-1.2
"""The six directions with real servers and clients: first contact by the typed address, answers, scripts, lengths, order."""

from __future__ import annotations

import asyncio
import itertools

import pytest
import pytest_asyncio
from conftest import WAYS, People, Way
from servers.gateway import Gateway
from talkers import OnMail, OnMatrix, OnXmpp, Talker

pytestmark = pytest.mark.asyncio

PAIRS = list(itertools.permutations(("matrix", "xmpp", "mail"), 2))
TEXTS = [
    "Grüße aus Köln: äöüß ÄÖÜ ẞ",
    "Привет, как дела? 你好，世界。مرحبا بالعالم שלום नमस्ते",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \U0001d54f",
    "<b>not bold</b> & \"quoted\" 'single' \\backslash ]]> &amp; %20 =40",
    "two\nlines\n\nand a paragraph",
    "From here on\n.\n..\n> not a quote of yours, but mine",
]


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest_asyncio.fixture
async def talkers(gateway: Gateway, people: People, way: Way) -> dict[str, Talker]:
    return {
        "matrix": OnMatrix(await people.matrix()),
        "xmpp": OnXmpp(await people.xmpp(server=way.xmpp)),
        "mail": OnMail(await people.mail()),
    }


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: name)
async def test_first_contact_and_answer(talkers: dict[str, Talker], source: str, target: str) -> None:
    one, other = talkers[source], talkers[target]
    await one.say(other, "Hello, who are you?")
    await other.hear(one, "Hello, who are you?")
    await other.say(one, "It is me.")
    await one.hear(other, "It is me.")
    await one.say(other, "Good to know.")
    await other.hear(one, "Good to know.")


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: name)
async def test_texts_of_every_script_arrive_unchanged_and_in_order(talkers: dict[str, Talker], source: str, target: str) -> None:
    one, other = talkers[source], talkers[target]
    texts = TEXTS if source != "mail" else TEXTS[:5]
    for text in texts:
        await one.say(other, text)
        await other.hear(one, text)
    if target != "mail":
        assert await other.heard(one) == texts


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: name)
async def test_a_long_text_arrives_whole(talkers: dict[str, Talker], source: str, target: str) -> None:
    one, other = talkers[source], talkers[target]
    long = " ".join(f"word{number}" for number in range(6000))
    await one.say(other, long)

    async def arrived() -> str:
        return "".join(await other.heard(one))

    for _ in range(300):
        if len(await arrived()) >= len(long):
            break
        await asyncio.sleep(0.1)
    assert await arrived() == long


async def test_three_people_talk_to_each_other_at_once(talkers: dict[str, Talker]) -> None:
    """Both sides of each pair speak first at the same moment; each pair has one chat in the end."""
    people = list(talkers.values())
    pairs = list(itertools.permutations(people, 2))
    await asyncio.gather(*(one.say(other, f"from {one.network} to {other.network}") for one, other in pairs))
    await asyncio.gather(*(other.hear(one, f"from {one.network} to {other.network}") for one, other in pairs))
    await asyncio.gather(*(one.say(other, f"again from {one.network}") for one, other in pairs))
    await asyncio.gather(*(other.hear(one, f"again from {one.network}") for one, other in pairs))
    matrix = talkers["matrix"]
    assert isinstance(matrix, OnMatrix)
    for other in people[1:]:
        ghost = matrix.ghost_of(other)
        rooms = [room for room in await matrix.client.rooms() if (await matrix.client.members(room)).get(ghost) == "join"]
        assert len(rooms) == 1, f"{len(rooms)} rooms with the ghost from {other.network}"
