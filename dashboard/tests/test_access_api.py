"""Every address of the API, for every role, by session and by token, on own and other teams' objects.

An address that is not in the table fails. One letter a role: A allowed (2xx, or the service's own refusal 409),
F 403, N 404, U 401. Order: RevOps, CRO, CMO, sales manager, rep, marketing, finance, board viewer, nobody.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from itertools import cycle, islice
from typing import Any
from unittest.mock import patch

import pytest
from django.urls import reverse

from alignment.models import (
    Account,
    ApiToken,
    Campaign,
    Destination,
    Lead,
    Opportunity,
    Role,
    Team,
    TokenScope,
    Touch,
)
from alignment.services.erasure import erase_person
from alignment.services.imports import start_import
from alignment.services.retention import expire_bodies
from dashboard.tests.test_access_matrix import ROLES, things  # noqa: F401 - a fixture
from handoff.models import Assignment, Pool, PoolMember
from sla.disputed import Term
from sla.models import Breach, ClausePeriod, Clock, Consequence, ConsequenceCycle, RenegotiationCase
from sla.services import mark_breached
from sla.services.disputes import Decided, file_dispute, rule
from testing.api import Api, by_session, by_token
from testing.routes import every_route
from testing.sla import signed_sla
from testing.world import World, event, terms

EVERYONE = "AAAAAAAAU"
NOT_BOARD = "AAAAAAAFU"
RECORDS = "AAAAAAFFU"
OTHERS_RECORD = "AAANNAFFU"
REVOPS = "AFFFFFFFU"
READ, LEADS, ROUTING, EVENTS, INBOX, IMPORTS, OUTBOX, MERGES, ERASURE, SETUP = TokenScope
LEAVE = {"starts_at": "2098-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"}
EVENT = [{"type": "lead.updated", "data": {"external_id": "sent"}}]
LEADS_FILE = {"object": "lead", "columns": {"external_id": "Id"}}
BECAUSE = {"reason": "Somebody looked at it"}
ERASED = {"asked_by": "person", "reason": "Asked in writing", "confirmation": "twin 3"}
CALL = {"channel": "call", "outcome": "no_answer"}


@dataclass(frozen=True)
class File:
    """A body with a file, and the texts beside it."""

    content: bytes
    texts: dict[str, Any]


@dataclass(frozen=True)
class Row:
    """An address about an object (a name in `objects`), what each role gets, and the scope that a token needs."""

    route: str
    expected: str
    about: str = ""
    scope: str = READ
    body: Any = field(default=None, compare=False)

    @property
    def is_act(self) -> bool:
        return self.scope != READ

    def __str__(self) -> str:
        return f"{self.route}{f' of {self.about}' if self.about else ''}"


def both(name: str, listed: str = RECORDS, other: str = OTHERS_RECORD) -> list[Row]:
    """The list, one that is somebody's own, and one of others."""
    return [
        Row(f"{name}-list", listed),
        Row(name, listed, f"own {name}"),
        Row(name, other, f"other {name}"),
    ]


def only(name: str, expected: str, about: str) -> list[Row]:
    return [Row(f"{name}-list", expected), Row(name, expected, about)]


