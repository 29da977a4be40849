"""The server's Ed25519 key: from the setting SIGNING_KEY, or from a file in the data folder that is made once."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from alignment.artifacts.canonical import digest
from alignment.artifacts.events import key_event
from alignment.models import ServerKey
from alignment.services.chain import append, wait_for_the_chain


class SigningKeyUnusable(RuntimeError):
    """The file holds no key; it is never written over, since what it signed is verified by it."""


def private_key() -> Ed25519PrivateKey:
    """The key in use. Raises SigningKeyUnusable."""
    return Ed25519PrivateKey.from_private_bytes(settings.SIGNING_KEY or _from_file(settings.SIGNING_KEY_FILE))


def public_hex() -> str:
    """The public half of the key in use: 32 bytes in hex."""
    return private_key().public_key().public_bytes_raw().hex()


@transaction.atomic
def key_in_use(*, at: datetime) -> ServerKey:
    """The row of the key in use. A key that was never used before is added, and the chain says so."""
    wait_for_the_chain()
    public = public_hex()
    known = ServerKey.objects.filter(public=public).first()
    if known:
        return known
    made = ServerKey.objects.create(name=digest(bytes.fromhex(public))[:16], public=public, since=at)
    kind, payload = key_event(made)
    append(kind, payload, at=at)
    return made


def _from_file(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise SigningKeyUnusable(
            f"{path} holds no signing key (64 hex digits). Put the right file back from a backup, or move it away: "
            "then a new key is made."
        )
    return key


def _make(path: Path) -> None:
    """Write a new key completely, then give it its name if nobody was faster: no process ever reads half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".signing-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(os.urandom(32).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
