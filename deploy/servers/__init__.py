# SPDX-License-Identifier: EUPL-1.2
"""Real servers on loopback: Synapse, Prosody, ejabberd, Dovecot and Postfix for the demonstration and the tests."""

from .lab import Lab
from .process import ServerError

__all__ = ["Lab", "ServerError"]
