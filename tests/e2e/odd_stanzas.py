# SPDX-License-Identifier: EUPL-1.2
"""The table of what no stanza should be, and what the gateway does about it. How it is run stands in test_odd_stanzas.py.

In `xml`, GHOST is a ghost with somebody behind it, GATEWAY the component, and `odd` as an id a different word in each row.
"""

from __future__ import annotations

from dataclasses import dataclass

MUC = "http://jabber.org/protocol/muc"
ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"

Outcome = str | None


@dataclass(frozen=True)
class Odd:
    """`answer`: the error condition, `result`, or nothing. `crosses`: what the person behind the ghost reads, if anything.

    `stopped_by`: servers that do not let it through: whatever they answer, nothing crosses there and nothing breaks.
    """

    name: str
    xml: str
    answer: Outcome = None
    crosses: Outcome = None
    stopped_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name.replace(" ", "_")


BOTH = ("prosody", "ejabberd")
PING = "<ping xmlns='urn:xmpp:ping'/>"
DEEP = 1_000


def message(content: str, attributes: str = "type='chat' id='odd'", to: str = "GHOST") -> str:
    return f"<message to='{to}' {attributes}>{content}</message>"


def iq(content: str, attributes: str = "type='get' id='odd'", to: str = "GHOST") -> str:
    return f"<iq to='{to}' {attributes}>{content}</iq>"


def presence(content: str = "", attributes: str = "", to: str = "GHOST") -> str:
    return f"<presence to='{to}' {attributes}>{content}</presence>"


def said(text: str) -> str:
    return f"<body>{text}</body>"


# What people write, however it is wrapped: it crosses.
TEXTS = [
    Odd("type foo", message(said("type foo"), "type='foo' id='odd'"), crosses="type foo"),
    Odd("empty type", message(said("empty type"), "type='' id='odd'"), crosses="empty type"),
    Odd("no type", message(said("no type"), "id='odd'"), crosses="no type"),
    Odd("type normal", message(said("type normal"), "type='normal' id='odd'"), crosses="type normal"),
    Odd("no id", message(said("no id"), "type='chat'"), crosses="no id"),
    Odd("empty id", message(said("empty id"), "type='chat' id=''"), crosses="empty id"),
    Odd("long id", message(said("long id"), f"type='chat' id='{'i' * 5000}'"), crosses="long id"),
    Odd("id with line breaks", message(said("breaks"), "type='chat' id='a&#10;b&#9;c'"), crosses="breaks"),
    Odd("huge id", message(said("huge id"), f"type='chat' id='{'i' * 200_000}'"), crosses="huge id"),
    Odd("huge type", message(said("huge type"), f"type='{'t' * 200_000}' id='odd'"), crosses="huge type"),
    Odd("huge attribute", message(said("huge attribute"), f"type='chat' id='odd' x='{'y' * 200_000}'"), crosses="huge attribute"),
    Odd(
        "thousand attributes",
        message(said("thousand attributes"), " ".join(["type='chat'", *(f"a{n}='{n}'" for n in range(1000))])),
        crosses="thousand attributes",
    ),
    Odd("two threads", message("<thread>1</thread><thread>2</thread>" + said("two threads")), crosses="two threads"),
    Odd("stray text", message("stray" + said("stray text") + "stray"), crosses="stray text"),
    Odd("several languages", message("<body xml:lang='fr'>oui</body><body xml:lang='en-GB'>yes</body><body xml:lang='de'>ja</body>"), crosses="yes"),
    Odd("languages that nobody prefers", message("<body xml:lang='fr'>oui</body><body xml:lang='it'>sì</body>"), crosses="oui"),
    Odd("two bodies of one language", message(said("first of two") + said("second of two")), crosses="first of two"),
    Odd("elements in the body", message("<body>a<b xmlns='urn:x'>b</b>c</body>"), crosses="ac"),
    Odd("controls of C1", message(said("c1 &#x7f;&#x80;&#x85;&#x9f; end")), crosses="c1  end"),
    Odd("noncharacters", message(said("non &#xfdd0;&#x1ffff;&#x10ffff; end")), crosses="non \ufdd0\U0001ffff\U0010ffff end"),
    Odd("newlines of all kinds", message(said("a&#13;&#10;b&#13;c")), crosses="a\nb\nc"),
    Odd("markup in a section", message("<body><![CDATA[a <b> & ]] c]]></body>"), crosses="a <b> & ]] c"),
    Odd("unknown payloads beside", message(said("beside") + "<x xmlns='urn:unknown'><y/></x><body xmlns='urn:other'>no</body>"), crosses="beside"),
    Odd("prefixes", message("<p:x xmlns:p='urn:p' p:a='1'/>" + said("prefixes")), crosses="prefixes"),
    Odd("nested sixty", message("<a xmlns='urn:a'>" * 60 + "</a>" * 60 + said("sixty deep")), crosses="sixty deep"),
    Odd("to a device of the ghost", message(said("a device"), to="GHOST/phone"), crosses="a device"),
    Odd("to a device with spaces", message(said("spaces"), to="GHOST/a b c"), crosses="spaces"),
    Odd("message of a room's member", message(said("member") + f"<x xmlns='{MUC}#user'><item jid='bare@x' role='none'/></x>"), crosses="member"),
    Odd("broken delay", message(said("delay") + "<delay xmlns='urn:xmpp:delay' stamp='yesterday'/>"), crosses="delay"),
    Odd("delay of the future", message(said("future") + "<delay xmlns='urn:xmpp:delay' stamp='9999-12-31T23:59:59Z'/>"), crosses="future"),
    Odd("delay before time", message(said("past") + "<delay xmlns='urn:xmpp:delay' stamp='-009999-01-02T01:59:59Z'/>"), crosses="past"),
    Odd("empty nick", message(said("nick") + "<nick xmlns='http://jabber.org/protocol/nick'/>"), crosses="nick"),
    Odd("huge nick", message(said("huge nick") + f"<nick xmlns='http://jabber.org/protocol/nick'>{'n' * 100_000}</nick>"), crosses="huge nick"),
    Odd("broken correction", message(said("corrected") + "<replace xmlns='urn:xmpp:message-correct:0'/>"), crosses="corrected"),
    Odd("broken receipt", message(said("receipt") + "<request xmlns='urn:xmpp:receipts'><x/></request>", "type='chat'"), crosses="receipt"),
    Odd("an error beside", message(said("error beside") + "<error type='x'/>"), crosses="error beside"),
]

