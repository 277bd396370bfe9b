# SPDX-License-Identifier: EUPL-1.2
"""What a chat message can be, and how each kind of client says it. Where a client has a form of its own, its standard is named; where
it has none, nothing is. What arrives is judged in the files of the clients."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How a feature arrived."""

    NATIVE = "native"
    TEXT = "as text"
    FILE = "as a file"
    IMPOSSIBLE = "impossible"

    def __str__(self) -> str:
        return self.value


KINDS = ("Matrix", "XMPP", "Delta Chat", "mail program")


@dataclass(frozen=True)
class Feature:
    """`forms`: the standard of each kind of client, in the order of `KINDS`; empty where it has no such form. `told`: it is
    the sender to whom it is shown. `signal`: it ends with the next message. `beside`: it goes with something that arrives in any case, and
    where there is no form for it nothing is said of it."""

    key: str
    title: str
    forms: tuple[str, str, str, str]
    told: bool = False
    signal: bool = False
    beside: bool = False

    def form(self, kind: str) -> str:
        return self.forms[KINDS.index(kind)]


FEATURES = (
    Feature("text", "text", ("`m.text`", "body, RFC 6121", "text/plain", "text/plain, RFC 3676")),
    Feature("emote", "emote (`/me`)", ("`m.emote`", "XEP-0245", "", "")),
    Feature("notice", "said by a program", ("`m.notice`", "", "", "")),
    Feature("reply", "reply", ("`m.in_reply_to`", "XEP-0461", "In-Reply-To and quote", "In-Reply-To, RFC 5322")),
    Feature("thread", "thread beside the conversation", ("`m.thread`", "`<thread/>`, RFC 6121", "", "References, RFC 5322")),
    Feature("edit", "edit", ("`m.replace`", "XEP-0308", "`Chat-Edit`", "")),
    Feature("edit_again", "second edit of the same message", ("`m.replace`", "XEP-0308", "`Chat-Edit`", "")),
    Feature("reaction", "reaction", ("`m.reaction`", "XEP-0444", "RFC 9078", "")),
    Feature("reaction_gone", "reaction taken back", ("redaction", "XEP-0444", "RFC 9078", "")),
    Feature("image", "image", ("`m.image`", "XEP-0363, XEP-0066", "MIME part", "MIME part")),
    Feature("caption", "words with an image", ("`m.image` with `filename`", "", "text part", "text part")),
    Feature("file", "file", ("`m.file`", "XEP-0363, XEP-0066", "MIME part", "MIME part")),
    Feature("voice", "voice message", ("`m.audio`, MSC3245", "", "`Chat-Voice-Message`", "")),
    Feature("place", "place", ("`m.location`", "XEP-0080, `geo:`", "`Location.kml`", "")),
    Feature("poll", "poll", ("MSC3381", "", "", "")),
    Feature("length", "length of a voice message", ("`info.duration`, MSC3245", "XEP-0446", "`Chat-Duration`", ""), beside=True),
    Feature("size", "size of an image before it is there", ("`info.w`, `info.h`", "XEP-0446", "", ""), beside=True),
    Feature("colours", "colours of an image before it is there", ("MSC2448", "XEP-0264", "", ""), beside=True),
    Feature("language", "language of a text", ("", "`xml:lang`", "", "Content-Language, RFC 3282"), beside=True),
    Feature("timer", "message that vanishes after it was read", ("", "XEP-0466", "`Ephemeral-Timer`", "")),
    Feature("name", "name of a person, and its change", ("profile", "XEP-0172", "From", "From"), beside=True),
    Feature("picture", "picture of a person, and its change", ("profile", "XEP-0153, XEP-0054", "`Chat-User-Avatar`", ""), beside=True),
    Feature("card", "contact card", ("vCard file", "vCard file", "text/vcard", "text/vcard")),
    Feature("typing", "is typing", ("`m.typing`", "XEP-0085", "", ""), signal=True),
    Feature("read", "read", ("`m.read`", "XEP-0333", "RFC 8098", "")),
    Feature("delivered", "delivered, told to the sender", ("", "XEP-0184", "", ""), told=True),
    *(
        Feature(name, f"formatting: {name}", (f"`<{tag}>`", "XEP-0393" if styled else "", "", f"`<{tag}>`"))
        for name, tag, styled in (
            ("strong", "strong", True),
            ("emphasis", "em", True),
            ("strike", "del", True),
            ("code", "code", True),
            ("underline", "u", False),
            ("code block", "pre", True),
            ("quote", "blockquote", True),
            ("list", "ul", False),
            ("heading", "h2", False),
            ("link", "a", False),
            ("table", "table", False),
            ("rule", "hr", False),
        )
    ),
    Feature("mention", "mention", ("`m.mentions`", "XEP-0372, XEP-0513", "", "COI mention link")),
    Feature("retraction", "deletion for all", ("redaction", "XEP-0424", "`Chat-Delete`", "")),
)
