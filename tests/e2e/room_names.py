# SPDX-License-Identifier: EUPL-1.2
"""Names of rooms: no two tests of a run share one."""

from __future__ import annotations

import itertools
import os

_numbers = itertools.count(1)


def fresh(word: str) -> str:
    """`word` with a number that nobody else gets."""
    return f"{word}{next(_numbers)}-{os.getpid()}"