# What means nothing to people: neither an answer nor a message.
NOTHINGS = [
    Odd("empty body", message("<body/>")),
    Odd("nothing at all", message("")),
    Odd("only unknown payloads", message("<x xmlns='urn:unknown'><y/></x>")),
    Odd("body of another namespace", message("<body xmlns='urn:other'>no</body>")),
    Odd("chat state", message("<composing xmlns='http://jabber.org/protocol/chatstates'/>")),
    Odd("unknown chat state", message("<dancing xmlns='http://jabber.org/protocol/chatstates'/>")),
    Odd("receipt for nothing", message("<received xmlns='urn:xmpp:receipts' id='never'/>")),
    Odd("receipt without id", message("<received xmlns='urn:xmpp:receipts'/>")),
    Odd("marker", message("<displayed xmlns='urn:xmpp:chat-markers:0' id='never'/>")),
    Odd("headline", message(said("headline"), "type='headline' id='odd'")),
    Odd("forged carbon", message("<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='x@y' to='z@y'><body>forged</body></message></forwarded></received>")),
    Odd("forged archive", message("<result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>forged</body></message></forwarded></result>")),
    Odd("invitation of a room", message(f"<x xmlns='{MUC}#user'><invite from='x@y'/></x>")),
    Odd("direct invitation", message("<x xmlns='jabber:x:conference' jid='room@conference.xmpp.localhost'/>")),
    Odd("event of a node", message("<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='x'/></event>")),
    Odd("privileges", message("<privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both'/></privilege>", to="GATEWAY")),
    Odd("keys of OMEMO", message("<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>")),
    Odd("error for nothing", message(said("x") + "<error/>", "type='error' id='01ARZ3NDEKTSV4RRFFQ69G5FAV-0'")),
    Odd("error without id", message("<error code='404'/>", "type='error'")),
    Odd("error without error", message(said("x"), "type='error' id='odd'")),
    Odd("error without condition", message("<error type='cancel'/>", "type='error' id='1'")),
    Odd("error to nobody", message("<error type='cancel'/>", "type='error' id='1'", to="%@matrix.gw.localhost")),
]

