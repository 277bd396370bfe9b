# SPDX-License-Identifier: EUPL-1.2
"""Fills in the sample configurations: every `@NAME@` is replaced, an unknown one is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "templates"
_MARK = re.compile(r"@([A-Z][A-Z0-9_]*)@")


def fill(name: str, values: Mapping[str, object]) -> str:
    return _MARK.sub(lambda match: str(values[match[1]]), (FOLDER / name).read_text(encoding="utf-8"))


def write(name: str, target: Path, values: Mapping[str, object], mode: int = 0o644) -> None:
    """Writes a filled template; leaves an identical file untouched."""
    text = fill(name, values)
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)
