"""Starts and stops the real relay for tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

READY_SECONDS = 20.0


class Relay:
    """A relay process on a free port of the loopback interface, with its data in a folder.

    With a secret it asks for tokens that are signed with it, and closes when they end.
    """

    def __init__(self, folder: Path, secret: str | None = None) -> None:
        self.folder = folder
        self.secret = secret
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = open(self.folder / "relay.log", "ab")
        command = [binary(), "serve", "--listen", f"127.0.0.1:{self.port}", "--data", str(self.folder / "data")]
        # The relay takes its settings from the environment, too; those of the machine do not belong here.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SYNCLINE_")}
        if self.secret is not None:
            (self.folder / "secret").write_text(self.secret)
            environment["SYNCLINE_ACCESS__SECRET_FILE"] = str(self.folder / "secret")
            environment["SYNCLINE_ACCESS__LEEWAY_SECONDS"] = "0"
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        log.close()
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError("the relay does not start:\n" + (self.folder / "relay.log").read_text())
            time.sleep(0.02)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def token(self, seconds: float, **claims: Any) -> str:
        """Signs a token for all rooms that ends in some seconds; claims are put in place of the usual ones."""
        assert self.secret is not None
        rooms = [{"room": "*", "access": "write"}]
        body = {"sub": "ada", "exp": time.time() + seconds, "rooms": rooms} | claims
        signed = b".".join(encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, body))
        return (signed + b"." + encode(hmac.digest(self.secret.encode(), signed, hashlib.sha256))).decode()

    def kill(self) -> None:
        """Ends the process without a warning, as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self) -> Relay:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def binary() -> str:
    """The relay's binary: the one named by SYNCLINE_RELAY_BIN, or the newest build."""
    if named := os.environ.get("SYNCLINE_RELAY_BIN"):
        return named
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [path for profile in ("debug", "release") if (path := target / profile / "syncline").exists()]
    if not built:
        raise FileNotFoundError(
            f"these tests need the relay, and there is none in {target}: run `cargo build -p syncline-server`, "
            "or name a binary in SYNCLINE_RELAY_BIN"
        )
    return str(max(built, key=lambda path: path.stat().st_mtime))


def encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
