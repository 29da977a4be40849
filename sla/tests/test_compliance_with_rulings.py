"""Compliance by rep, team and segment with held clocks and rulings: rows add up to the totals and lead to clocks."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape

from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import Role
from alignment.tests.pages import cards
from sla.models import Clock, Dispute
from sla.queries.adherence.figures import Span
from sla.queries.adherence.sales import groups, sales_side
from sla.queries.compliance import by_group
from sla.queries.disputes import adjusted
from sla.queries.gate_rows import mqls_due
from sla.services.disputes import Decided, file_dispute, rule
from sla.tests.pages import found, signed_in
from sla.tests.test_compliance_page import DAY, HOUR, WEEK, get, settle
from testing.world import World, add_user, event


def test_rows_count_held_clocks_as_unmet_and_add_up_to_the_total(world: World) -> None:
    for n, rep in enumerate(world.reps[:2]):
        world.send(
            *(
                event("lead.created", f"L{n}{m}", world.at, score=70, owner=rep.email, segment=f"s{n}")
                for m in range(3)
            )
        )
    done = world.at + HOUR
    world.send(
        *(event("touch.recorded", f"T{lead}", done, lead=lead, is_attempt=True, channel="call")
          for lead in ("L00", "L10", "L11")),
        at=done,
    )  # fmt: skip
    revops = add_user(world, Role.REVOPS)

    def told(lead: str, at: datetime) -> Dispute:
        clock = Clock.objects.get(cycle__lead__external_id=lead, kind="follow_up")
        return file_dispute(subject=clock, text="The CRM was down.", asked="Out", by=filer, at=at)

    filer = world.users["rep.1"]
    for lead in ("L01", "L02"):
        told(lead, done)
    settle(world, world.at + 4 * DAY)
    filer = world.users["rep.2"]
    decided = Decided("upheld", "Out", "It was down.")
    rule(dispute=told("L12", world.at + 4 * DAY), decided=decided, by=revops, at=world.at + 4 * DAY + HOUR)
    week = Week.starting(world.at.date() - DAY, "UTC")
    total = adjusted(week.starts_at, week.ends_at, Scope(is_all=True)).by_kind()
    assert (total["follow_up"].held, total["follow_up"].set_aside) == (2, 1)
    assert mqls_due([week.previous(), week]) == {week.monday: 6}
    client, shown = (
        signed_in(revops),
        {"rep": ("Rep 1", "Rep 2"), "segment": ("S0", "S1"), "team": ("Inbound",)},
    )
    for group, labels in shown.items():
        listed = by_group(week, Scope(is_all=True), group)
        for kind, added in total.items():
            assert sum(one.rulings[kind].held for one in listed) == added.held
            assert sum(one.rulings[kind].set_aside for one in listed) == added.set_aside
        page = get(client, f"/compliance/?week={WEEK}&group={group}")
        rows = [row["First follow-up"] for row in cards(page, "Compliance by group")]
        assert re.findall(r'<th scope="row">([^<]+)</th>', page)[: len(labels)] == list(labels)
        expected = (
            [["100.0% (1 of 1)", "33.3% (1 of 3)"], ["66.6% (2 of 3)", "100.0% (3 of 3)"]]
            if len(labels) == 2
            else [["75.0% (3 of 4)", "66.6% (4 of 6)"]]
        )
        for said, (raw, ruled) in zip(rows, expected, strict=True):
            assert said.startswith(raw) and said.endswith(f"with rulings {ruled}")
        links = re.findall(
            r'href="(/compliance/rows/[^"]+outcome=(held|ruled_due)[^"]*)"[^>]*>(.*?)</a>', page
        )
        assert {outcome for _, outcome, _ in links} == {"held", "ruled_due"}
        for address, outcome, said in links:  # the card's as well: exactly what it counts
            count = found(r"of (\d+)" if outcome == "ruled_due" else r"^(\d+)", said)
            rows_page = get(client, unescape(address))
            assert f"<strong>{count} clock" in rows_page and "being recomputed" not in rows_page
    side = sales_side(week.monday, week.next().monday)
    everybody = side.cell(Span("week", week.monday, week.next().monday), "follow_up")
    assert (everybody.ruled, everybody.ruled_due) == (4, 6)
    for lines in groups(week, Scope(is_all=True)).values():
        cells = [line.cells["follow_up"] for line in lines]
        assert (sum(cell.ruled for cell in cells), sum(cell.ruled_due for cell in cells)) == (4, 6)
