"""The live days of the demo company: work in every queue, and clocks and figures that hold together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from alignment.models import Delivery, Fact, MqlCycle, Opportunity
from dashboard.demo import history, people
from dashboard.tests.demo_program import AT
from handoff.models import Leave, PoolMember
from sla.models import Breach, Clock, ClockKind, Outcome
from sla.services import compare_roll_up

if TYPE_CHECKING:
    from dashboard.tests.test_demo_history import Built

QUARTER = timedelta(minutes=15)


class LiveDaysOfTheDemo:
    """Tests of the whole demo company (test_demo_history.py), which is made once for all of them."""

    built: Built

    def test_every_queue_has_work_and_the_team_that_never_closes_is_about_to_be_late(self) -> None:
        for rep in people.REPS:
            assert 2 <= MqlCycle.objects.open().filter(owner__email=rep.email).count() <= 10, rep.name
        assert MqlCycle.objects.unassigned().count() == len(history.OWNERLESS)
        soon = Clock.objects.filter(
            kind=ClockKind.FOLLOW_UP, outcome=Outcome.OPEN, due_at__range=(AT, AT + timedelta(hours=1))
        )
        assert soon.filter(team__name=people.DESK).count() >= 3
        assert Breach.objects.filter(clock__cycle__closed_at=None, clock__met_at=None).exists()
        assert Leave.objects.filter(
            person__name=people.ON_LEAVE.name, starts_at__lt=AT, ends_at__gt=AT
        ).exists()
        assert PoolMember.objects.filter(person__name=people.PAUSED.name, is_paused=True).exists()

    def test_the_history_holds_together(self) -> None:
        assert MqlCycle.objects.live().count() == self.built.told.mqls > 50
        assert not Delivery.objects.pending().exists()
        assert not MqlCycle.objects.live().filter(clocks=None).exists()
        assert not Clock.objects.filter(outcome=Outcome.OPEN, due_at__lt=AT).exists()
        assert not Clock.objects.filter(breach=None, outcome=Outcome.MISSED).exists()
        assert not Fact.objects.filter(received_at__gt=AT).exists()
        assert compare_roll_up(at=AT) == []
        assert set(MqlCycle.objects.live().values_list("assigned_by", flat=True)) >= {"routed", "crm", ""}
        assert set(MqlCycle.objects.live().values_list("disposition", flat=True)) == {
            "", "working", "disqualified", "recycled", "converted",
        }  # fmt: skip
        assert Opportunity.objects.filter(stages__position=2).exists()

    def test_compliance_differs_by_rep_and_is_believable(self) -> None:
        follow_ups = Clock.objects.filter(kind=ClockKind.FOLLOW_UP).exclude(outcome__in=["open", "not_owed"])
        met = follow_ups.filter(outcome=Outcome.MET).count()
        assert 0.6 < met / follow_ups.count() < 0.95
        diligent, hasty = "Lena Hoffmann", "Piotr Nowak"
        share = {
            name: follow_ups.filter(owner__name=name, outcome=Outcome.MET).count()
            / follow_ups.filter(owner__name=name).count()
            for name in (diligent, hasty)
        }
        assert share[diligent] > share[hasty]

    def test_a_breach_is_stamped_soon_after_its_due_time_or_after_we_heard_what_was_owed(self) -> None:
        breaches = Breach.objects.select_related("clock__cycle__lead")
        late = [found for found in breaches if found.stamped_at - found.breached_at > QUARTER]
        assert len(late) < breaches.count() / 4
        for found in late:
            lead = found.clock.cycle.lead.external_id
            heard = Fact.objects.filter(Q(subject="lead", external_id=lead) | Q(fields__lead=lead))
            assert heard.filter(
                received_at__gt=found.breached_at,
                received_at__range=(found.stamped_at - QUARTER, found.stamped_at),
            ).exists(), found
