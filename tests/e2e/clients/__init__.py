# SPDX-License-Identifier: EUPL-1.2
"""Test clients on real libraries: what people on each network would see and do."""

from .component import ComponentClient
from .delta import DeltaClient
from .inbox import Inbox
from .mail import MailClient
from .matrix import MatrixClient
from .xmpp import XmppClient

__all__ = ["ComponentClient", "DeltaClient", "Inbox", "MailClient", "MatrixClient", "XmppClient"]
