# SPDX-License-Identifier: EUPL-1.2
"""The demonstration: three people, three networks, six directions, on real servers. Started by `deploy/demo`."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import signal
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "e2e")]

from clients import MailClient, MatrixClient, XmppClient  # noqa: E402
from servers import Lab  # noqa: E402
from talkers import OnMail, OnMatrix, OnXmpp, Talker  # noqa: E402

NAMES = {"matrix": "Alice", "xmpp": "Bob", "mail": "Carol"}
SERVERS = ("dovecot", "postfix", "prosody", "synapse")


def say(text: str = "") -> None:
    print(text, flush=True)


async def talkers(lab: Lab, stack: AsyncExitStack) -> dict[str, Talker]:
    """Alice on Matrix, Bob on XMPP, Carol on mail, each with a client of her or his network."""
    secret, ports = lab.secrets.password, lab.ports
    alice = await MatrixClient.login(lab.synapse.url, lab.synapse.add_user("alice"), secret)
    bob = await XmppClient.connect(lab.prosody.add_user("bob"), secret, lab.host, ports.prosody_c2s)
    carol = MailClient(
        lab.dovecot.add_user("carol"), secret, host=lab.host, imap=ports.imap, submission=ports.submission, smtp=ports.smtp
    )
    for client in (alice, bob, carol):
        await stack.enter_async_context(client)
    return {"matrix": OnMatrix(alice), "xmpp": OnXmpp(bob), "mail": OnMail(carol)}


async def talk(people: dict[str, Talker]) -> None:
    """Everybody writes to everybody, by the address that one would type, and is answered."""
    for one, other in itertools.combinations(people.values(), 2):
        asker, answerer = NAMES[one.network], NAMES[other.network]
        question, answer = f"Hello {answerer}, this is {asker} on {one.network}.", f"Hello {asker}, {answerer} on {other.network} here."
        await one.say(other, question)
        await other.hear(one, question)
        await other.say(one, answer)
        await one.hear(other, answer)


async def show(people: dict[str, Talker]) -> None:
    for one in people.values():
        say(f"\nWhat arrived at {NAMES[one.network]} ({one.network}, {one.address}):")
        for other in people.values():
            if other is not one:
                for text in await one.heard(other):
                    say(f"  from {one.ghost_of(other)}\n    {text}")


def invite(lab: Lab, people: dict[str, Talker]) -> None:
    ports, secret = lab.ports, lab.secrets.password
    say(f"""
Join with your own client (every password is {secret}):
  Matrix  homeserver {lab.synapse.url}, user alice                       for instance Element
  XMPP    bob@{lab.names.xmpp}, server 127.0.0.1 port {ports.prosody_c2s}      for instance Gajim or Conversations
  Mail    carol@{lab.names.mail}, IMAP 127.0.0.1 port {ports.imap}, SMTP 127.0.0.1 port {ports.submission}, no TLS
and write to
  from Matrix  {people["matrix"].ghost_of(people["xmpp"])}   {people["matrix"].ghost_of(people["mail"])}
  from XMPP    {people["xmpp"].ghost_of(people["matrix"])}   {people["xmpp"].ghost_of(people["mail"])}
  from mail    {people["mail"].ghost_of(people["matrix"])}   {people["mail"].ghost_of(people["xmpp"])}
The bot: @dreiklang:{lab.names.matrix}, {lab.names.component_mail}, bot@{lab.names.gateway}: write help to it.
State of the gateway: {lab.gateway.admin("/readyz")}  {lab.gateway.admin("/metrics")}""")


async def demonstrate(lab: Lab, stay: bool) -> None:
    async with AsyncExitStack() as stack:
        people = await talkers(lab, stack)
        say("three people talk, each in a client of her or his own network …")
        await talk(people)
        await show(people)
        invite(lab, people)
        if stay:
            say("\nPress Enter to stop everything.")
            await asyncio.to_thread(sys.stdin.readline)
        else:
            say("\nWith `deploy/demo --stay` everything keeps running so that you can join.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="deploy/demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="keep everything running until Enter")
    parser.add_argument("--port-base", type=int, default=24000, help="first of a hundred ports on 127.0.0.1")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    state = Path(tempfile.mkdtemp(prefix="dreiklang-demo-"))
    state.chmod(0o755)
    lab = Lab(state, args.port_base)
    try:
        say("starting Synapse, Prosody, Dovecot, Postfix and the gateway on loopback …")
        lab.synapse.registrations = [lab.gateway.register()]
        lab.start(SERVERS)
        lab.gateway.start()
        lab.gateway.wait_online()
        with suppress(KeyboardInterrupt):
            asyncio.run(demonstrate(lab, args.stay))
    finally:
        lab.stop()
        shutil.rmtree(state, ignore_errors=True)
        say("everything is stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