# What cannot be carried: an error with the condition that says why.
REFUSED = [
    Odd("groupchat", message(said("groupchat"), "type='groupchat' id='odd'"), "service-unavailable"),
    Odd("OMEMO", message("<encrypted xmlns='eu.siacs.conversations.axolotl'><header/><payload>x</payload></encrypted>" + said("OMEMO")), "not-acceptable"),
    Odd("new OMEMO", message("<encrypted xmlns='urn:xmpp:omemo:2'><header/><payload>x</payload></encrypted>"), "not-acceptable"),
    Odd("OpenPGP", message("<x xmlns='jabber:x:encrypted'>x</x>" + said("This message is encrypted.")), "not-acceptable"),
    Odd("OTR", message(said("?OTR:AAMDJ+MVmSfjFZcAAAAAAQAAAAIAAADA1g5IjD1ZGLDVQEyCgCyn9hbrL3KAbGDdzE2ZkMyTKl7XfkSxh8YJnudstiB74i4BzT0W2haClg6dMary/jo9sMudwmUdlnKpIGEKXWdvJKT+hQ26h9nzMgEditLB8vjPEWAJ6gBXvZrY6ZQrx3gb4v0UaSMOMiR5sB7Eaulb2Yc6RmRnnlxgUUC2alosg4WIeFN951PLjScajVba6dqlDi+q1H5tPvI5SWMN7PCBWIJ41+WvF+5IAZzQZYgNaVLbAAAAAAAAAAEAAAAHwNiIi5Ms+4PsY/L2ipkTtquknfx6HodLvk3RAAAAAA==.")), "not-acceptable"),
    Odd("unknown encryption", message("<encryption xmlns='urn:xmpp:eme:0' namespace='urn:new' name='Newcrypt'/>" + said("x")), "not-acceptable"),
    Odd("too deep", message("<a xmlns='urn:a'>" * DEEP + "</a>" * DEEP + said("too deep")), "not-acceptable", stopped_by=("prosody",)),
    Odd("a hundred deep", message("<a xmlns='urn:a'>" * 100 + "</a>" * 100 + said("a hundred deep")), "not-acceptable"),
    Odd("too many elements", message("<a xmlns='urn:a'/>" * 6000 + said("too many")), "not-acceptable"),
    Odd("a room is asked for", presence(f"<x xmlns='{MUC}'/>", "id='odd'", to="GHOST/nick"), "service-unavailable"),
    Odd("a room of the gateway is asked for", presence(f"<x xmlns='{MUC}'/>", "id='odd'", to="GATEWAY/nick"), "service-unavailable"),
]

# Addresses with nobody behind them.
NOBODIES = [
    r"evil\\",
    r"evil\\\\",
    r"evil\\%hs.localhost\\",
    r"\\40",
    r"\\zz",
    r"x\\3",
    "%",
    "%hs.localhost",
    "nobody%",
    "nobody",
    "^",
    "^^%hs.localhost",
    "~",
    "x-aaaaaaaaaaaaaaaaaaaa",
    "grüße",
    "n" * 1000,
]
REFUSED += [
    Odd(f"to {local[:30]}", message(said("x"), to=f"{local}@GATEWAY".replace("\\\\", "\\")), "item-not-found") for local in NOBODIES
]

# Whoever speaks in a room without being in it is to come in first (XEP-0045 §7.4), whether it exists or not.
REFUSED += [
    Odd(f"to {room}", message(said("x"), to=f"{room}@GATEWAY"), "not-acceptable")
    for room in ("#room%hs.localhost", "!room%hs.localhost")
]

# Well-formed names at homeservers that ours does not reach.
REFUSED += [
    Odd(f"to {local}", message(said("x"), to=f"{local}@GATEWAY"), "service-unavailable")
    for local in ("a%b%c", "bob%xmpp.localhost", "bob%matrix.gw.localhost")
]

