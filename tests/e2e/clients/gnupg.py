# SPDX-License-Identifier: EUPL-1.2
"""GnuPG as a mail program uses it: somebody's key ring, PGP/MIME (RFC 3156) and the Autocrypt field, written as Thunderbird does."""

from __future__ import annotations

import base64
import email
import email.policy
import subprocess
import textwrap
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

from .mail import Mail


@dataclass(frozen=True)
class Opened:
    """A decrypted mail; `signer` is the fingerprint of the key that signed it, if the ring knows it and all is well."""

    message: EmailMessage
    signer: str | None

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return part.get_content().replace("\r\n", "\n").rstrip("\n") if part is not None else ""


class GnuPG:
    """One person's key and the keys he has met. Close it: an agent runs for each ring."""

    def __init__(self, home: Path, address: str) -> None:
        self.home = home
        self.address = address
        home.mkdir(mode=0o700, parents=True)
        self._run("--passphrase", "", "--quick-generate-key", f"<{address}>", "future-default", "default", "never")

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=True)

    def autocrypt(self, preference: str | None) -> str:
        """The field, folded; `preference`: mutual, nopreference, or none written."""
        key = base64.b64encode(self._run("--export-options", "export-minimal", "--export", self.address).stdout).decode()
        wish = f" prefer-encrypt={preference};" if preference else ""
        field = f"Autocrypt: addr={self.address};{wish} keydata={key}"
        return "\r\n".join(textwrap.wrap(field, 76, subsequent_indent=" ")) + "\r\n"

    def clear(self, mail: EmailMessage, preference: str | None) -> bytes:
        """An open mail that brings the key. (Python would encode the long word in the field.)"""
        return self.autocrypt(preference).encode() + mail.as_bytes(policy=email.policy.SMTP)

    def meet(self, field: str) -> str:
        """Takes the key in an Autocrypt field into the ring; its fingerprint."""
        key = base64.b64decode("".join(field.partition("keydata=")[2].split()))
        shown = self._run("--with-colons", "--import-options", "show-only", "--import", input=key).stdout.decode()
        self._run("--import", input=key)
        return next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr:"))

    def seal(self, to: str, fingerprint: str, text: str, subject: str, *, preference: str = "mutual") -> bytes:
        """A mail encrypted and signed: the subject is protected (RFC 9788's older form), all else stands outside."""
        message_id = make_msgid(domain=self.address.rpartition("@")[2])
        named = [("From", self.address), ("To", to), ("Message-ID", message_id)]
        body = base64.encodebytes(text.replace("\n", "\r\n").encode()).decode().replace("\n", "\r\n")
        inside = "".join(f"{name}: {value}\r\n" for name, value in [*named, ("Subject", subject)])
        entity = (
            'Content-Type: multipart/mixed; boundary="------------inside";\r\n protected-headers="v1"\r\n'
            f"{inside}\r\n--------------inside\r\nContent-Type: text/plain; charset=UTF-8; format=flowed\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n--------------inside--\r\n"
        )
        armoured = self._run(
            "--armor", "--trust-model", "always", "--sign", "--encrypt", "--recipient", fingerprint, "--recipient", self.address,
            input=entity.encode(),
        ).stdout.decode()  # fmt: skip
        outside = [*named, ("Subject", "..."), ("Date", formatdate())]
        armoured = "\r\n".join(armoured.splitlines())
        raw = "".join(f"{name}: {value}\r\n" for name, value in outside) + (
            f"{self.autocrypt(preference)}MIME-Version: 1.0\r\n"
            'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="outside"\r\n\r\n'
            "This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)\r\n--outside\r\n"
            "Content-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version identification\r\n\r\nVersion: 1\r\n\r\n"
            '--outside\r\nContent-Type: application/octet-stream; name="encrypted.asc"\r\n'
            f'Content-Disposition: inline; filename="encrypted.asc"\r\n\r\n{armoured}\r\n\r\n--outside--\r\n'
        )
        return raw.encode()

    def open(self, mail: Mail) -> Opened:
        """Decrypts a mail and looks for its signature."""
        assert mail.message.get_content_type() == "multipart/encrypted", mail
        marker, sealed = mail.message.iter_parts()
        assert marker.get_content_type() == "application/pgp-encrypted", mail
        done = self._run("--status-fd", "2", "--trust-model", "always", "--decrypt", input=sealed.get_content())
        status = [line.split()[1:] for line in done.stderr.decode().splitlines() if line.startswith("[GNUPG:] ")]
        assert ["DECRYPTION_OKAY"] in status and ["GOODMDC"] in status, status
        inner = email.message_from_bytes(done.stdout, policy=email.policy.default)
        assert isinstance(inner, EmailMessage)
        return Opened(inner, next((words[-1] for words in status if words[0] == "VALIDSIG"), None))

    def _run(self, *words: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--no-tty", "--quiet", *words]
        # Exit code 2 with a decrypted mail: its signer is not known.
        done = subprocess.run(command, input=input, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0 or (done.returncode == 2 and done.stdout), done.stderr.decode()
        return done
