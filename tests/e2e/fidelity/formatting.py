# SPDX-License-Identifier: EUPL-1.2
"""Kinds of formatting, each as the forms of the networks write it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.message import EmailMessage

from clients import MailClient
from clients.mail import Mail
from clients.matrix import Event

UNSTYLED = "{urn:xmpp:styling:0}unstyled"
REFERENCE = "{urn:xmpp:reference:0}reference"
MENTION = "{urn:xmpp:mentions:0}mention"


@dataclass(frozen=True)
class Kind:
    """One kind of formatting around `WORD`: as HTML that every program writes, as people read it where nothing is formatted, with the
    light marks of mail, and as styled text if that has a word for it."""

    name: str
    html: str
    plain: str
    light: str
    styled: str | None = None

    def __str__(self) -> str:
        return self.name

    def saying(self, word: str) -> Kind:
        def said(text: str) -> str:
            return text.replace("WORD", word)

        styled = said(self.styled) if self.styled is not None else None
        return replace(self, html=said(self.html), plain=said(self.plain), light=said(self.light), styled=styled)

    @property
    def on_xmpp(self) -> str:
        """How it is read there: headings are strong lines, all else that styling has no word for is readable text."""
        return f"*{self.plain.split(chr(10))[0]}*\n\ntext" if self.name == "heading" else self.styled or self.plain


KINDS = (
    Kind("strong", "say <strong>WORD</strong>", "say WORD", "say **WORD**", "say *WORD*"),
    Kind("emphasis", "say <em>WORD</em>", "say WORD", "say _WORD_", "say _WORD_"),
    Kind("strike", "say <del>WORD</del>", "say WORD", "say ~~WORD~~", "say ~WORD~"),
    Kind("code", "say <code>WORD</code>", "say WORD", "say `WORD`", "say `WORD`"),
    Kind("underline", "say <u>WORD</u>", "say WORD", "say WORD"),
    Kind(
        "code block",
        '<pre><code class="language-rust">let WORD = 1;\n  WORD * 2 * 3\n</code></pre>',
        "let WORD = 1;\n  WORD * 2 * 3",
        "```rust\nlet WORD = 1;\n  WORD * 2 * 3\n```",
        "```rust\nlet WORD = 1;\n  WORD * 2 * 3\n```",
    ),
    Kind(
        "quote",
        "<blockquote><p>he said WORD</p></blockquote><p>indeed</p>",
        "> he said WORD\n\nindeed",
        "> he said WORD\n\nindeed",
        "> he said WORD\n\nindeed",
    ),
    Kind(
        "list",
        '<ul><li>WORD<ol start="3"><li>three</li></ol></li><li>two</li></ul>',
        "• WORD\n  3. three\n• two",
        "• WORD\n  3. three\n• two",
    ),
    Kind("heading", "<h2>WORD</h2><p>text</p>", "WORD\n\ntext", "**WORD**\n\ntext"),
    Kind(
        "link",
        'see <a href="https://town.example/x">WORD</a>',
        "see WORD (https://town.example/x)",
        "see WORD (https://town.example/x)",
    ),
    Kind(
        "table",
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>WORD</td><td>2</td></tr></tbody></table>",
        "a | b\nWORD | 2",
        "a | b\nWORD | 2",
    ),
    Kind("rule", "<p>WORD</p><hr><p>two</p>", "WORD\n\n---\n\ntwo", "WORD\n\n---\n\ntwo"),
)


def kind(name: str) -> Kind | None:
    return next((kind for kind in KINDS if kind.name == name), None)


def matrix_content(kind: Kind) -> Event:
    """As Element sends it."""
    return {"msgtype": "m.text", "body": kind.light, "format": "org.matrix.custom.html", "formatted_body": kind.html}


def letter(client: MailClient, to: str, plain: str, html: str) -> EmailMessage:
    """As mail programs write it: the same without formatting, and HTML."""
    mail = client.compose(to, plain)
    bordered = html.replace("<table>", "<table border=1>")
    mail.add_alternative(f"<html><body>{bordered}</body></html>", subtype="html")
    return mail


def html_of(mail: Mail) -> str:
    part = mail.message.get_body(("html",))
    return str(part.get_content()).replace('<table border="1">', "<table>") if part is not None else ""


def squeezed(markup: str) -> str:
    return "".join(markup.split())
