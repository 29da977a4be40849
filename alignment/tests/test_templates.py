"""Every template compiles and keeps to what the content security policy allows; vendored files are whole."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted(str(path.relative_to(ROOT / "templates")) for path in (ROOT / "templates").rglob("*.html"))
BLOCKED = {
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*="),
    "a style element": re.compile(r"<style\b"),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)"),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+\s*="),
    "a file from elsewhere": re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//"
    ),
    "a javascript address": re.compile(r"(?:href|action)=[\"']?javascript:"),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles_and_holds_nothing_that_the_policy_blocks(name: str) -> None:
    get_template(name)
    source = (ROOT / "templates" / name).read_text(encoding="utf-8")
    source = re.sub(r"{% comment %}.*?{% endcomment %}", "", source, flags=re.S)
    assert [what for what, pattern in BLOCKED.items() if pattern.search(source)] == []


def test_the_policy_check_finds_what_it_looks_for() -> None:
    bad = {
        "a style attribute": '<p class="x" style="color: red">',
        "a style element": "<style>p {}</style>",
        "an inline script": "<script>1</script>",
        "an event attribute": '<a href="#" onclick="x()">',
        "a file from elsewhere": '<script src="//cdn.example/x.js"></script>',
        "a javascript address": '<a href="javascript:x()">',
    }
    for what, source in bad.items():
        assert BLOCKED[what].search(source), what


def test_vendored_files_are_those_of_the_manifest() -> None:
    spec = importlib.util.spec_from_file_location("vendor", ROOT / "tools" / "vendor.py")
    assert spec is not None
    assert spec.loader is not None
    vendor = importlib.util.module_from_spec(spec)
    sys.modules["vendor"] = vendor
    try:
        spec.loader.exec_module(vendor)
        assert vendor.differences() == []
        for package in vendor.PACKAGES:
            assert (vendor.VENDOR / package.folder / "LICENCE").is_file()
    finally:
        del sys.modules["vendor"]


def test_every_icon_that_templates_and_code_name_is_in_the_sprite() -> None:
    from alignment.navigation import SECTIONS
    from alignment.templatetags import ui

    present = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static" / ui.SPRITE).read_text()))
    named = {icon for _, icon in ui.LOOKS.values()} | {section.icon for section in SECTIONS}
    for name in TEMPLATES:
        named |= set(re.findall(r'{% icon "([^"]+)"', (ROOT / "templates" / name).read_text()))
    assert named <= present, f"add to ICONS in tools/vendor.py: {sorted(named - present)}"
