"""Every route, as every role, on own and other teams' objects, has a written expected status.

A route that is not in the table, nor in that of the libraries' routes, fails. One letter a role: A allowed (2xx, or
the form's own answer to an act), F 403, N 404, G 410, L sent to the login. Order: RevOps, CRO, CMO, sales manager, rep,
marketing, finance, board viewer, nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alignment.models import DeadEvent, DuplicatePair, Function, Lead, MqlCycle, Notification, Role, Team
from alignment.notifications import notify
from alignment.services.delegations import grant
from alignment.services.destinations import create_destination, send_test
from alignment.services.import_drafts import create_draft
from alignment.services.merges import merge_leads
from alignment.services.people import create_person
from alignment.services.tokens import create_token
from dashboard.tests.test_access_library_routes import LIBRARY
from handoff.models import Leave, Pool, PoolMember
from sla.models import ClockKind, Scenario
from sla.services.disputes import file_dispute
from testing.adherence import sent_report
from testing.definitions import put_in_force
from testing.programs import months, open_one
from testing.routes import every_route
from testing.weeks import adoption_case
from testing.world import World, add_rep, add_user, event

ROLES = [*Role.values, "nobody"]
EVERYONE = "AAAAAAAAL"
NOT_BOARD = "AAAAAAAFL"
RECORDS = "AAAAAAFFL"
REVOPS = "AFFFFFFFL"
PARTIES = "AAANNNNFL"  # of a delegation from the CRO to the CMO


@dataclass(frozen=True)
class Row:
    """A route about an object (a name in `things`), and what each role gets. Acts are tried by POST and GET."""

    route: str
    expected: str
    about: str = ""
    is_act: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.route}{f' of {self.about}' if self.about else ''}"


def act(route: str, expected: str, about: str = "", **data: Any) -> Row:
    return Row(route, expected, about, True, data)


DRILL = {"week": "2026-11-16", "kind": "follow_up", "outcome": "due"}
TABLE = [
    Row("dashboard:home", EVERYONE),
    Row("dashboard:working", "AAAFFAAFL"),
    Row("handoff:queue", "AFFAAFFFL"),
    Row("handoff:cycles", RECORDS),
    Row("handoff:leads", RECORDS),
    Row("handoff:lead", RECORDS, "own lead"),
    Row("handoff:lead", "AAANNAFFL", "other lead"),
    Row("handoff:duplicates", REVOPS),
    act("handoff:merge-leads", REVOPS, "pair", survivor="left", reason="Same person"),
    act("handoff:dismiss-pair", REVOPS, "pair", reason="Two people"),
    act("handoff:undo-merge", REVOPS, "merge", reason="Two people"),
    act("handoff:log-attempt", "AFFAAFFFL", "own cycle"),
    act("handoff:log-attempt", "AFFNNFFFL", "other cycle"),
    act("handoff:dispose", "AFFAAFFFL", "own cycle"),
    act("handoff:dispose", "AFFNNFFFL", "other cycle"),
    act("handoff:assign", "AFFAFFFFL", "own cycle"),
    act("handoff:assign", "AFFNFFFFL", "other cycle"),
    Row("handoff:pools", "AFFAAFFFL"),
    act("handoff:create-pool", "AFFFFFFFL", name="Smb", segment="smb"),
    act("handoff:add-member", "AFFFFFFFL", "pool", person="newcomer", weight=1),
    act("handoff:set-fallback", "AFFFFFFFL", "pool", fallback="newcomer"),
    act("handoff:set-weight", "AFFFFFFFL", "own member", weight=2),
    act("handoff:pause-member", "AFFAFFFFL", "own member"),
    act("handoff:pause-member", "AFFFFFFFL", "other member"),
    act("handoff:resume-member", "AFFAFFFFL", "own member"),
    act("handoff:resume-member", "AFFFFFFFL", "other member"),
    act("handoff:remove-member", "AFFFFFFFL", "own member"),
    act("handoff:add-leave", "AFFAAFFFL"),
    act("handoff:end-leave", "AFFAAFFFL", "own leave"),
    act("handoff:end-leave", "AFFNNFFFL", "other leave"),
    Row("sla:compliance", NOT_BOARD),
    Row("sla:compliance-rows", RECORDS, data=DRILL),
    Row("sla:compliance-csv", RECORDS, data=DRILL),
    Row("sla:adoption-cases", "AAAFFFFFL"),
    act("sla:adoption-case-close", "FAFFFFFFL", "case", note="Trained"),
    Row("sla:adherence", NOT_BOARD),
    Row("sla:adherence-csv", "NNNNNNNFL"),
    Row(
        "sla:adherence-rows", "AAAFFAFFL", data={"of": "follow_up", "from": "2026-11-16", "to": "2026-11-22"}
    ),
    Row("sla:adherence-report", NOT_BOARD, "report"),
    Row("sla:adherence-report-csv", NOT_BOARD, "report"),
    Row("sla:consequences", NOT_BOARD),
    Row("sla:volume-rows", RECORDS, data={"month": "2026-10"}),
    Row("sla:consequence", "NNNNNNNFL", "no consequence"),
    Row("sla:consequence-csv", "NNNNNNFFL", "no consequence"),
    Row("sla:disputes", NOT_BOARD),
    Row("sla:dispute-new", RECORDS, data={"term": "mql"}),
    Row("sla:dispute", NOT_BOARD, "own dispute"),
    Row("sla:dispute", "AAANNAAFL", "other dispute"),
    Row("sla:dispute-evidence", NOT_BOARD, "own dispute"),
    Row("sla:dispute-evidence", "AAANNAAFL", "other dispute"),
    act("sla:dispute-rule", "AFFFFFFFL", "own dispute", decision="rejected", summary="So", reason="So it is"),
    act("sla:dispute-rule", "AFFNNFFFL", "other dispute"),
    act("sla:dispute-withdraw", "FFFFAFFFL", "own dispute"),
    act("sla:dispute-withdraw", "FFFNNFFFL", "other dispute"),
    Row("sla:precedents", NOT_BOARD),
    Row("sla:agreement", NOT_BOARD),
    Row("sla:agreement-version", NOT_BOARD, "agreement"),
    Row("sla:agreement-new", REVOPS),
    Row("sla:agreement-draft", REVOPS),
    Row("sla:calibration", "AAAAFAAFL"),
    act("sla:scenario-save", REVOPS, query="", name="Shorter"),
    Row("sla:scenario", "AAAAFAAFL", "scenario"),
    act("sla:scenario-draft", REVOPS, "scenario"),
    Row("sla:review", NOT_BOARD),
    act("sla:review-take", "AAAFFFFFL"),
    act("sla:review-send", REVOPS),
    Row("alignment:artifacts", NOT_BOARD),
    Row("alignment:delegations", NOT_BOARD),
    Row("alignment:artifact", PARTIES, "artifact"),
    Row("alignment:artifact-version", PARTIES, "version"),
    Row("alignment:artifact-identity", PARTIES, "version"),
    Row("alignment:artifact-pdf", PARTIES, "version"),
    Row("alignment:artifact-bundle", PARTIES, "version"),
    Row("alignment:verify", "AAAAAAAAA"),
    act("alignment:artifact-sign", PARTIES, "version"),
    act("alignment:artifact-decline", PARTIES, "version"),
    act("alignment:artifact-revoke", PARTIES, "version"),
    act("alignment:artifact-remind", REVOPS, "version"),
    act("alignment:artifact-withdraw", REVOPS, "version", **{"withdraw-reason": "Wrong days"}),
    act("alignment:artifact-send", REVOPS, "version"),
    act("alignment:artifact-discard", REVOPS, "version"),
    act("alignment:artifact-restart", REVOPS, "version"),
    act("alignment:artifact-paper", REVOPS, "version", paper="us-letter"),
    Row("alignment:definitions", NOT_BOARD),
    Row("alignment:drift", NOT_BOARD),
    Row("alignment:drift-rows", "AAAFFAFFL", data={"of": "sales"}),
    Row("alignment:mqls-incomplete", RECORDS),
    Row("alignment:mqls-incomplete-csv", RECORDS),
    Row("alignment:definition", NOT_BOARD, "mql definition"),
    act("alignment:definition-start", REVOPS, "mql definition"),
    act("alignment:definition-change", REVOPS, "mql definition"),
    act("alignment:definition-counts", REVOPS, "mql definition"),
    act("alignment:definition-discard", REVOPS, "mql definition"),
    Row("alignment:calendars", NOT_BOARD),
    Row("alignment:calendar", NOT_BOARD, "calendar"),
    Row("alignment:calendar-new", REVOPS),
    act("alignment:calendar-exception", REVOPS, "calendar"),
    act("alignment:calendar-holidays", REVOPS, "calendar"),
    Row("alignment:notifications", EVERYONE),
    act("alignment:notifications-read", EVERYONE),
    act("alignment:notification-read", "ANNNNNNNL", "notification"),
    Row("alignment:people", REVOPS),
    Row("alignment:person-new", REVOPS),
    Row("alignment:person", REVOPS, "person"),
    act("alignment:person-change", REVOPS, "person"),
    act("alignment:person-login", REVOPS, "person"),
    act("alignment:person-link", REVOPS, "person"),
    act("alignment:person-merge", REVOPS, "person"),
    act("alignment:login", REVOPS, "login"),
    Row("alignment:login-name", REVOPS, "login"),
    Row("alignment:login-person", REVOPS, "login"),
    act("alignment:second-factor-reset", REVOPS, "login"),
    Row("alignment:team-new", REVOPS),
    Row("alignment:team", REVOPS, "team"),
    Row("alignment:program", NOT_BOARD),
    Row("alignment:program-past", NOT_BOARD, "program"),
    Row("alignment:program-decisions", NOT_BOARD, "program"),
    Row("alignment:program-new", REVOPS),
    Row("alignment:program-change", REVOPS),
    Row("alignment:sponsorship", REVOPS),
    Row("alignment:waiver-new", REVOPS, "step"),
    Row("alignment:program-unfilled", "AAAFFAFFL", "month"),
    act("alignment:program-plan", "AAAFFFFFL"),
    act("alignment:program-plan-mail", REVOPS),
    act("alignment:program-close", REVOPS),
    Row("alignment:settings", REVOPS),
    Row("alignment:retention", REVOPS),
    Row("alignment:erasure", REVOPS),
    Row("alignment:erase-person", REVOPS, "own lead"),
    Row("alignment:sources", REVOPS),
    Row("alignment:source-new", REVOPS),
    Row("alignment:source", REVOPS, "source"),
    act("alignment:endpoint-add", REVOPS, "source"),
    act("alignment:secret-rotate", REVOPS, "endpoint"),
    act("alignment:secret-revoke", REVOPS, "secret"),
    act("alignment:endpoint-off", REVOPS, "endpoint"),
    Row("alignment:source-mapping", REVOPS, "source"),
    Row("alignment:mapping-preview", REVOPS, "source"),
    Row("alignment:source-dead", REVOPS, "source"),
    act("alignment:replay-all", REVOPS, "source"),
    act("alignment:replay-one", REVOPS, "dead event"),
    act("alignment:set-aside-all", REVOPS, "source", reason="Sent by mistake"),
    act("alignment:set-aside-one", REVOPS, "dead event", reason="Sent by mistake"),
    Row("alignment:source-conflicts", REVOPS, "source"),
    Row("alignment:source-deliveries", REVOPS, "source"),
    Row("alignment:delivery", REVOPS, "delivery"),
    Row("alignment:api-tokens", EVERYONE),
    act("alignment:api-token-revoke", "ANNNNNNNL", "token"),
    Row("api-docs", EVERYONE),
    Row("api-nothing", "NNNNNNNNN"),
    Row("alignment:imports", REVOPS, "source"),
    Row("alignment:import-upload", REVOPS, "source"),
    Row("alignment:imports-came-in", REVOPS, "source"),
    Row("alignment:imports-came-in-rows", REVOPS, "source"),
    Row("alignment:import", REVOPS, "upload"),
    Row("alignment:import-mapping", REVOPS, "upload"),
    Row("alignment:import-mapping-file", REVOPS, "upload"),
    Row("alignment:import-preview", REVOPS, "upload"),
    Row("alignment:import-rejects", REVOPS, "upload"),
    act("alignment:import-object", REVOPS, "upload", object="lead"),
    act("alignment:import-load", REVOPS, "upload"),
    act("alignment:import-start", REVOPS, "upload"),
    act("alignment:import-cancel", REVOPS, "upload"),
    act("alignment:import-resume", REVOPS, "upload"),
    act("alignment:import-discard", REVOPS, "upload"),
    Row("alignment:source-write-back", REVOPS, "source"),
    act("alignment:write-back-set-up", REVOPS, "source", address="https://crm.example.com/hooks"),
    act("alignment:write-back-test", REVOPS, "source"),
    act("alignment:write-back-secret", REVOPS, "source"),
    act("alignment:write-back-secret-revoke", REVOPS, "outgoing secret"),
    act("alignment:write-back-pause", REVOPS, "source", reason="The CRM is being moved"),
    act("alignment:write-back-resume", REVOPS, "source"),
    act("alignment:write-back-retry-all", REVOPS, "source"),
    act("alignment:write-back-aside-all", REVOPS, "source", reason="Entered by hand"),
    Row("alignment:write-back-message", REVOPS, "message"),
    act("alignment:write-back-retry", REVOPS, "message"),
    act("alignment:write-back-send-now", REVOPS, "message"),
    act("alignment:write-back-aside", REVOPS, "message", reason="Entered by hand"),
    act("alignment:write-back-off", REVOPS, "source"),
    Row("scorecard:scorecard", "AAAAFAAFL"),
    Row("scorecard:questions", "AAAAFAAFL"),
    Row("scorecard:compare", "AAAAFAAFL"),
    Row("scorecard:claims", "AAAAFAAFL"),
    Row("scorecard:rows", "AAAFFAFFL", "rows"),
    Row("scorecard:rows-csv", REVOPS, "rows"),
    Row("scorecard:bands", REVOPS),
    Row("scorecard:declarations", REVOPS),
    act("scorecard:measure", REVOPS),
    act("scorecard:questions-open", REVOPS),
    act("scorecard:nominate", REVOPS),
    act("scorecard:answer", "AAAAFAAFL"),
    act("scorecard:claims-import", REVOPS),
    Row("scorecard:survey", "AAAAFAAFL"),
    act("scorecard:survey-save", REVOPS, channel="printed"),
    act("scorecard:survey-launch", REVOPS),
    act("scorecard:survey-print-again", REVOPS),
    act("scorecard:survey-remind", REVOPS),
    act("scorecard:survey-retry", REVOPS),
    act("scorecard:survey-close", REVOPS),
    act("scorecard:survey-withdraw", REVOPS, reason="Wrong people"),
    Row("scorecard:respond", "GGGGGGGGG"),
    Row("scorecard:responded", "AAAAAAAAA"),
    Row("healthz", "AAAAAAAAA"),
    Row("healthz-ready", "AAAAAAAAA"),
    Row("dashboard:metrics", "NNNNNNNNN"),
]
# Judged by whether a loop is late, the same for everybody; its own tests are in alignment.
ELSEWHERE = {"healthz-deep"}
# Addresses of the API answer in another language; their table is in test_access_api.
API = "api:"


@pytest.fixture
def things(world: World) -> dict[str, dict[str, Any]]:
    """Objects by name as the arguments of their routes. The rep and the manager are of the world's team."""
    others = Team.objects.create(name="Others", function=Function.SALES)
    stranger = add_rep(world, "Stranger", team=others)
    for role in Role:
        add_user(world, role, f"The {role.value}") if role != Role.REP else None
    rep = world.reps[0]
    world.users[Role.REP] = rep.user  # type: ignore[assignment]
    world.send(
        event("lead.updated", "own", world.at, score=80, owner=rep.email),
        event("lead.updated", "other", world.at, score=80, owner=stranger.email),
        event("lead.updated", "dead", world.at, score="many"),
        *(event("lead.updated", f"twin {n}", world.at, email="twin@example.com") for n in range(4)),
    )
    twins = list(Lead.objects.filter(external_id__startswith="twin").order_by("external_id"))
    merge = merge_leads(
        survivor=twins[0], merged=twins[1], reason="x", by=world.users[Role.REVOPS], at=world.at
    )
    pair = DuplicatePair.objects.get(lead_a=twins[2], lead_b=twins[3])
    own, other = (MqlCycle.objects.get(lead__external_id=name) for name in ("own", "other"))
    members = {m.person_id: m for m in PoolMember.objects.all()}
    dead = DeadEvent.objects.get()
    span = {"starts_at": world.at, "ends_at": world.at.replace(year=2099)}
    newcomer = create_person(name="Newcomer", function=Function.SALES, team=world.team, by=None, at=world.at)
    revops = world.users[Role.REVOPS]
    notify(to=[revops], key="k", kind="x", subject="x", text="", url="", at=world.at)
    token = create_token(user=revops, name="own", scopes=["read"], days=30, by=revops, at=world.at).token
    key = {"key": world.crm.key}
    destination = create_destination(
        source=world.crm, address="https://crm.example.com", by=None, at=world.at
    ).destination
    endpoint = key | {"pk": world.crm_endpoint.pk}
    grant(
        role=Role.CRO,
        holder=world.users[Role.CRO],
        delegate=world.users[Role.CMO],
        from_on=world.at.date(),
        until_on=world.at.date() + timedelta(days=300),
        reason="On leave",
        by=revops,
        at=world.at,
    )
    disputes = {
        whose: file_dispute(
            subject=cycle.lead,
            function="other",
            text="A partner sent it",
            asked="Count it so",
            by=world.users[login],
            at=world.at,
        ).pk
        for whose, cycle, login in (("own", own, "rep.1"), ("other", other, "stranger"))
    }
    file = BytesIO(b"Lead ID,Lead Owner\n1,Ann\n")
    report = sent_report(date(2026, 11, 9), at=world.at)
    upload = create_draft(file=file, file_name="leads.csv", source=world.crm, by=None, at=world.at)
    scenario = Scenario.objects.create(
        name="Shorter", terms=world.agreement.terms, first=world.at.date(), end=world.at.date() + timedelta(days=1),
        which="all", options={"zone": "UTC", "missed_percent": 15, "period": "month"}, today={}, said=["So"],
        found={"promises": {kind: {"met": 1, "missed": 0, "running": 0} for kind in ClockKind.values}},
        as_of=world.at, saved_at=world.at, saved_by=revops,
    )  # fmt: skip
    return {
        "": {},
        "scenario": {"pk": scenario.pk},
        "own lead": {"pk": own.lead_id},
        "other lead": {"pk": other.lead_id},
        "own cycle": {"pk": own.pk},
        "other cycle": {"pk": other.pk},
        "own dispute": {"pk": disputes["own"]},
        "other dispute": {"pk": disputes["other"]},
        "pool": {"pk": Pool.objects.get().pk},
        "own member": {"pk": members[rep.pk].pk},
        "other member": {"pk": members[stranger.pk].pk},
        "own leave": {"pk": Leave.objects.create(person=rep, **span).pk},
        "other leave": {"pk": Leave.objects.create(person=stranger, **span).pk},
        "agreement": {"number": 1},
        "report": {"monday": report.monday.isoformat()},
        "adherence report": {"pk": report.pk},
        "no consequence": {"pk": 1},
        "case": {"pk": adoption_case(world.agreement, at=world.at).pk},
        "artifact": {"kind": "delegation", "key": "cro-1"},
        "version": {"kind": "delegation", "key": "cro-1", "number": 1},
        "calendar": {"pk": world.calendar.pk},
        "person": {"pk": newcomer.pk},
        "login": {"pk": world.users["stranger"].pk},
        "team": {"pk": world.team.pk},
        "source": key,
        "endpoint": endpoint,
        "upload": key | {"pk": upload.pk},
        "secret": endpoint | {"slot": 1},
        "dead event": key | {"pk": dead.pk},
        "delivery": key | {"pk": dead.delivery_id},
        "newcomer": {"pk": newcomer.pk},
        "outgoing secret": key | {"slot": 1},
        "message": key | {"pk": send_test(destination=destination, by=None, at=world.at).pk},
        "token": {"pk": token.pk},
        "notification": {"pk": Notification.objects.get(key="k").pk},
        "rows": {"name": "attribution"},
        "program": {"number": open_one(world.at).number},
        "step": {"step": 0},
        "month": {"figure": "pipeline", "month": months(timezone.now())[0].strftime("%Y-%m")},
        "pair": {"pk": pair.pk},
        "merge": {"pk": merge.pk},
        "mql definition": {"key": put_in_force("mql", at=world.at).artifact.key},
    }


