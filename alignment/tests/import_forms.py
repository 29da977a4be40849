"""What tests of the import's pages share: files, and the steps a person takes in the browser."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alignment.models import Import
from alignment.services import import_drafts
from alignment.services.import_run import run_waiting

LEADS = """Lead ID,First Name,Last Name,Email,Company / Account,Lead Source,Lead Status,Lead Owner,Disposition,\
Create Date,MQL Date
00Q5f000001AAAA,Ada,Lovelace,ada@example.com,Engines,Web,Open,Rep 1,,3/1/2026 9:00,3/2/2026 9:14
00Q5f000001AAAB,Emmy,Noether,emmy@example.com,Rings,Web,Dead,Nobody Known,Trash,3/13/2026 9:00,3/14/2026 10:00
00Q5f000001AAAC,Grace,Hopper,grace@example.com,Compilers,Events,Open,Rep 1,,tomorrow,
"""
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
OTHER = "Ref;When;Note\n1;2026-03-02;x\n"


def url(name: str, **given: Any) -> str:
    return reverse(f"alignment:{name}", kwargs={"key": "crm", **given})


def text(response: Any) -> str:
    body = b"".join(response) if response.streaming else response.content
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body.decode())).split())


def upload(client: Client, content: str | bytes = LEADS, name: str = "leads.csv", **more: Any) -> Any:
    body = content.encode() if isinstance(content, str) else content
    return client.post(url("import-upload"), {"file": SimpleUploadedFile(name, body), **more})


def drafted(client: Client, content: str | bytes = LEADS, **more: Any) -> Import:
    answer = upload(client, content, **more)
    assert answer.status_code == 302, text(answer)
    return Import.objects.latest("pk")


def controls(page: str) -> dict[str, str]:
    """What a browser would send of the form of the mapping, untouched."""
    form = page[page.index('id="import-mapping"') : page.index("</form>", page.index('id="import-mapping"'))]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, kind = re.search(r'name="([^"]*)"', tag), re.search(r'type="(\w+|datetime-local)"', tag)
        if name is None or (kind and kind[1] == "checkbox" and " checked" not in tag):
            continue
        value = re.search(r'value="([^"]*)"', tag)
        found[name[1]] = unescape(value[1]) if value else "on" if kind and kind[1] == "checkbox" else ""
    for name, body in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', form, re.DOTALL):
        picked = re.search(r'<option value="([^"]*)" selected', body)
        found[name] = unescape(picked[1]) if picked else ""
    for name, body in re.findall(r'<textarea name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(body).strip()
    return found


def mapped(client: Client, draft: Import, *, act: str = "save", **changes: str) -> Any:
    """Submit the mapping form as it is shown, with these changes."""
    address = url("import-mapping", pk=draft.pk)
    given = controls(client.get(address).content.decode())
    return client.post(address, given | {"act": act} | changes)


SURE = {"zone": "Europe/Berlin", "is_zone_sure": "on"}


def previewed(client: Client, draft: Import, **changes: str) -> Any:
    answer = mapped(client, draft, **SURE | changes)
    assert answer.status_code == 302 and answer.url == url("import-preview", pk=draft.pk), text(answer)
    return client.get(answer.url)


def start(client: Client, draft: Import, act: str = "import", seen: str | None = None) -> Any:
    draft.refresh_from_db()
    given = {"act": act, "seen": import_drafts.fingerprint(draft) if seen is None else seen}
    return client.post(url("import-start", pk=draft.pk), given)


def worked() -> Import | None:
    return run_waiting(now=timezone.now)
