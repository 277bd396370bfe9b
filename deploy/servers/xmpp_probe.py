# SPDX-License-Identifier: EUPL-1.2
"""Asks an XMPP server whether it serves clients and components."""

from __future__ import annotations

from . import wait


def stream(namespace: str, to: str) -> bytes:
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='{namespace}' to='{to}' version='1.0' "
        "xmlns:stream='http://etherx.jabber.org/streams'>"
    ).encode()


def serves(client_port: int, host: str, component_port: int, component: str) -> bool:
    return wait.answers(client_port, b"</stream:features>", stream("jabber:client", host)) and wait.answers(
        component_port, b"id=", stream("jabber:component:accept", component)
    )
