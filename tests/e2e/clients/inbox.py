# SPDX-License-Identifier: EUPL-1.2
"""What a client has received so far, and waiting for something in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
TIMEOUT = 20.0
SHOWN = 20


class NotArrived(AssertionError):
    """The awaited thing did not come; the text shows what came instead."""


class Inbox(Generic[T]):
    """Everything in order of arrival. Only for use within one event loop."""

    def __init__(self, owner: str, show: Callable[[T], str] = repr) -> None:
        self.items: list[T] = []
        self._owner = owner
        self._show = show
        self._changed = asyncio.Event()

    def add(self, item: T) -> None:
        self.items.append(item)
        self._changed.set()

    def mark(self) -> int:
        """A place in time: `wait_for(..., since=mark)` looks only at what came later."""
        return len(self.items)

    def matching(self, predicate: Callable[[T], bool], since: int = 0) -> list[T]:
        return [item for item in self.items[since:] if predicate(item)]

    async def wait_for(
        self,
        predicate: Callable[[T], bool],
        timeout: float = TIMEOUT,
        *,
        since: int = 0,
        what: str = "what was expected",
    ) -> T:
        """The first item for which the predicate holds, already here or yet to come."""
        return (await self.wait_count(predicate, 1, timeout, since=since, what=what))[0]

    async def wait_count(
        self,
        predicate: Callable[[T], bool],
        count: int,
        timeout: float = TIMEOUT,
        *,
        since: int = 0,
        what: str = "what was expected",
    ) -> list[T]:
        """Waits until at least `count` items match."""
        end = asyncio.get_running_loop().time() + timeout
        while len(found := self.matching(predicate, since)) < count:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), end - asyncio.get_running_loop().time())
            except TimeoutError:
                raise NotArrived(self._complaint(what, count, len(found), timeout, since)) from None
        return found

    def _complaint(self, what: str, count: int, found: int, timeout: float, since: int) -> str:
        arrived = self.items[since:]
        lines = [f"  {self._show(item)}"[:1000] for item in arrived[-SHOWN:]]
        head = f"{self._owner}: {what} did not arrive within {timeout:g} s ({found} of {count}); "
        return head + (f"{len(arrived)} arrived, the last:\n" + "\n".join(lines) if lines else "nothing arrived")
