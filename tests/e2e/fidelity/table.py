# SPDX-License-Identifier: EUPL-1.2
"""docs/fidelity.md: read, compared, written anew."""

from __future__ import annotations

from pathlib import Path

from fidelity.features import FEATURES, KINDS, Feature

FILE = Path(__file__).resolve().parents[3] / "docs" / "fidelity.md"
# Who can talk to whom: people of one network need no gateway.
PAIRS = tuple(
    (one, other)
    for one in KINDS
    for other in KINDS
    if one != other and {one, other} != {"Delta Chat", "mail program"}
)
UNSAID = "–"
HEAD = """# What crosses

Written by the end-to-end tests with real clients (`tests/e2e/test_fidelity.py`), which fail when they see anything else. Each line
is one thing that people do in a chat; each column is from one kind of client to another.

* **native**: it arrives as what it is, in the form that the receiving network has for it.
* **as text**: the receiving client has no such thing; what it says stands there in words.
* **as a file**: it arrives as a file that the client plays or opens.
* **impossible**: the receiving client has no such thing, and words about it would only disturb (a read marker, say).
* **–**: the sending client has no such thing.

## From whom to whom

"""


def title(pair: tuple[str, str]) -> str:
    return f"{pair[0]} → {pair[1]}"


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def standing(pair: tuple[str, str]) -> dict[str, str]:
    """What the file says about a pair: feature and outcome."""
    table = rows(FILE.read_text(encoding="utf-8").split("## In which form")[0]) if FILE.exists() else []
    if not table or title(pair) not in table[0]:
        return {}
    column = table[0].index(title(pair))
    titles = {feature.title: feature.key for feature in FEATURES}
    return {titles[row[0]]: row[column] for row in table[2:] if row[0] in titles}


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def write(pair: tuple[str, str], seen: dict[str, str]) -> None:
    """Puts one pair's column into the file."""
    columns = {each: seen if each == pair else standing(each) for each in PAIRS}
    text = HEAD + line(["", *map(title, PAIRS)]) + line(["---"] * (len(PAIRS) + 1))
    for feature in FEATURES:
        text += line([feature.title, *(columns[each].get(feature.key, "") for each in PAIRS)])
    text += "\n## In which form\n\n" + line(["", *KINDS]) + line(["---"] * (len(KINDS) + 1))
    text += "".join(line([feature.title, *(form or UNSAID for form in feature.forms)]) for feature in FEATURES)
    FILE.write_text(text, encoding="utf-8")


def must_be_native(feature: Feature, pair: tuple[str, str]) -> bool:
    """Both have a form for it: then it crosses as what it is."""
    return all(feature.form(kind) for kind in pair)
