# SPDX-License-Identifier: EUPL-1.2
"""One certificate authority and one certificate for all names of a lab, made by openssl."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path


def make(directory: Path, names: Iterable[str]) -> None:
    """Writes ca.pem, cert.pem, key.pem and combined.pem; does nothing when they are there."""
    if (directory / "combined.pem").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    wanted = ["localhost", *names]
    extensions = directory / "leaf.ext"
    extensions.write_text(
        "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n"
        f"subjectAltName={','.join(f'DNS:{name}' for name in wanted)},IP:127.0.0.1\n",
        encoding="utf-8",
    )
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _openssl(
        directory,
        "req",
        "-x509",
        *key,
        "-days",
        "3650",
        "-subj",
        "/CN=Loopback CA",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    )
    _openssl(directory, "req", *key, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "leaf.csr")
    _openssl(
        directory,
        "x509",
        "-req",
        "-in",
        "leaf.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "3650",
        "-extfile",
        "leaf.ext",
        "-out",
        "cert.pem",
    )
    combined = (directory / "cert.pem").read_text(encoding="utf-8") + (directory / "key.pem").read_text(
        encoding="utf-8"
    )
    (directory / "combined.pem").touch(mode=0o600)
    (directory / "combined.pem").write_text(combined, encoding="utf-8")


def _openssl(directory: Path, *args: str) -> None:
    done = subprocess.run(["openssl", *args], cwd=directory, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args[0]} failed:\n{done.stderr}")
