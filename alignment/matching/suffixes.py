"""The domain that somebody registered, by the Public Suffix List: co.uk belongs to nobody, acme.co.uk to Acme.

What would join unrelated companies under one domain stands in a list of our own. Both lists are part of the release,
so that the database's functions and this module know the same rules.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

LIST = Path(__file__).with_name("public_suffixes.txt")
OWN_LIST = Path(__file__).with_name("own_suffixes.txt")


@cache
def rules() -> frozenset[str]:
    """Rules of more than one label, with "*." for any label and "!" for an exception from that."""
    lines = [line for path in (LIST, OWN_LIST) for line in path.read_text("ascii").splitlines()]
    return frozenset(line for line in lines if line and not line.startswith("//"))


def registrable(host: str) -> str:
    """One label more than the longest public suffix of a host in punycode; empty for a suffix itself."""
    labels = host.split(".") if host else []
    known = rules()
    for start in range(len(labels)):
        rest = ".".join(labels[start:])
        if f"!{rest}" in known:
            return rest
        is_last = start == len(labels) - 1
        if is_last or rest in known or "*." + ".".join(labels[start + 1 :]) in known:
            return ".".join(labels[start - 1 :]) if start else ""
    return ""
