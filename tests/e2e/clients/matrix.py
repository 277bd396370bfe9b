# SPDX-License-Identifier: EUPL-1.2
"""A Matrix user on matrix-nio: logs in, syncs in the background, keeps every event as a dictionary."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from nio import AsyncClient, AsyncClientConfig, InviteEvent, LoginResponse, SyncError, SyncResponse

from .inbox import TIMEOUT, Inbox

Event = dict[str, Any]
# After an outage of the homeserver more can be new in a room than it shows unasked.
FILTER = {"room": {"timeline": {"limit": 5000}}}


class MatrixError(AssertionError):
    """The homeserver said no."""


class MatrixClient:
    """`events` holds timeline, state and invitation events, each with its `room_id`; ephemeral ones too."""

    def __init__(self, homeserver: str, user_id: str, store: Path | None = None, auto_join: bool = True) -> None:
        """`store`: a directory makes the client encrypt and decrypt. `auto_join`: accept invitations."""
        if store is not None:
            store.mkdir(parents=True, exist_ok=True)
        config = AsyncClientConfig(encryption_enabled=store is not None, store_sync_tokens=False)
        self.nio = AsyncClient(homeserver, user_id, store_path=str(store) if store else None, config=config)
        self.user_id = user_id
        self.homeserver = homeserver
        self.auto_join = auto_join
        self.encrypts = store is not None
        self.events: Inbox[Event] = Inbox(user_id, show_event)
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.Event()

    @classmethod
    async def login(
        cls,
        homeserver: str,
        user_id: str,
        password: str,
        *,
        device: str = "test",
        store: Path | None = None,
        auto_join: bool = True,
    ) -> MatrixClient:
        """A client that is logged in and has synced once. Another `device` makes a second client of the same user."""
        client = cls(homeserver, user_id, store, auto_join)
        client.nio.device_id = ""
        answer = await client.nio.login(password, device_name=device)
        if not isinstance(answer, LoginResponse):
            await client.nio.close()
            raise MatrixError(f"{user_id}: login failed: {answer}")
        client._task = asyncio.create_task(client._sync_loop())
        done, _ = await asyncio.wait(
            {client._task, waiting := asyncio.create_task(client._first.wait())},
            timeout=TIMEOUT,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if waiting not in done:
            waiting.cancel()
            error = client._task.exception() if client._task.done() else "no answer"
            await client.close()
            raise MatrixError(f"{user_id}: first sync failed: {error}")
        return client

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.nio.close()

    async def __aenter__(self) -> MatrixClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def wait_for(self, predicate: Callable[[Event], bool], timeout: float = TIMEOUT, **more: Any) -> Event:
        return await self.events.wait_for(predicate, timeout, **more)

    async def wait_message(self, text: str, timeout: float = TIMEOUT, **more: Any) -> Event:
        """A message with exactly this body, by anybody."""

        def matches(event: Event) -> bool:
            return bool(event["type"] == "m.room.message" and event.get("content", {}).get("body") == text)

        return await self.wait_for(matches, timeout, what=f"a message {text!r}", **more)

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """A request of the client-server API that nio has no word for; the path begins with /_matrix."""
        headers = {"Authorization": f"Bearer {self.nio.access_token}"}
        async with aiohttp.ClientSession() as session:
            async with session.request(method, self.homeserver + path, json=body, headers=headers) as answer:
                data = await answer.json()
                if answer.status != 200:
                    raise MatrixError(f"{self.user_id}: {method} {path}: {answer.status} {data}")
                return data

    async def create_room(self, *, invite: Sequence[str] = (), **options: Any) -> str:
        """Options as in POST /createRoom."""
        answer = await self.api("POST", "/_matrix/client/v3/createRoom", {"invite": list(invite), **options})
        return str(answer["room_id"])

    async def create_dm(self, other: str) -> str:
        """A direct chat, marked as such for this user."""
        room = await self.create_room(invite=[other], is_direct=True, preset="trusted_private_chat")
        path = f"/_matrix/client/v3/user/{quote(self.user_id)}/account_data/m.direct"
        try:
            direct = await self.api("GET", path)
        except MatrixError:
            direct = {}
        direct.setdefault(other, []).append(room)
        await self.api("PUT", path, direct)
        return room

    async def send(self, room: str, content: Event, event_type: str = "m.room.message", txn: str | None = None) -> str:
        """Sends any event (encrypted in an encrypted room when the client has a store) and returns its id. With the same `txn` a
        repeat is the same event."""
        if self.encrypts:
            answer = await self.nio.room_send(room, event_type, content, ignore_unverified_devices=True)
            if not hasattr(answer, "event_id"):
                raise MatrixError(f"{self.user_id}: send: {answer}")
            return str(answer.event_id)
        path = f"/_matrix/client/v3/rooms/{quote(room)}/send/{event_type}/{txn or uuid.uuid4().hex}"
        return str((await self.api("PUT", path, content))["event_id"])

    async def send_text(self, room: str, text: str) -> str:
        return await self.send(room, {"msgtype": "m.text", "body": text})

    async def send_emote(self, room: str, text: str) -> str:
        return await self.send(room, {"msgtype": "m.emote", "body": text})

    async def send_notice(self, room: str, text: str) -> str:
        return await self.send(room, {"msgtype": "m.notice", "body": text})

    async def redact(self, room: str, event_id: str, reason: str | None = None) -> str:
        path = f"/_matrix/client/v3/rooms/{quote(room)}/redact/{quote(event_id)}/{uuid.uuid4().hex}"
        return str((await self.api("PUT", path, {"reason": reason} if reason else {}))["event_id"])

    async def set_state(self, room: str, event_type: str, content: Event, key: str = "") -> str:
        path = f"/_matrix/client/v3/rooms/{quote(room)}/state/{event_type}/{quote(key)}"
        return str((await self.api("PUT", path, content))["event_id"])

    async def join(self, room_or_alias: str) -> str:
        return str((await self.api("POST", f"/_matrix/client/v3/join/{quote(room_or_alias)}", {}))["room_id"])

    async def leave(self, room: str) -> None:
        await self.api("POST", f"/_matrix/client/v3/rooms/{quote(room)}/leave", {})

    async def invite(self, room: str, other: str) -> None:
        await self.api("POST", f"/_matrix/client/v3/rooms/{quote(room)}/invite", {"user_id": other})

    async def rooms(self) -> list[str]:
        """Rooms joined."""
        return list((await self.api("GET", "/_matrix/client/v3/joined_rooms"))["joined_rooms"])

    async def members(self, room: str) -> dict[str, str]:
        """Matrix id and membership of everybody in a room."""
        chunk = (await self.api("GET", f"/_matrix/client/v3/rooms/{quote(room)}/members"))["chunk"]
        return {event["state_key"]: event["content"]["membership"] for event in chunk}

    async def wait_invite(self, timeout: float = TIMEOUT, **more: Any) -> str:
        """The room of the first invitation for this user (also when it was accepted at once)."""
        event = await self.wait_for(lambda e: bool(e.get("invited")), timeout, what="an invitation", **more)
        return str(event["room_id"])

    async def _sync_loop(self) -> None:
        while True:
            answer = await self.nio.sync(timeout=20000, sync_filter=FILTER, full_state=not self._first.is_set())
            if isinstance(answer, SyncError):
                if answer.status_code in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"):
                    raise MatrixError(f"{self.user_id}: sync: {answer}")
                await asyncio.sleep(0.2)  # the homeserver is being restarted: ask again, but not in a tight loop
                continue
            assert isinstance(answer, SyncResponse)
            await self._take(answer)
            if self.encrypts:
                await self._keys()
            self._first.set()

    async def _take(self, answer: SyncResponse) -> None:
        for room, invited in answer.rooms.invite.items():
            mine = [e for e in invited.invite_state if isinstance(e, InviteEvent) and self._invites_me(e)]
            for event in invited.invite_state:
                self.events.add({**plain(event), "room_id": room, "invited": event in mine})
            if self.auto_join and mine:
                try:
                    await self.join(room)
                except MatrixError as error:
                    self.events.add({"type": "test.join_failed", "room_id": room, "error": str(error)})
        for rooms in (answer.rooms.join, answer.rooms.leave):
            for room, info in rooms.items():
                ephemeral = [{"type": type(e).__name__, "content": vars(e)} for e in getattr(info, "ephemeral", [])]
                for event in (*info.state, *info.timeline.events):
                    self.events.add({**plain(event), "room_id": room})
                for source in ephemeral:
                    self.events.add({**source, "room_id": room})

    def _invites_me(self, event: InviteEvent) -> bool:
        source = plain(event)
        return source.get("state_key") == self.user_id and source.get("content", {}).get("membership") == "invite"

    async def _keys(self) -> None:
        if self.nio.should_upload_keys:
            await self.nio.keys_upload()
        if self.nio.should_query_keys:
            await self.nio.keys_query()
        await self.nio.send_to_device_messages()


def plain(event: Any) -> Event:
    """The event as the homeserver sent it (nio takes the content out of membership events)."""
    return {"content": getattr(event, "content", {}), **event.source}


def show_event(event: Event) -> str:
    words = (event.get("room_id"), event.get("sender"), event.get("type"), event.get("state_key"), event.get("content"))
    return " ".join(str(word) for word in words if word is not None)
