"""The artifact of step 2: the joint revenue SLA, signed by both function leads."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from alignment.artifacts.kinds import Content, Kind, register
from alignment.models import Role
from sla.content import KEY, KIND, check
from sla.page import render
from sla.queries.agreements import next_number
from sla.queries.sending import blockers_of, shut_gates
from sla.services.signed import follow

READERS = frozenset(Role.values) - {Role.BOARD_VIEWER.value}


def _effect(content: Content) -> tuple[str, ...]:
    begins: Any = content.get("begins_on")
    since = f"from {begins} on" if begins else "from the last signature on"
    return (
        f"It is the configuration: every MQL that crosses {since} runs on these terms. What crossed before is judged "
        "to its end by the version under which it crossed.",
        "Its consequences execute themselves; each can be undone by a ruling only.",
        "Its review date goes to both leaders' calendars, and gate 2 opens.",
    )


SLA = register(
    Kind(
        name=KIND,
        label="Joint revenue SLA",
        check=check,
        render=render,
        signers=lambda _: (Role.CRO.value, Role.CMO.value),
        statement="I commit my function to what it owes here, and accept the consequences as they execute.",
        effect=_effect,
        page_limit=2,
        readers=READERS,
        blockers=blockers_of,
        shut_by=shut_gates,
        on_change=(follow,),
        edit_url=lambda version: reverse("sla:agreement-draft"),
        title=lambda _, key: "Joint revenue SLA" if key == KEY else f"Joint revenue SLA {key}",
        loses="its terms go on judging MQLs, and an amendment that cites what is in force now is asked for",
        revoking="ceases to be signed at once: its terms go on judging clocks until a new version is signed by both, "
        "and the month and the period under way have no consequence",
        restarts=True,
        first_number=next_number,
    )
)
