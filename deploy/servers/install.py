# SPDX-License-Identifier: EUPL-1.2
"""Installs the real servers and the Python clients on Debian 12; runs again in an instant when all is there.

    python3 deploy/servers/install.py --venv DIR [--requirements FILE ...] [--without prosody,...]

Debian packages come from apt (nothing is started, nothing below /etc is configured), Synapse and the
clients go into a Python virtual environment. Only the standard library is used here.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES: dict[str, tuple[str, ...]] = {
    "base": ("openssl", "ca-certificates"),
    "prosody": ("prosody", "prosody-modules", "lua-dbi-sqlite3", "lua-unbound"),
    "ejabberd": ("ejabberd",),
    "dovecot": ("dovecot-core", "dovecot-imapd", "dovecot-lmtpd"),
    "postfix": ("postfix",),
    "dnsmasq": ("dnsmasq-base",),
    # No servers, but what a mail program encrypts with, what copies a database, and what builds the engine of the fuzz targets.
    "tools": ("gpg", "gpg-agent", "sqlite3", "g++"),
}
STATUS = Path("/var/lib/dpkg/status")
STAMP = "requirements.sha256"


class Trouble(Exception):
    """Something people have to do; the text says what."""


def installed_packages() -> set[str]:
    """Names of the Debian packages that are installed, read without starting a process."""
    names: set[str] = set()
    name = ""
    for line in STATUS.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("Package: "):
            name = line[9:]
        elif line == "Status: install ok installed" or line == "Status: hold ok installed":
            names.add(name)
    return names


def venv_module_works() -> bool:
    """Debian splits ensurepip off into python3-venv."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def missing_packages(without: frozenset[str] = frozenset()) -> list[str]:
    """Debian packages that still have to be installed."""
    have = installed_packages()
    wanted = [p for server, packages in PACKAGES.items() if server not in without for p in packages]
    if not venv_module_works():
        wanted.append("python3-venv")
    return [p for p in wanted if p not in have]


def apt_knows(packages: list[str]) -> bool:
    shown = subprocess.run(["apt-cache", "show", "--no-all-versions", *packages], capture_output=True, text=True)
    return shown.returncode == 0 and all(f"Package: {p}\n" in shown.stdout for p in packages)


def apt(*args: str) -> bool:
    # RUNLEVEL=1: maintainer scripts ask invoke-rc.d, which starts nothing in single-user mode.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq", *args]
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode == 0


def install_packages(packages: list[str]) -> None:
    if not packages:
        return
    command = "apt-get install --no-install-recommends " + " ".join(packages)
    if not Path("/usr/bin/apt-get").exists():
        raise Trouble(f"This is not Debian. Please install what corresponds to: {' '.join(packages)}")
    if os.geteuid() != 0:
        raise Trouble(f"Not root, and these Debian packages are missing:\n  {command}\nRun it as root, then repeat.")
    print(f"installing {' '.join(packages)}", file=sys.stderr)
    if "postfix" in packages:
        answer = "postfix postfix/main_mailer_type select No configuration\n"
        subprocess.run(["debconf-set-selections"], input=answer, text=True, check=True)
    if not apt_knows(packages) and not apt("update"):
        raise Trouble("apt-get update failed: see the lines above (network? /etc/apt/sources.list?)")
    if not apt("install", "-y", "--no-install-recommends", *packages):
        # Old package lists name versions that the mirror no longer has.
        if not (apt("update") and apt("install", "-y", "--no-install-recommends", *packages)):
            raise Trouble(f"{command} failed: see the lines above")


def fingerprint(requirements: list[Path]) -> str:
    """Changes when a pin changes, also in a file that is included by -r."""
    digest = hashlib.sha256()
    for path in requirements:
        text = path.read_text(encoding="utf-8")
        digest.update(text.encode())
        included = [path.parent / line[3:].strip() for line in text.splitlines() if line.startswith("-r ")]
        digest.update(fingerprint(included).encode() if included else b"")
    return digest.hexdigest()


def install_venv(venv: Path, requirements: list[Path]) -> None:
    """Makes the virtual environment and brings it to the pinned versions."""
    stamp = venv / STAMP
    wanted = fingerprint(requirements)
    have = stamp.read_text(encoding="utf-8").split() if stamp.exists() else []
    if wanted in have:
        return
    print(f"installing Python packages into {venv}", file=sys.stderr)
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    files = [arg for path in requirements for arg in ("-r", str(path))]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *files]
    if subprocess.run(pip, stdout=sys.stderr).returncode != 0:
        raise Trouble(f"pip could not install {' '.join(map(str, requirements))}: see the lines above")
    stamp.write_text("\n".join([*have, wanted]) + "\n", encoding="utf-8")


def install(venv: Path, requirements: list[Path], without: frozenset[str] = frozenset()) -> None:
    """Everything; does nothing when everything is there."""
    install_packages(missing_packages(without))
    install_venv(venv, requirements)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, required=True, help="virtual environment to make or bring up to date")
    parser.add_argument("--requirements", type=Path, action="append", help="default: requirements.txt beside this file")
    parser.add_argument("--without", default="", help="servers that are not needed, for example: ejabberd")
    args = parser.parse_args()
    try:
        install(
            args.venv,
            args.requirements or [HERE / "requirements.txt"],
            frozenset(filter(None, args.without.split(","))),
        )
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