TABLE = [
    Row("schema", EVERYONE),
    *both("lead"),
    Row("lead-timeline", RECORDS, "own lead"),
    Row("lead-timeline", OTHERS_RECORD, "other lead"),
    *both("account"),
    *both("campaign"),
    *both("touch"),
    *both("opportunity"),
    *both("mql-cycle"),
    *both("assignment"),
    *both("clock"),
    *both("breach"),
    *both("dispute", NOT_BOARD, "AAANNAAFU"),
    *only("ruling", NOT_BOARD, "ruling"),
    *only("clause-period", NOT_BOARD, "clause period"),
    *only("consequence", NOT_BOARD, "consequence"),
    *both("consequence-mql"),
    *only("renegotiation", NOT_BOARD, "renegotiation"),
    Row("log-attempt", "AFFAAFFFU", "own mql-cycle", LEADS, CALL),
    Row("log-attempt", "AFFNNFFFU", "other mql-cycle", LEADS, CALL),
    Row("dispose", "AFFAAFFFU", "own mql-cycle", LEADS, {"disposition": "working"}),
    Row("dispose", "AFFNNFFFU", "other mql-cycle", LEADS, {"disposition": "working"}),
    Row("assign", "AFFAFFFFU", "own mql-cycle", LEADS, {"person": "newcomer"}),
    Row("assign", "AFFNFFFFU", "other mql-cycle", LEADS, {"person": "newcomer"}),
    *both("pool", "AFFAAFFFU", "AFFANFFFU"),
    Row("pause-member", "AFFAFFFFU", "own member", ROUTING),
    Row("pause-member", "AFFFFFFFU", "other member", ROUTING),
    Row("resume-member", "AFFAFFFFU", "own member", ROUTING),
    Row("resume-member", "AFFFFFFFU", "other member", ROUTING),
    *both("leave", "AFFAAFFFU", "AFFNNFFFU"),
    Row("add-leave", "AFFAAFFFU", "own person", ROUTING, LEAVE),
    Row("add-leave", "AFFNNFFFU", "other person", ROUTING, LEAVE),
    Row("end-leave", "AFFAAFFFU", "own leave", ROUTING),
    Row("end-leave", "AFFNNFFFU", "other leave", ROUTING),
    *only("agreement", NOT_BOARD, "agreement"),
    *only("calendar", NOT_BOARD, "calendar"),
    *only("definition", NOT_BOARD, "mql definition"),
    Row("adherence", NOT_BOARD),
    *only("adherence-report", NOT_BOARD, "adherence report"),
    Row("compliance", NOT_BOARD),
    Row("current-program", NOT_BOARD),
    Row("compliance-weeks", NOT_BOARD),
    Row("handoff-weeks", NOT_BOARD),
    *only("adoption-case", "AAAFFFFFU", "case"),
    *only("person", REVOPS, "own person"),
    *only("team", REVOPS, "team"),
    *only("source", REVOPS, "source"),
    Row("source-health", REVOPS, "source"),
    Row("send-events", REVOPS, "source", EVENTS, EVENT),
    *only("delivery", REVOPS, "delivery"),
    Row("delivery-body", REVOPS, "delivery"),
    *only("dead-event", REVOPS, "dead event"),
    Row("replay-dead-event", REVOPS, "dead event", INBOX),
    Row("set-aside-dead-event", REVOPS, "dead event", INBOX, {"reason": "Sent by mistake"}),
    Row("start-import", REVOPS, "source", IMPORTS, File(b"Id\nL-1\n", {"mapping": LEADS_FILE})),
    *only("import", REVOPS, "import"),
    Row("import-rejects", REVOPS, "import"),
    Row("cancel-import", REVOPS, "import", IMPORTS),
    Row("resume-import", REVOPS, "import", IMPORTS),
    *only("destination", REVOPS, "destination"),
    Row("pause-destination", REVOPS, "destination", OUTBOX, BECAUSE),
    Row("resume-destination", REVOPS, "destination", OUTBOX),
    *only("outgoing-message", REVOPS, "message"),
    Row("outgoing-message-body", REVOPS, "message"),
    Row("retry-outgoing-message", REVOPS, "message", OUTBOX),
    Row("set-aside-outgoing-message", REVOPS, "message", OUTBOX, BECAUSE),
    *only("duplicate-pair", REVOPS, "pair"),
    *only("merge", REVOPS, "merge"),
    Row("merge-leads", REVOPS, "twin 2", MERGES, {"merged": "twin 3", "reason": "Same person"}),
    Row("undo-merge", REVOPS, "merge", MERGES, BECAUSE),
    Row("dismiss-pair", REVOPS, "pair", MERGES, BECAUSE),
    *only("erasure", REVOPS, "erasure"),
    Row("erase-person", REVOPS, "twin 3", ERASURE, ERASED),
    *only("retention-run", REVOPS, "retention run"),
]
TABLE += [
    Row("create-pool", REVOPS, "", SETUP, {"name": "Enterprise", "segment": "enterprise"}),
    Row("set-fallback", REVOPS, "own pool", SETUP, {"person": "newcomer"}),
    Row("add-member", REVOPS, "own pool", SETUP, {"person": "newcomer", "weight": 2}),
    Row("set-weight", REVOPS, "own member", SETUP, {"weight": 2}),
    Row("remove-member", REVOPS, "other member", SETUP),
    Row("create-person", REVOPS, "", SETUP, {"name": "Somebody new"}),
    Row("change-person", REVOPS, "newcomer", SETUP, {"name": "Renamed"}),
    Row("link-identity", REVOPS, "newcomer", SETUP, {"source": "crm", "external_id": "005-77"}),
    Row("create-team", REVOPS, "", SETUP, {"name": "Mid-market"}),
    Row("change-team", REVOPS, "team", SETUP, {"name": "Renamed"}),
    Row("add-exception", REVOPS, "calendar", SETUP, {"day": "2099-01-05", "reason": "A holiday"}),
    Row("change-retention", REVOPS, "", SETUP, {"months": 7, "reason": "As asked"}),
    Row("create-source", REVOPS, "", SETUP, {"key": "second", "name": "Second", "kind": "standard"}),
    Row("change-mapping", REVOPS, "source", SETUP, {"mapping": {}}),
    Row("add-endpoint", REVOPS, "source", SETUP, {"scheme": "standard_webhooks"}),
    *only("endpoint", REVOPS, "endpoint"),
    Row("rotate-secret", REVOPS, "endpoint", SETUP),
    Row("revoke-secret", REVOPS, "endpoint", SETUP, {"slot": 1}),
    Row("close-endpoint", REVOPS, "endpoint", SETUP),
]
API = {f"api:{row.route}" for row in TABLE}


