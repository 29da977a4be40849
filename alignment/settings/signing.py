"""The key by which the server signs the ends of its chain, so that a copy outside shows what was changed inside."""

import base64
import binascii
import os

from alignment.settings.environment import DATA_DIR


def signing_key(text: str) -> bytes | None:
    """The 32 bytes of an Ed25519 private key, written as 64 hex digits or in base64; None for an empty text."""
    text = text.strip()
    if not text:
        return None
    try:
        key = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise RuntimeError(
            "SIGNING_KEY is not 32 bytes as 64 hex digits or in base64. Make one with: openssl rand -hex 32"
        )
    return key


# Another key here is a new key from then on: the chain says so, and what earlier ones signed stays verifiable.
SIGNING_KEY = signing_key(os.environ.get("SIGNING_KEY", ""))
# Without one in the environment a key is made here at first use, readable by this user only.
SIGNING_KEY_FILE = DATA_DIR / "signing.key"
