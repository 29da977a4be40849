#!/usr/bin/env python3
"""Fetch the front-end files that the product serves itself (for maintainers; users need no npm).

    python3 tools/vendor.py            fetch everything again into static/vendor/
    python3 tools/vendor.py --check    only compare the files on disk with static/vendor/manifest.json

Each package is packed by npm at the version named here, the archive is compared with the registry's sha512,
and the few files that pages need are kept with their licence. The manifest records both digests.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"

MIT = """The MIT License (MIT)

{copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.
"""

# fmt: off
ICONS = [
    "activity", "adjustments", "alert-circle", "alert-triangle", "archive", "arrow-back-up",
    "arrow-down", "arrow-left", "arrow-right", "arrow-up", "ban", "bell", "bolt", "briefcase",
    "building", "calendar", "calendar-event", "calendar-plus", "chart-bar", "check", "chevron-down",
    "chevron-left", "chevron-right", "chevron-up", "circle-check", "circle-dashed", "circle-x",
    "clipboard-check", "clock", "clock-pause", "copy", "database", "download", "edit",
    "external-link", "eye", "file-certificate", "file-text", "filter", "flag", "gauge", "heartbeat",
    "help-circle", "history", "home", "hourglass", "inbox", "info-circle", "key", "link", "list",
    "list-check", "list-details", "lock", "logout", "mail", "menu-2", "message", "moon", "note",
    "phone", "player-pause", "player-play", "plug", "plug-connected", "plus", "printer", "refresh",
    "rotate", "route", "scale", "search", "selector", "send", "settings", "shield-check",
    "shield-lock", "signature", "sun", "sun-moon", "target", "trash", "trending-down",
    "trending-up", "upload", "user", "user-off", "user-plus", "users", "users-group", "webhook",
    "world", "writing", "x",
]
# fmt: on


@dataclass(frozen=True)
class Package:
    """One npm package: which files are kept, under which name, with which licence."""

    name: str
    version: str
    licence: str
    files: dict[str, str] = field(default_factory=dict)  # path in the package -> name on disk
    icons: list[str] = field(default_factory=list)  # outline icons that go into sprite.svg
    copyright: str = ""  # for a package that names its licence without shipping the text

    @property
    def folder(self) -> str:
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}"


PACKAGES = [
    Package(
        "@tabler/core",
        "1.6.1",
        "MIT",
        {"dist/css/tabler.min.css": "tabler.min.css", "dist/js/tabler.min.js": "tabler.min.js"},
        copyright="Copyright (c) 2018-2026 The Tabler Authors\n"
        "Copyright (c) 2018-2026 codecalm.net Paweł Kuna",
    ),
    Package("@tabler/icons", "3.51.0", "MIT", {"LICENSE": "LICENCE"}, icons=ICONS),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "OFL-1.1",
        {"LICENSE": "LICENCE", "files/inter-latin-wght-normal.woff2": "inter-latin-wght-normal.woff2"},
    ),
]


def without_source_map(content: bytes) -> bytes:
    """Drop the reference to a source map that is not shipped; collecting static files would fail on it."""
    return re.sub(rb"\s*(/\*# sourceMappingURL=\S+ \*/|//# sourceMappingURL=\S+)\s*$", b"\n", content)


def sprite(read: Any, names: list[str]) -> bytes:
    """One SVG of <symbol>s, drawn with the colour of the text around it."""
    symbols = []
    for name in sorted(names):
        drawing = read(f"icons/outline/{name}.svg").decode()
        inner = re.sub(r"<!--.*?-->", "", drawing, flags=re.S)
        inner = re.search(r"<svg[^>]*>(.*)</svg>", inner, flags=re.S).group(1)  # type: ignore[union-attr]
        inner = re.sub(r"\s*\n\s*", "", inner)
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
            f'stroke-linecap="round" stroke-linejoin="round">{inner}</symbol>'
        )
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()


def fetch(package: Package, workdir: Path) -> dict[str, Any]:
    """Pack, verify and unpack one package; returns its entry for the manifest."""
    answer = subprocess.run(
        ["npm", "pack", f"{package.name}@{package.version}", "--json"],
        cwd=workdir,
        check=True,
        capture_output=True,
        text=True,
    )
    packed = json.loads(answer.stdout)[0]
    archive = workdir / packed["filename"]
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != packed["integrity"]:
        raise SystemExit(f"{package.name}: the archive's sha512 differs from the registry's.")
    folder = VENDOR / package.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(archive) as tar:

        def read(path: str) -> bytes:
            return tar.extractfile(f"package/{path}").read()  # type: ignore[union-attr]

        for path, name in package.files.items():
            (folder / name).write_bytes(without_source_map(read(path)))
        if package.icons:
            (folder / "sprite.svg").write_bytes(sprite(read, package.icons))
    if package.copyright:
        (folder / "LICENCE").write_text(MIT.format(copyright=package.copyright), encoding="utf-8")
    return {
        "package": package.name,
        "version": package.version,
        "licence": package.licence,
        "integrity": digest,
        "files": {f"{package.folder}/{p.name}": sha512(p) for p in sorted(folder.iterdir())},
    }


def sha512(path: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def differences() -> list[str]:
    """Names of files that are missing, changed or not in the manifest; empty when all is as recorded."""
    recorded = {name: digest for p in json.loads(MANIFEST.read_text()) for name, digest in p["files"].items()}
    present = {str(p.relative_to(VENDOR)) for p in VENDOR.rglob("*") if p.is_file() and p != MANIFEST}
    changed = {n for n in recorded.keys() & present if sha512(VENDOR / n) != recorded[n]}
    return sorted((recorded.keys() ^ present) | changed)


def main() -> None:
    if "--check" not in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as workdir:
            entries = [fetch(package, Path(workdir)) for package in PACKAGES]
        MANIFEST.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    if wrong := differences():
        raise SystemExit("Not as in the manifest: " + ", ".join(wrong))
    sys.stdout.write("static/vendor is as in its manifest.\n")


if __name__ == "__main__":
    main()