def letter(response: Any) -> str:
    if response.status_code == 302 and response["Location"].startswith("/accounts/login/"):
        return "L"
    return {403: "F", 404: "N", 410: "G"}.get(
        response.status_code, "A" if response.status_code in {200, 302, 303, 409, 422} else "?"
    )


def sign_in(world: World, role: str) -> Client:
    client = Client()
    if role != "nobody":
        client.force_login(world.users[role])
    return client


def test_every_role_gets_what_the_table_says(world: World, things: dict[str, dict[str, Any]]) -> None:
    clients = {role: sign_in(world, role) for role in ROLES}
    wrong = []
    for row in TABLE:
        url = reverse(row.route, kwargs=things[row.about])
        data = {
            name: things[value]["pk"] if value == "newcomer" else value for name, value in row.data.items()
        }
        # who may act comes last: the act may change what the others would be refused on
        for role in sorted(ROLES, key=lambda role: row.expected[ROLES.index(role)] == "A"):
            client = clients[role]
            found = letter(client.post(url, data) if row.is_act else client.get(url, data))
            if found != row.expected[ROLES.index(role)]:
                wrong.append(f"{row} as {role}: {found}, not {row.expected[ROLES.index(role)]}")
            if row.is_act and client.get(url).status_code == 200:
                wrong.append(f"{row} as {role}: an act answers to GET")
    assert not wrong, "\n".join(wrong)