@pytest.fixture
def objects(world: World, things: dict[str, dict[str, Any]], settings: Any) -> dict[str, dict[str, Any]]:  # noqa: F811
    """Objects by name as the arguments of their addresses: the rep's and the manager's, and another team's."""
    settings.API_BURST = 100_000
    for owner in ("own", "other"):
        world.send(
            event("account.updated", f"{owner} account", world.at, name=owner),
            event("campaign.updated", f"{owner} campaign", world.at, name=owner),
            event("lead.updated", owner, world.at, account=f"{owner} account"),
            event(
                "touch.recorded",
                f"{owner} touch",
                world.at,
                lead=owner,
                channel="web",
                campaign=f"{owner} campaign",
            ),
            event("opportunity.created", f"{owner} deal", world.at, name=owner, lead=owner, stage="New"),
        )
    mark_breached(at=world.at.replace(month=12))
    stranger = world.users["stranger"].person
    alone = Pool.objects.create(name="Others only", segment="others")
    PoolMember.objects.create(pool=alone, person=stranger)
    found = dict(things)
    people = {"own": world.reps[0], "other": stranger}
    for owner, person in people.items():
        cycle = things[f"{owner} cycle"]["pk"]
        found |= {
            f"{owner} mql-cycle": {"pk": cycle},
            f"{owner} account": {"pk": Account.objects.get(name=owner).pk},
            f"{owner} campaign": {"pk": Campaign.objects.get(name=owner).pk},
            f"{owner} touch": {"pk": Touch.objects.get(external_id=f"{owner} touch").pk},
            f"{owner} opportunity": {"pk": Opportunity.objects.get(name=owner).pk},
            f"{owner} clock": {"pk": Clock.objects.filter(cycle=cycle, kind="follow_up").get().pk},
            f"{owner} breach": {"pk": Breach.objects.filter(clock__cycle=cycle)[0].pk},
            f"{owner} person": {"pk": person.pk},
        }
        given = Assignment.objects.create(
            cycle_id=cycle, person=person, origin="manual", explanation={"rule": "test"}, assigned_at=world.at
        )
        found[f"{owner} assignment"] = {"pk": given.pk}
    for name in ("delivery", "dead event", "message", "endpoint"):
        found[name] = {"pk": things[name]["pk"]}
    found["destination"] = {"pk": Destination.objects.get().pk}
    for name in ("twin 2", "twin 3"):
        found[name] = {"pk": Lead.objects.get(external_id=name).pk}
    found |= kept(world)
    asked = file_dispute(
        subject=Term("sql"), text="Unclear", asked="Read it", by=world.users[Role.CMO], at=world.at
    )
    said = Decided("rejected", "It is clear", "Read it as it stands.")
    rule(dispute=asked, decided=said, by=world.users[Role.REVOPS], at=world.at)
    found["ruling"] = {"pk": asked.pk}
    found |= consequence(world, {owner: found[f"{owner} clock"]["pk"] for owner in ("own", "other")})
    found["own pool"], found["other pool"] = {"pk": world.pool.pk}, {"pk": alone.pk}
    return found


