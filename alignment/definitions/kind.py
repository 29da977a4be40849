"""Definitions as signed artifacts: sales, marketing and finance sign each of the five."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from alignment.artifacts.kinds import Content, Kind, register
from alignment.blockers import Blocker
from alignment.definitions import content as definition
from alignment.definitions.predicate import KEYS, listed
from alignment.models.people import Role

if TYPE_CHECKING:
    from alignment.models import ArtifactVersion

NAME, _LABEL = "definition", "Definition"
READERS = frozenset(Role.values) - {Role.BOARD_VIEWER.value}


def _effect(content: Content) -> tuple[str, ...]:
    name = content.get("name") or "record"
    found = [
        f"From then on this is what {name} means: figures that count it are computed by these rows, and a version "
        "before it is superseded."
    ]
    if len(listed(content.get("parts"))) > 1:
        found.append(
            "MQLs that lack a field named here are still accepted from the CRM, but listed as incomplete and counted "
            "against marketing's completeness."
        )
        found.append("Records whose status in the CRM differs from it are listed as drift.")
    return tuple(found)


def _title(content: Content, key: str) -> str:
    """Without its version; called as its text calls it."""
    return f"{_LABEL}: {content.get('name') or KEYS.get(key, (key,))[0]}"


def _fits_its_key(version: ArtifactVersion, **_: Any) -> list[Blocker]:
    if definition.fits(version.artifact.key, version.content):
        return []
    return [
        Blocker(
            "key",
            f"This is no definition called “{version.artifact.key}”: its parts or its subject are another one's. "
            "Write it on the page of the definition.",
        )
    ]


KIND = register(
    Kind(
        name=NAME,
        label=_LABEL,
        check=definition.check,
        render=definition.render,
        signers=lambda content: (Role.CRO.value, Role.CMO.value, Role.FINANCE.value),
        statement="I agree that this is what the term means in our company, and that figures are counted by it.",
        effect=_effect,
        page_limit=2,
        readers=READERS,
        blockers=_fits_its_key,
        edit_url=lambda version: reverse("alignment:definition", args=[version.artifact.key]),
        title=_title,
        restarts=True,
    )
)
