# SPDX-License-Identifier: EUPL-1.2
"""Command line: `python -m servers up|down|status --state DIR --port-base N [--only prosody,synapse]`.

`up` leaves the servers running in the background and prints ports and credentials as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .lab import Lab
from .process import ServerError


def main() -> int:
    parser = argparse.ArgumentParser(prog="servers", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "restart", "status"))
    parser.add_argument("--state", type=Path, required=True, help="directory for everything the servers write")
    parser.add_argument("--port-base", type=int, default=20000, help="first of a hundred ports on 127.0.0.1")
    parser.add_argument("--only", help="servers, separated by commas (default: all)")
    parser.add_argument("--registration", type=Path, action="append", default=[], help="application-service file")
    parser.add_argument("--inbound", choices=("imap", "lmtp"), default="imap", help="way of mail to the gateway")
    args = parser.parse_args()
    only = args.only.split(",") if args.only else None
    try:
        lab = Lab(args.state, args.port_base, registrations=args.registration, inbound=args.inbound)
        if args.action in ("down", "restart"):
            lab.stop(only)
        if args.action in ("up", "restart"):
            lab.start(only)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    json.dump(lab.describe(), sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