def test_every_route_is_in_one_of_the_tables() -> None:
    known = {row.route for row in TABLE} | ELSEWHERE | set(LIBRARY)
    pages = {route.name for route in every_route() if not route.is_admin and not route.name.startswith(API)}
    assert pages == known


def test_unsafe_requests_without_a_csrf_token_are_refused(
    world: World, things: dict[str, dict[str, Any]]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.users[Role.REVOPS])
    for row in TABLE:
        if row.is_act:
            response = client.post(reverse(row.route, kwargs=things[row.about]), row.data)
            assert response.status_code == 403, row


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REP])
def test_a_login_that_is_switched_off_is_out_with_its_next_request(
    world: World, things: dict[str, dict[str, Any]], role: Role
) -> None:
    client = sign_in(world, role)
    assert client.get("/").status_code == 200
    user = world.users[role]
    user.is_active = False
    user.save()
    assert letter(client.get("/")) == "L"


@pytest.mark.parametrize(
    "path",
    ["email/", "3rdparty/", "social/connections/", "signup/", "3rdparty/signup/", "login/code/confirm/"],
)
def test_account_pages_that_are_not_ours_to_offer_change_nothing(world: World, path: str) -> None:
    client = Client()
    client.force_login(world.users["rep.1"])
    response = client.post(f"/accounts/{path}", {"email": "thief@example.com", "action_add": ""})
    assert response.status_code in {302, 403, 404}
    assert world.reps[0].user is not None
    assert not world.reps[0].user.emailaddress_set.filter(email="thief@example.com").exists()  # type: ignore[attr-defined]
