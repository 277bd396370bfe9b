# SPDX-License-Identifier: EUPL-1.2
"""How people are written on other networks, as a user would type it by hand (plain addresses only)."""

from __future__ import annotations

from servers.names import Names

NAMES = Names()


def on_matrix(address: str, network: str) -> str:
    """`bob@xmpp.localhost` of XMPP, seen from Matrix."""
    return f"@_{network}_{address.replace('@', '=40')}:{NAMES.matrix}"


def on_xmpp(address: str) -> str:
    """A Matrix user or a mail user, seen from XMPP."""
    if address.startswith("@"):
        local, _, server = address[1:].partition(":")
        return f"{local}%{server}@{NAMES.component_matrix}"
    local, _, domain = address.partition("@")
    return f"{local}%{domain}@{NAMES.component_mail}"


def on_mail(address: str) -> str:
    """A Matrix user or an XMPP user, seen from mail."""
    if address.startswith("@"):
        local, _, server = address[1:].partition(":")
        return f"matrix.{local}={server}@{NAMES.gateway}"
    local, _, domain = address.partition("@")
    return f"xmpp.{local}={domain}@{NAMES.gateway}"