# Presence of every odd kind: it asks for nothing, so nothing happens.
PRESENCES = [
    *(Odd(f"presence {kind}", presence(attributes=f"type='{kind}'"), stopped_by=BOTH) for kind in ("online", "foo", "invisible", "chat")),
    Odd("presence of an empty type", presence(attributes="type=''"), stopped_by=BOTH),
    Odd("presence error", presence("<error type='cancel'/>", "type='error'")),
    Odd("presence with odd content", presence("<show>online</show><show/><priority>200</priority><priority/><status/>stray"), stopped_by=("ejabberd",)),
    Odd("presence to the gateway", presence(to="GATEWAY")),
    Odd("presence of a room's member", presence(f"<x xmlns='{MUC}#user'><item jid='bare@x' affiliation='odd'/><status code='9999'/></x>")),
    Odd("unavailable to a device", presence(attributes="type='unavailable'", to="GHOST/phone")),
    Odd("subscribed without a question", presence(attributes="type='subscribed'")),
]

# Questions: each is answered.
IQS = [
    Odd("iq without a child", iq(""), "bad-request"),
    Odd("iq with two children", iq(PING + PING), "bad-request"),
    Odd("iq of an odd type", iq(PING, "type='foo' id='odd'"), "bad-request"),
    Odd("iq of an unknown namespace", iq("<x xmlns='urn:unknown'/>"), "service-unavailable"),
    Odd("iq without a namespace", iq("<x xmlns=''/>"), "service-unavailable"),
    Odd("iq set of an unknown namespace", iq("<x xmlns='urn:unknown'/>", "type='set' id='odd'"), "service-unavailable"),
    Odd("ping of a ghost's device", iq(PING, to="GHOST/phone"), "result"),
    Odd("ping of the gateway", iq(PING, to="GATEWAY"), "result"),
    Odd("ping of nobody", iq(PING, to="nobody@GATEWAY"), "item-not-found"),
    Odd("ping of a broken address", iq(PING, to="evil\\@GATEWAY"), "item-not-found"),
    Odd("roster", iq("<query xmlns='jabber:iq:roster'/>"), "service-unavailable"),
    Odd("registration", iq("<query xmlns='jabber:iq:register'/>", to="GATEWAY"), "feature-not-implemented"),
    Odd("command", iq("<command xmlns='http://jabber.org/protocol/commands' node='x' action='execute'/>", "type='set' id='odd'"), "service-unavailable"),
    Odd("call", iq("<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='1'/>", "type='set' id='odd'"), "service-unavailable"),
    Odd("bytestream", iq("<open xmlns='http://jabber.org/protocol/ibb' sid='1' block-size='4096'/>", "type='set' id='odd'"), "service-unavailable"),
    Odd("archive", iq("<query xmlns='urn:xmpp:mam:2'/>", "type='set' id='odd'"), "service-unavailable"),
    Odd("node that is not there", iq("<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>"), "item-not-found"),
    Odd("vcard is not ours to set", iq("<vCard xmlns='vcard-temp'/>", "type='set' id='odd'"), "not-allowed"),
    Odd("pubsub without content", iq("<pubsub xmlns='http://jabber.org/protocol/pubsub'/>"), "item-not-found"),
    Odd("prompt without a text", iq("<query xmlns='jabber:iq:gateway'/>", "type='set' id='odd'", to="GATEWAY"), "bad-request"),
    Odd("prompt of emoji", iq("<query xmlns='jabber:iq:gateway'><prompt>\U0001f98a</prompt></query>", "type='set' id='odd'", to="GATEWAY"), "item-not-found"),
    Odd("huge prompt", iq(f"<query xmlns='jabber:iq:gateway'><prompt>@{'p' * 200_000}:hs.localhost</prompt></query>", "type='set' id='odd'", to="GATEWAY"), "item-not-found"),
    Odd("deep question", iq("<a xmlns='urn:a'>" * DEEP + "</a>" * DEEP), "not-acceptable"),
    Odd("result of nothing", iq("", "type='result' id='question-1'")),
    Odd("result with content", iq(PING, "type='result' id='odd'")),
    Odd("error of nothing", iq("<error type='cancel'/>", "type='error' id='odd'", to="GATEWAY")),
    Odd("error without anything", iq("", "type='error' id='odd'")),
]