def consequence(world: World, clocks: dict[str, int]) -> dict[str, dict[str, Any]]:
    """A consequence that took these clocks' MQLs out, and a case of renegotiation."""
    with patch("alignment.services.artifacts.sending.blockers_of", return_value=[]):  # no gate is open here
        agreement = signed_sla(terms(world.calendar), at=world.at)
    shared = {"first": "2026-10-01", "agreement": agreement, "evidence_digest": "0" * 64}
    judged = ClausePeriod.objects.create(
        kind="follow_up", unit="month", end="2026-11-01", part=2, whole=2, percent=15, is_missed=True, evidence={},
        judged_at=world.at, **shared,
    )  # fmt: skip
    fired = Consequence.objects.create(judged=judged, kind="follow_up", first=judged.first, fired_at=world.at)
    found = {"clause period": {"pk": judged.pk}, "consequence": {"pk": fired.pk}}
    for owner, pk in clocks.items():
        clock = Clock.objects.get(pk=pk)
        entry = ConsequenceCycle.objects.create(
            consequence=fired, cycle=clock.cycle, clock=clock, state="listed"
        )
        found[f"{owner} consequence-mql"] = {"pk": entry.pk}
    case = RenegotiationCase.objects.create(last="2026-10-01", months=[], opened_at=world.at, **shared)
    return found | {"renegotiation": {"pk": case.pk}}


def kept(world: World) -> dict[str, dict[str, Any]]:
    """An import, an erasure and a run of retention."""
    world.send(event("lead.updated", "gone", world.at, email="gone@example.com"))
    erased = erase_person(
        leads=[Lead.objects.get(external_id="gone")], asked_by="person", reason="Asked", by=None, at=world.at
    )
    found = start_import(
        file=BytesIO(b"Id\nL-2\n"),
        file_name="leads.csv",
        source=world.crm,
        mapping=LEADS_FILE,
        by=None,
        at=world.at,
    )
    runs = expire_bodies(at=world.at)
    return {
        "import": {"pk": found.pk},
        "erasure": {"pk": erased[0].pk},
        "retention run": {"pk": runs[0].pk},
    }


def letter(answer: Any) -> str:
    kind = answer.headers["Content-Type"]
    if answer.status_code < 300:
        return "A" if kind == "application/json" else "?"
    if kind != "application/problem+json" or answer.json()["status"] != answer.status_code:
        return "?"
    return {401: "U", 403: "F", 404: "N", 409: "A"}.get(answer.status_code, f"({answer.status_code})")


def asked(api: Api, row: Row, objects: dict[str, dict[str, Any]]) -> str:
    where = reverse(f"api:{row.route}", kwargs=objects[row.about])
    if not row.is_act:
        return letter(api.get(where))
    body = row.body
    if isinstance(body, File):
        return letter(api.upload(where, body.content, **body.texts))
    if isinstance(body, dict):
        body = {
            name: objects[value]["pk"] if name in {"person", "merged"} else value
            for name, value in body.items()
        }
    return letter(api.post(where, body))


def askers(world: World, make: Any) -> dict[str, Api]:
    return {role: Api() if role == "nobody" else make(world.users[role]) for role in ROLES}


