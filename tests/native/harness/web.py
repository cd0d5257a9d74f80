# SPDX-License-Identifier: Apache-2.0
"""Certificates by OpenSSL's own tool, and an agent that serves by HTTPS."""

import base64
import ctypes
import pathlib
import ssl
import subprocess
import urllib.request

from .agent import Agent
from .waiting import patience

ADDRESSES = "DNS:localhost,IP:127.0.0.1,IP:::1"


def _openssl(*arguments: str | pathlib.Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """Signs certificates; each is NAME.crt and NAME.key in its directory."""

    def __init__(self, directory: pathlib.Path, name: str) -> None:
        self.directory = directory
        self.certificate = directory / f"{name}.crt"
        self._key = directory / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", f"/CN={name}", "-keyout", self._key,
                 "-out", self.certificate)

    def sign(self, name: str, san: str = ADDRESSES) -> tuple[pathlib.Path, ...]:
        certificate = self.directory / f"{name}.crt"
        key = self.directory / f"{name}.key"
        request = self.directory / f"{name}.csr"
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={san}\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                 "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                 "-CAkey", self._key, "-days", "2", "-extfile", extensions,
                 "-out", certificate)
        return certificate, key


def bcrypt(password: str) -> str:
    """A hash of cost 5, which takes a few milliseconds; Python lost crypt."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    made = library.crypt(password.encode(), b"$2y$05$abcdefghijklmnopqrstuu")
    return made.decode()


class SecureAgent(Agent):
    """One with a web configuration, web.yml in its directory."""

    def __init__(self, directory: pathlib.Path, authority: pathlib.Path | None,
                 user: tuple[str, str] | None = None) -> None:
        """`authority`: what vouches for it; None: it serves plain HTTP."""
        super().__init__(directory)
        self.configuration = directory / "web.yml"
        self.authority = authority
        self.user = user

    def arguments(self) -> list[str]:
        return [*super().arguments(),
                "--web.config.file", str(self.configuration)]

    def url(self, path: str) -> str:
        scheme = "http" if self.authority is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def get(self, path: str) -> str:
        request = urllib.request.Request(self.url(path))
        if self.user is not None:
            text = base64.b64encode(":".join(self.user).encode()).decode()
            request.add_header("Authorization", f"Basic {text}")
        context = None
        if self.authority is not None:
            context = ssl.create_default_context(cafile=str(self.authority))
        with urllib.request.urlopen(request, timeout=patience(10),
                                    context=context) as answer:
            return answer.read().decode()

    def curl(self, path: str, *options: str | pathlib.Path) -> "Curled":
        """By the real curl, which verifies the agent's certificate."""
        trust = () if self.authority is None else ("--cacert", self.authority)
        result = subprocess.run(
            ["curl", "-sS", "-m", str(patience(10)), "-w", "%{stderr}%{http_code}",
             *trust, *options, self.url(path)],
            capture_output=True, text=True, check=False)
        return Curled(result.returncode, result.stderr[-3:], result.stdout,
                      result.stderr)


class Curled:
    """What curl says: its exit code, the status, the body and its messages."""

    def __init__(self, code: int, status: str, body: str, messages: str) -> None:
        self.code = code
        self.status = status
        self.body = body
        self.messages = messages