# What servers must not let through, or only under the sender's own name.
BROKEN = [
    Odd("illegal reference", message(said("illegal &#x1; end")), stopped_by=BOTH),
    Odd("illegal noncharacter", message(said("illegal &#xfffe; end")), stopped_by=BOTH),
    Odd("illegal byte", message(said("illegal \x01 end")), stopped_by=BOTH),
    Odd("surrogate", message(said("illegal \ud800 end")), stopped_by=BOTH),
    Odd("no namespace", "<message xmlns='' to='GHOST' type='chat' id='odd'><body>no namespace</body></message>", stopped_by=BOTH),
    Odd("another namespace", "<message xmlns='urn:other' to='GHOST' type='chat' id='odd'><body>another namespace</body></message>", stopped_by=BOTH),
    Odd("not a stanza", "<massage to='GHOST' id='odd'><body>not a stanza</body></massage>", stopped_by=BOTH),
    Odd("somebody else's name", "<message from='alice@xmpp.localhost' to='GHOST' type='chat' id='odd'><body>as alice</body></message>", crosses="as alice", stopped_by=("ejabberd",)),
    Odd("a ghost's name", "<message from='GHOST' to='GHOST' type='chat' id='odd'><body>as the ghost</body></message>", crosses="as the ghost", stopped_by=("ejabberd",)),
    Odd("emoji as the ghost's device", message(said("emoji"), to="GHOST/\U0001f98a"), crosses="emoji", stopped_by=("ejabberd",)),
    Odd("overlong device", message(said("overlong"), to="GHOST/" + "d" * 2000), stopped_by=BOTH),
    Odd("iq without id", iq(PING, "type='get'"), stopped_by=BOTH),
    Odd("iq without type", iq(PING, "id='odd'"), stopped_by=BOTH),
    Odd("doctype", "<!DOCTYPE x [<!ENTITY y 'z'>]>" + message(said("&y;")), stopped_by=BOTH),
]

FROM_USERS = [*TEXTS, *NOTHINGS, *REFUSED, *PRESENCES, *IQS, *BROKEN]


def far(name: str, who: str, *, answer: Outcome = None, crosses: bool = True, stopped_by: tuple[str, ...] = ()) -> Odd:
    """A good message of an odd sender at a far server."""
    xml = f"<message from='{who}' to='GHOST' type='chat' id='odd'><body>{name}</body></message>"
    return Odd(name, xml, answer, name if crosses else None, stopped_by)


