# SPDX-License-Identifier: EUPL-1.2
"""The servers and the clients themselves: what every other end-to-end test relies on."""

from __future__ import annotations

import asyncio
import re
import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest
from clients import MailClient
from conftest import PORT_BASE, People
from servers import Lab

RESULT = "Authentication-Results"


@pytest.fixture(scope="module", autouse=True)
def servers_alone(lab: Lab) -> None:
    """Without the gateway of other tests, and with mail handed over by IMAP as at the beginning."""
    lab.gateway.stop()
    if lab.postfix.inbound != "imap":
        lab.postfix.inbound = "imap"
        if lab.postfix.running():
            lab.postfix.restart()


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
async def test_xmpp_message_and_components_are_listed(lab: Lab, people: People, server: str) -> None:
    lab.start([server])
    one, two = await people.xmpp(server=server), await people.xmpp(server=server)
    sent = one.send_message(two.jid, "Hallo <&> zusammen", receipt=True, delay="2026-01-02T03:04:05Z")
    got = await two.wait_message("Hallo <&> zusammen")
    assert (got.id, got.sender) == (sent, one.full_jid)
    assert got.has("{urn:xmpp:receipts}request") and got.has("{urn:xmpp:delay}delay")
    assert {"matrix.gw.localhost", "mail.gw.localhost"} <= set(await one.disco_items(lab.names.xmpp))
    assert (await one.ping(lab.names.xmpp)).type == "result"
    assert (await one.gateway_prompt(lab.names.stranger)).type == "error", "nobody is connected as this component"


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
async def test_xmpp_room_and_second_resource(lab: Lab, people: People, server: str) -> None:
    lab.start([server])
    phone = await people.xmpp("resources", server=server, resource="phone")
    desk = await people.xmpp("resources", server=server, resource="desk")
    room = f"plan@{lab.names.conference}"
    assert (await phone.join_room(room, "phone")).type == ""
    assert (await desk.join_room(room, "desk")).type == ""
    phone.send_groupchat(room, "in the room")
    assert (await desk.wait_message("in the room")).type == "groupchat"


async def test_xmpp_subscription(lab: Lab, people: People) -> None:
    lab.start(["prosody"])
    one, two = await people.xmpp(), await people.xmpp()
    one.subscribe(two.jid)
    await two.wait_for(lambda s: s.type == "subscribe", what="the request")
    two.send_presence(one.jid, "subscribed")
    await one.wait_for(lambda s: s.kind == "presence" and s.sender == two.full_jid and not s.type, what="presence")
    one.unsubscribe(two.jid)
    await two.wait_for(lambda s: s.type == "unsubscribe", what="the end")


async def test_matrix_rooms_invitations_and_devices(lab: Lab, people: People) -> None:
    lab.start(["synapse"])
    one, two = await people.matrix("anna"), await people.matrix(auto_join=False)
    second = await people.matrix("anna")
    room = await one.create_dm(two.user_id)
    assert await two.wait_invite() == room
    await two.join(room)
    sent = await one.send_text(room, "Guten Tag")
    assert (await two.wait_message("Guten Tag"))["event_id"] == sent
    assert (await second.wait_message("Guten Tag"))["sender"] == one.user_id
    await two.send_emote(room, "winkt")
    await two.send_notice(room, "Notiz")
    assert (await one.wait_message("winkt"))["content"]["msgtype"] == "m.emote"
    await one.wait_message("Notiz")
    await two.leave(room)
    await one.wait_for(lambda e: e["type"] == "m.room.member" and e["content"]["membership"] == "leave", what="leaving")
    assert (await one.members(room))[two.user_id] == "leave" and room in await one.rooms()


async def test_matrix_encrypted_room(lab: Lab, people: People) -> None:
    lab.start(["synapse"])
    one, two = await people.matrix(encrypts=True), await people.matrix(encrypts=True)
    algorithm = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = await one.create_room(invite=[two.user_id], initial_state=[algorithm])
    await two.wait_invite()
    await one.wait_for(
        lambda e: e.get("state_key") == two.user_id and e["content"]["membership"] == "join", what="the other"
    )
    await one.send_text(room, "nur für uns")
    await two.wait_message("nur für uns")


