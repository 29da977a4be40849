"""Verify."""

from __future__ import annotations

import hashlib

GENESIS = "0" * 64


def chained(previous: str, event: bytes) -> str:
    """The digest of an entry: SHA-256(0x00 ‖ previous digest as 32 bytes ‖ canonical event), in hex."""
    return hashlib.sha256(b"\x00" + bytes.fromhex(previous) + event).hexdigest()