BOB = "from='bob@stranger.localhost/far'"
# What no client of a careful server gets out, but a far server can send.
FROM_FAR = [
    far("emoji as device", "bob@stranger.localhost/\U0001f98a", stopped_by=("ejabberd",)),
    far("unassigned letter in the device", "bob@stranger.localhost/\u0378", stopped_by=("ejabberd",)),
    far("overlong device", "bob@stranger.localhost/" + "d" * 3000, stopped_by=BOTH),
    far("line break in the device", "bob@stranger.localhost/a&#10;b&#9;", stopped_by=BOTH),
    far("empty device", "bob@stranger.localhost/", stopped_by=BOTH),
    far("capitals", "BOB@stranger.localhost/far"),
    far("capitals in the domain", "bob@Stranger.LOCALHOST/far", stopped_by=("prosody",)),
    far("a whole server", "stranger.localhost"),
    far("trailing backslash", "evil\\@stranger.localhost/far"),
    far("backslash before the last", "evil\\x@stranger.localhost/far"),
    far("two trailing backslashes", "evil\\\\@stranger.localhost/far"),
    far("escapes in the name", "o\\27neil\\40x@stranger.localhost/far"),
    far("illegal signs in the name", "o&apos;neil x@stranger.localhost/far", stopped_by=BOTH),
    far("sharp s in the name", "stra\u00dfe@stranger.localhost/far"),
    far("emoji in the name", "\U0001f98a@stranger.localhost/far", answer="bad-request", crosses=False, stopped_by=("ejabberd",)),
    far("no name", "@stranger.localhost/far", stopped_by=BOTH),
    far("overlong name", "n" * 1500 + "@stranger.localhost/far", stopped_by=BOTH),
    far("longest name", "n" * 1000 + "@stranger.localhost/far"),
    far("nobody", "", stopped_by=BOTH),
    far("a user of the server", "alice@xmpp.localhost/far", crosses=False, stopped_by=BOTH),
    far("a ghost", "alice%hs.localhost@matrix.gw.localhost/gw", crosses=False, stopped_by=BOTH),
    far("the gateway", "matrix.gw.localhost", crosses=False, stopped_by=BOTH),
    Odd("forged barrier", f"<iq from='matrix.gw.localhost' to='matrix.gw.localhost' type='result' id='odd'>{PING}</iq>", stopped_by=BOTH),
    Odd("question without a child", f"<iq {BOB} to='GHOST' type='get' id='odd'/>", "bad-request", stopped_by=("prosody",)),
    Odd("question with two children", f"<iq {BOB} to='GHOST' type='get' id='odd'>{PING}{PING}</iq>", "bad-request"),
    Odd("question of an odd type", f"<iq {BOB} to='GHOST' type='foo' id='odd'>{PING}</iq>", "bad-request"),
    Odd("question of no type", f"<iq {BOB} to='GHOST' id='odd'>{PING}</iq>", "bad-request", stopped_by=("prosody",)),
    Odd("question without id", f"<iq {BOB} to='GHOST' type='get'>{PING}</iq>"),
    Odd("question with an empty id", f"<iq {BOB} to='GHOST' type='get' id=''>{PING}</iq>"),
    Odd("question with text", f"<iq {BOB} to='GHOST' type='get' id='odd'>text</iq>", "bad-request", stopped_by=("prosody",)),
    Odd("result without id", f"<iq {BOB} to='GHOST' type='result'/>"),
    Odd("presence online", f"<presence {BOB} to='GHOST' type='online'/>"),
    Odd("presence of an empty type", f"<presence {BOB} to='GHOST' type=''/>"),
    Odd("presence with odd content", f"<presence {BOB} to='GHOST'><show>online</show><show/><priority>200</priority><priority/>stray</presence>"),
    Odd("presence of a room with a bare address", f"<presence from='room@stranger.localhost/nick' to='GHOST'><x xmlns='{MUC}#user'><item jid='bare@x' affiliation='odd' role=''/><status code='9999'/><status/></x></presence>"),
    Odd("error of nobody", f"<presence {BOB} to='nobody@GATEWAY' type='error'/>"),
    Odd("message of an empty type", f"<message {BOB} to='GHOST' type='' id='odd'><body>far empty type</body></message>", crosses="far empty type"),
    Odd("message of type foo", f"<message {BOB} to='GHOST' type='foo' id='odd'><body>far foo</body></message>", crosses="far foo"),
    Odd("message of another namespace", f"<message xmlns='jabber:client' {BOB} to='GHOST' id='odd'><body>far client</body></message>", crosses="far client", stopped_by=("prosody",)),
    Odd("message of no namespace", f"<message xmlns='urn:other' {BOB} to='GHOST' id='odd'><body>far other</body></message>", stopped_by=BOTH),
    Odd("too deep from far", f"<message {BOB} to='GHOST' id='odd'>{'<a>' * DEEP}{'</a>' * DEEP}<body>x</body></message>", "not-acceptable"),
    Odd("huge attribute from far", f"<message {BOB} to='GHOST' id='odd' x='{'y' * 200_000}'><body>far attribute</body></message>", crosses="far attribute"),
    Odd("illegal reference from far", f"<message {BOB} to='GHOST' id='odd'><body>x &#x1; y</body></message>", stopped_by=BOTH),
    Odd("surrogate from far", f"<message {BOB} to='GHOST' id='odd'><body>x \ud800 y</body></message>", stopped_by=BOTH),
    Odd("nonsense from far", f"<x xmlns='urn:x' {BOB} to='GHOST' id='odd'/>", stopped_by=BOTH),
    Odd("to nobody at all", f"<message {BOB} id='odd'><body>x</body></message>", stopped_by=BOTH),
    Odd("to a broken address", f"<message {BOB} to='a b@GATEWAY' id='odd'><body>x</body></message>", stopped_by=BOTH),
    Odd("to a name of emoji", f"<message {BOB} to='\U0001f98a@GATEWAY' id='odd'><body>x</body></message>", "item-not-found", stopped_by=("ejabberd",)),
]