async def test_matrix_namespaces_belong_to_the_gateway(lab: Lab, people: People) -> None:
    lab.start(["synapse"])
    someone = await people.matrix()
    with pytest.raises(AssertionError, match="M_EXCLUSIVE"):
        await someone.create_room(room_alias_name="_xmpp_plan")


async def test_login_is_named_and_forgeries_are_dropped(lab: Lab, people: People) -> None:
    """Users get our result, exactly one however many recipients; nobody can bring one along under our name."""
    lab.start(["postfix"])
    carol, dave = await people.mail("carol"), await people.mail("dave")
    forged = [
        "mail.localhost; dmarc=pass header.from=example.org",
        "MAIL.localhost ;\r\n dmarc=pass header.from=example.org",
        "\r\n mail.localhost; auth=pass smtp.auth=bridge@mail.localhost",
        "(;) mail.localhost; dmarc=pass",
        '"mail.local\\host"; dmarc=pass',
    ]
    foreign = "mx.example.org; dmarc=pass header.from=example.org"
    head = "".join(f"{RESULT}: {value}\r\n" for value in [*forged, foreign])
    secret = f"X-Login-{lab.secrets.login_header}"
    body = f"{head}{RESULT} : mail.localhost; dmarc=pass\r\n{secret}: eve@mail.localhost\r\nFrom: {carol.address}\r\n"
    body += f"To: {dave.address}\r\nSubject: s\r\n\r\n"

    await carol.send(
        (body.replace(f"{secret}: eve@mail.localhost\r\n", "") + "by login").encode(),
        [dave.address, "erin@mail.localhost"],
    )
    mail = await dave.wait_text("by login")
    assert mail.headers(RESULT) == [f"mail.localhost; auth=pass smtp.auth={carol.address}", foreign]
    assert lab.secrets.login_header.encode() not in mail.raw

    await carol.inject((body + "by a stranger").encode(), [dave.address], carol.address)
    mail = await dave.wait_text("by a stranger")
    assert mail.headers(RESULT) == [foreign]
    assert lab.secrets.login_header.encode() not in mail.raw


async def test_attached_messages_and_bytes_stay_as_they_are(lab: Lab, people: People) -> None:
    lab.start(["postfix"])
    one, two = await people.mail(), await people.mail()
    inner = (
        f"Content-Type: message/rfc822\r\n\r\n{RESULT}: mail.localhost; dmarc=pass\r\nSubject:  odd \r\n\r\ninner ä\r\n"
    )
    raw = f"Subject: outer\r\nFrom: {one.address}\r\nMessage-ID: <odd@mail.localhost>\r\n{inner}".encode()
    await one.send(raw, [two.address])
    mail = await two.wait_for(lambda m: m.header("Subject") == "outer")
    assert mail.raw.endswith(raw)


async def test_inbound_by_imap_keeps_each_original_recipient(lab: Lab, people: People) -> None:
    lab.start(["postfix"])
    carol, bridge = await people.mail(), await people.mail("bridge")
    wanted = ["xmpp.bob=xmpp.localhost@gw.localhost", "matrix.alice=hs.localhost@gw.localhost"]
    await carol.send(carol.compose("hidden-recipients:;", "to two ghosts"), wanted)
    await bridge.wait_for(lambda m: m.header("X-Original-To") == wanted[0] and "to two ghosts" in m.text)
    copy = await bridge.wait_for(lambda m: m.header("X-Original-To") == wanted[1] and "to two ghosts" in m.text)
    assert copy.header("Return-Path") == f"<{carol.address}>"
    assert copy.header("Delivered-To") == bridge.address


async def test_who_may_send_as_whom(lab: Lab, people: People) -> None:
    lab.start(["postfix"])
    carol, dave, bridge = await people.mail("carol"), await people.mail("dave"), await people.mail("bridge")
    ghost = "xmpp.bob=xmpp.localhost@gw.localhost"
    await bridge.send(bridge.compose(dave.address, "as a ghost"), sender=ghost)
    assert (await dave.wait_text("as a ghost")).header("Return-Path") == f"<{ghost}>"
    await bridge.send(bridge.compose(dave.address, "as nobody"), sender="")
    assert (await dave.wait_text("as nobody")).header("Return-Path") == "<>"
    for sender in (dave.address, ghost, "x@example.org"):
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="553"):
            await carol.send(carol.compose(dave.address, "x"), sender=sender)


