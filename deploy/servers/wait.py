# SPDX-License-Identifier: EUPL-1.2
"""Waiting for conditions: a port that answers, a banner, a process that is gone."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable

INTERVAL = 0.02


def until(condition: Callable[[], bool], timeout: float) -> bool:
    """Asks again and again; false when the time is over."""
    end = time.monotonic() + timeout
    while True:
        if condition():
            return True
        if time.monotonic() > end:
            return False
        time.sleep(INTERVAL)


def port_free(port: int) -> bool:
    """Whether nobody listens there (connections in TIME_WAIT do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int, expected: bytes, say: bytes = b"", tls: bool = False, timeout: float = 2.0) -> bool:
    """Connects, says something and looks for the expected bytes in what comes back."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as plain:
            plain.settimeout(timeout)
            connection = _insecure().wrap_socket(plain) if tls else plain
            if say:
                connection.sendall(say)
            seen = b""
            while expected not in seen:
                part = connection.recv(4096)
                if not part:
                    return False
                seen += part
            return True
    except OSError:
        return False


def http_ok(url: str, timeout: float = 2.0) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _insecure() -> ssl.SSLContext:
    """Only asks whether TLS is spoken; the tests proper check the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