@pytest.mark.parametrize("make", [by_session, by_token])
def test_every_role_gets_what_the_table_says(
    world: World, objects: Any, make: Any, examples: Callable[[int, int], int]
) -> None:
    """By token, without TEST_ALL, three roles ask at each address, who take turns."""
    everyone, wrong, turns = askers(world, make), [], cycle(ROLES)
    few = examples(3, len(ROLES)) if make is by_token else len(ROLES)
    for row in TABLE:
        # who may act comes last: the act may change what the others would be refused on
        for role in sorted(
            islice(turns, few), key=lambda role, row=row: row.expected[ROLES.index(role)] == "A"
        ):
            found = asked(everyone[role], row, objects)
            if found != row.expected[ROLES.index(role)]:
                wrong.append(f"{row} as {role}: {found}, not {row.expected[ROLES.index(role)]}")
            if row.is_act:
                where = reverse(f"api:{row.route}", kwargs=objects[row.about])
                if everyone[role].get(where).status_code not in {401, 403, 405}:
                    wrong.append(f"{row} as {role}: an act answers to GET")
    assert not wrong, "\n".join(wrong)


def test_a_token_opens_nothing_outside_of_its_scopes(
    world: World, objects: Any, examples: Callable[[int, int], int]
) -> None:
    """Without TEST_ALL for RevOps, who may everything, and for one other role."""
    wrong, others_than_revops = [], [role for role in Role.values if role != Role.REVOPS]
    asking = random.sample(others_than_revops, examples(1, len(others_than_revops)))
    for role in [Role.REVOPS, *asking]:
        for scope in TokenScope.values:
            others = by_token(world.users[role], [other for other in TokenScope.values if other != scope])
            alone = by_token(world.users[role], [scope])
            for row in TABLE:
                if row.scope == scope and row.route != "schema" and asked(others, row, objects) != "F":
                    wrong.append(f"{row} as {role} with all scopes but {scope}")
                expected = row.expected[ROLES.index(role)]
                if row.scope == scope and not row.is_act and asked(alone, row, objects) != expected:
                    wrong.append(f"{row} as {role} with {scope} alone")
    assert not wrong, "\n".join(wrong)
    assert not Touch.objects.filter(is_attempt=True).exists()


def test_every_address_of_the_api_is_in_the_table() -> None:
    assert {route.name for route in every_route() if route.name.startswith("api:")} == API


def test_lists_hold_what_is_ones_own_and_nothing_of_others(world: World, objects: Any) -> None:
    compared, rows = 0, {(row.route, row.about): row for row in TABLE}
    for row in TABLE:
        name = row.route.removesuffix("-list")
        other_row = rows.get((name, f"other {name}"))
        if other_row is None or row.route == name:
            continue
        own, other = objects[f"own {name}"]["pk"], objects[f"other {name}"]["pk"]
        for role in (Role.REVOPS, Role.SALES_MANAGER, Role.REP):
            listed = by_token(world.users[role]).results(reverse(f"api:{row.route}"), limit=100)
            ids = {found.get("id", found.get("clock")) for found in listed}
            sees_other = other_row.expected[ROLES.index(role)] == "A"
            assert own in ids and (other in ids) is sees_other, f"{row} as {role}"
            compared += 1
    assert compared == 39


def test_a_manager_takes_what_nobody_owns_and_gives_nothing_to_other_teams(
    world: World, objects: Any
) -> None:
    manager = by_token(world.users[Role.SALES_MANAGER])
    where = f"mql-cycles/{objects['own mql-cycle']['pk']}/owner"
    refused = manager.post(where, {"person": objects["other person"]["pk"]})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/person"
    assert manager.post(where, {"person": objects["newcomer"]["pk"]}).status_code == 200


def test_without_a_token_or_session_nothing_is_counted_or_kept(world: World, objects: Any) -> None:
    nobody, before = Api(), ApiToken.objects.count()
    for row in TABLE:
        assert asked(nobody, row, objects) == "U", row
    assert ApiToken.objects.count() == before


def test_figures_of_a_rep_are_the_reps_own(world: World, objects: Any) -> None:
    from sla.services import roll_up

    roll_up(at=world.at.replace(month=12))
    week = {"week": "2026-11-17", "group": "rep"}
    mine = by_token(world.users[Role.REP]).get("compliance", **week).json()
    everybodys = by_token(world.users[Role.REVOPS]).get("compliance", **week).json()
    assert [group["key"] for group in mine["groups"]] == [str(world.reps[0].pk)]
    assert len(everybodys["groups"]) > 1
    assert Team.objects.count() == 2