async def test_refusals_and_a_real_dsn(lab: Lab, people: People) -> None:
    lab.start(["postfix"])
    carol = await people.mail()
    for address, code in (("reject-1@mail.localhost", 554), ("defer-1@mail.localhost", 450), ("x@example.org", 554)):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            await carol.inject(carol.compose(address, "x"), sender=carol.address)
        assert refused.value.recipients[address][0] == code
    sent = await carol.send_text("nobody-there@mail.localhost", "lost")
    dsn = await carol.wait_for(lambda m: m.message.get_content_type() == "multipart/report", what="a DSN")
    assert re.search(r"Status: 5\.1\.1", dsn.raw.decode()) and sent in dsn.raw.decode()


async def test_delta_chat_writes_clear_mail(lab: Lab, people: People) -> None:
    lab.start(["postfix"])
    delta, friend = await people.delta(), await people.mail()
    message = await delta.send_text(await delta.chat_with(friend.address), "Hallo aus Delta Chat")
    mail = await friend.wait_text("Hallo aus Delta Chat")
    assert mail.header("Chat-Version") and (await delta.wait_state(message, ("delivered",)))["error"] is None
    await friend.send_text(
        delta.address, "Antwort", "Re: x", In_Reply_To=mail.header("Message-ID") or "", Chat_Version="1.0"
    )
    assert (await delta.wait_message("Antwort"))["sender"]["address"] == friend.address


async def test_inbound_by_lmtp_and_two_labs(lab: Lab, state_root: Path) -> None:
    """A second lab beside the first; its Postfix speaks LMTP to the gateway, and is switched by a restart."""
    lab.start(["postfix", "prosody"])
    other = Lab(state_root / "other", PORT_BASE + 100, inbound="lmtp")
    p = other.ports
    ghosts = ["xmpp.bob=xmpp.localhost@gw.localhost", "matrix.alice=hs.localhost@gw.localhost"]
    heard: list[str] = []
    gateway = await asyncio.start_server(lambda r, w: lmtp_listener(r, w, heard), "127.0.0.1", p.gateway_lmtp)
    try:
        other.start(["postfix", "prosody"])
        assert lab.postfix.running() and other.postfix.running()
        password = other.secrets.password
        async with (
            MailClient(
                other.dovecot.add_user("t-one"),
                password,
                host=other.host,
                imap=p.imap,
                submission=p.submission,
                smtp=p.smtp,
            ) as one,
            MailClient(
                other.dovecot.add_user("bridge"),
                password,
                host=other.host,
                imap=p.imap,
                submission=p.submission,
                smtp=p.smtp,
            ) as bridge,
        ):
            await one.send(one.compose("hidden-recipients:;", "by LMTP"), ghosts)
            await until(lambda: "QUIT" in heard)
            assert heard.count("DATA") == 1 and [f"RCPT TO:<{ghost}>" in heard for ghost in ghosts] == [True, True]
            gateway.close()
            await one.send_text("bot@gw.localhost", "nobody listens now")
            await until(lambda: "Connection refused" in other.postfix.queue())
            other.postfix.inbound = "imap"
            await asyncio.to_thread(other.postfix.restart)
            await one.send_text("bot@gw.localhost", "by IMAP")
            assert (await bridge.wait_text("by IMAP")).header("X-Original-To") == "bot@gw.localhost"
    finally:
        gateway.close()
        other.stop()
    assert not any(server.running() for server in other.servers.values())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def lmtp_listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: list[str]) -> None:
    """Accepts everything, with one answer for each recipient, and writes down what it heard."""
    writer.write(b"220 gateway LMTP\r\n")
    recipients = 0
    while line := (await reader.readline()).decode().rstrip("\r\n"):
        recipients += line.startswith("RCPT")
        if line == "DATA":
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 durable\r\n" * recipients)
        elif line == "QUIT":
            writer.write(b"221 bye\r\n")
            writer.close()
        else:
            writer.write(b"250 ok\r\n")
        heard.append(line)
        if line == "QUIT":
            return


@pytest.mark.parametrize("name", ["dovecot", "postfix", "prosody", "ejabberd", "synapse"])
def test_kill_and_start_again(lab: Lab, name: str) -> None:
    lab.start([name])
    server = lab.servers[name]
    server.kill()
    assert not server.running()
    server.start()
    assert server.running() and server.ready()
