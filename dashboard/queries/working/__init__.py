"""Is it working? What can be measured now of the three signals and of the figures beside them.

All quarters and months are cut in the organisation's zone. Shares are whole numbers over whole numbers; nothing is
estimated, and what cannot be measured yet has no figure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from alignment.models import Organisation
from alignment.quarters import Quarter
from alignment.queries.prerequisites import last_quarters
from dashboard.queries.working.compliance import MonthOfSla, all_hold, sla_months
from dashboard.queries.working.conversions import Movement, QuarterOfConversion, conversion, movement
from dashboard.queries.working.follow_up_times import TierTime, follow_up
from dashboard.queries.working.mql_to_sql import Acceptance, acceptance
from dashboard.queries.working.won_revenue import OpenPipeline, QuarterOfRevenue, open_pipeline, revenue

QUARTERS = 4


@dataclass(frozen=True)
class Working:
    """Everything the page shows, as of `at`."""

    at: datetime
    zone: str
    months: list[MonthOfSla]
    conversion: list[QuarterOfConversion]
    movement: Movement
    acceptance: Acceptance
    follow_up: list[TierTime]
    revenue: list[QuarterOfRevenue]
    quarter: Quarter
    open_pipeline: list[OpenPipeline] = field(default_factory=list)

    @property
    def sales_holds(self) -> bool | None:
        """Above 85% in both months; None while either cannot be judged."""
        return all_hold(month.holds for month in self.months)

    @property
    def marketing_holds(self) -> bool | None:
        """Above 85% of the promised volume in both months; None while either cannot be judged."""
        return all_hold(month.marketing_holds for month in self.months)

    @property
    def both_hold(self) -> bool | None:
        """The signal: both sides above 85% in both months."""
        return all_hold([self.marketing_holds, self.sales_holds])


def working(*, at: datetime) -> Working:
    """Ask everything now; the number of statements does not depend on the number of rows."""
    zone = Organisation.get().zone
    quarters = last_quarters(at, zone, QUARTERS)
    found = conversion(quarters, zone=zone, at=at)
    present = Quarter.of(at, zone)
    return Working(
        at=at,
        zone=zone,
        months=sla_months(at=at, zone=zone),
        conversion=found,
        movement=movement(found),
        acceptance=acceptance(quarters, zone=zone, at=at),
        follow_up=follow_up(at=at),
        revenue=revenue(quarters, zone=zone),
        quarter=present,
        open_pipeline=open_pipeline(present),
    )
