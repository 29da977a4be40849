"""A delegation: who holds a role lets another person sign for it, from one day to another.

Content: {"role", "holder": {"id", "name"}, "delegate": {"id", "name"}, "from_on", "until_on", "reason"}; ids are those
of logins, days are ISO dates in the organisation's zone, both included. Only the holder signs it, so that no delegate
passes a role on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from alignment.artifacts.document import Bullets, Document, Facts, Paragraph
from alignment.artifacts.kinds import Content, InvalidContent
from alignment.models.people import Role

NAME = "delegation"
LONGEST = 366  # days


def check(content: Content) -> None:
    """Raises InvalidContent."""
    problems = []
    if content.get("role") not in Role.values:
        problems.append("role: choose the role that is signed for.")
    for field, who in (("holder", "who holds the role"), ("delegate", "who may sign for it")):
        person = content.get(field)
        if not isinstance(person, Mapping) or not isinstance(person.get("id"), int) or not person.get("name"):
            problems.append(f"{field}: choose {who}.")
    if not problems and content["holder"]["id"] == content["delegate"]["id"]:
        problems.append("delegate: choose somebody else than the holder.")
    problems += _problems_of_days(content)
    if not str(content.get("reason") or "").strip():
        problems.append("reason: write why, for example “on leave”.")
    if problems:
        raise InvalidContent(*problems)


def _problems_of_days(content: Content) -> list[str]:
    days = {field: day(content, field) for field in ("from_on", "until_on")}
    first, last = days["from_on"], days["until_on"]
    if first is None or last is None:
        missing = [field for field, found in days.items() if found is None]
        return [f"{field}: write a day such as 2026-12-24." for field in missing]
    if last < first:
        return ["until_on: the last day lies before the first one."]
    if (last - first).days >= LONGEST:
        return [
            f"until_on: a delegation lasts {LONGEST} days at most; a role held for longer is somebody's own."
        ]
    return []


def day(content: Content, field: str) -> date | None:
    """A day of the content; None where it is missing or no day."""
    try:
        return date.fromisoformat(str(content.get(field) or ""))
    except ValueError:
        return None


def render(content: Content) -> Document:
    role, holder, delegate = _role(content), _name(content, "holder"), _name(content, "delegate")
    return Document(
        title=_of(role),
        subtitle=f"{holder} to {delegate}",
        blocks=(
            Facts(
                (
                    ("Signs for", role),
                    ("Holder", holder),
                    ("Delegate", delegate),
                    ("From", _shown(day(content, "from_on"))),
                    ("Until and including", _shown(day(content, "until_on"))),
                    ("Reason", str(content.get("reason") or "–")),
                )
            ),
            Paragraph("In these days:"),
            Bullets(effect(content)),
        ),
    )


def title(content: Content, key: str) -> str:
    """Without its version: "Delegation of the CRO's signature to Ada Byron"."""
    return f"{_of(_role(content))} to {_name(content, 'delegate')}"


def _shown(found: date | None) -> str:
    return f"{found.day} {found:%B %Y}" if found else "–"


def _of(role: str) -> str:
    return f"Delegation of the {role}'s signature"


def effect(content: Content) -> tuple[str, ...]:
    role, holder, delegate = _role(content), _name(content, "holder"), _name(content, "delegate")
    return (
        f"{delegate} may sign, decline and revoke for the {role}, and is named as delegate beside each signature.",
        f"{holder} may still sign; whoever is first signs for the role.",
        "It ends on its last day, when it is revoked, or when the holder no longer holds the role. What was "
        "signed by then stays signed.",
        f"{delegate} cannot pass it on, and never signs one version for two roles.",
        f"It does not cover waivers and other delegations: {holder} signs those in person.",
    )


def _role(content: Content) -> str:
    role = content.get("role")
    return str(Role(role).label) if role in Role.values else "–"


def _name(content: Content, field: str) -> str:
    person = content.get(field)
    return str(person.get("name") or "–") if isinstance(person, Mapping) else "–"


def signers(content: Content) -> tuple[str, ...]:
    return (str(content.get("role") or ""),)


def named(content: Content) -> Mapping[str, int]:
    """The holder alone signs, whoever else holds the role."""
    holder: Any = content.get("holder")
    if not isinstance(holder, Mapping) or "id" not in holder:
        return {}
    return {str(content.get("role") or ""): holder["id"]}
