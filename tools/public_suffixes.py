"""Writes alignment/matching/public_suffixes.txt from the list that the package `publicsuffixlist` carries.

Run it after `pip install -U publicsuffixlist`, then add a migration that calls `install_functions()` again (see
alignment/matching/sql.py): the database's functions hold the same list, and stored keys are computed by them.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import publicsuffixlist

TARGET = Path(__file__).resolve().parent.parent / "alignment" / "matching" / "public_suffixes.txt"
HEAD = """\
// Rules of the Public Suffix List (https://publicsuffix.org), those of more than one label: a suffix of one label
// needs no rule. Names are in punycode. Taken from the package publicsuffixlist {version}.
// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
// distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.
"""


def rules() -> list[str]:
    """Rules of several labels, exceptions with "!", in punycode, sorted. A rule for any label below a name implies
    the name itself, as the list's own tests have it."""
    source = Path(publicsuffixlist.__file__).parent / "public_suffix_list.dat"
    found = set()
    for line in source.read_text("utf-8").splitlines():
        rule = line.split()[0] if line.strip() and not line.startswith("//") else ""
        if "." in rule:
            found.add(".".join(_label(label) for label in rule.lower().split(".")))
    implied = {rule.partition(".")[2] for rule in found if rule[0] in "*!"}
    return sorted(found | {rule for rule in implied if "." in rule})


def _label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode()


if __name__ == "__main__":
    version = importlib.metadata.version("publicsuffixlist")
    TARGET.write_text(HEAD.format(version=version) + "\n".join(rules()) + "\n", "ascii")
    sys.stdout.write(f"{TARGET}: {len(rules())} rules\n")
