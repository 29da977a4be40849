"""Gate 3: the handoff holds. First follow-up and tagging are above what the SLA asks for in each of two consecutive
full weeks.

The codes of its blockers stay the same from week to week, so that a signed waiver goes on naming them:
`handoff-unsigned` (no week counts yet), `handoff-weeks` (how many of the two are there), `handoff-follow-up` and
`handoff-tagging` (what the last week that counts fell short of).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from django.urls import reverse

from alignment.blockers import Blocker
from alignment.gates import Basis, Evidence, gate
from alignment.models import ArtifactVersion, Program, Step
from alignment.wording import truncated_share
from sla.queries.weeks import HandoffNow, handoff_now
from sla.weeks import FOLLOW_UP, TAGGING, JudgedWeek, Measure, Verdict

NEEDED = 2
WEEKS, IN_FOLLOW_UP, IN_TAGGING = (
    "Two consecutive full weeks that pass",
    "First follow-up in the last week that counts",
    "Tagging in the last week that counts",
)


@gate(Step.HANDOFF)
def handoff_holds_two_weeks(program: Program, *, at: datetime) -> Iterator[Evidence]:
    """Both measures are above what the signed SLA asks for in each of two consecutive full weeks, and no full week
    since has failed."""
    now = handoff_now(at=at)
    version = _document(now)
    if now.first is None:
        text = (
            f"{found_in_words(now)}. Weeks count once the SLA is signed: the first one from the Monday on or after it "
            "comes in force. What happens before is shown under Compliance and opens nothing."
        )
        unsigned = Blocker("handoff-unsigned", text, url=reverse("sla:agreement"))
        yield Evidence(WEEKS, found_in_words(now), Basis.MEASURED, None, address(), unsigned)
        return
    known, decided = now.ground.known_up_to, now.newest_decided
    shown = decided or now.last
    url = address(shown.week.monday if shown else None)
    short, figures = _too_short(now, url), _figures(now)
    found = f"{short.actual} of {NEEDED}" if short else found_in_words(now)
    yield Evidence(WEEKS, found, Basis.MEASURED, known, url, short, version, figures=figures)
    if decided is None or decided.asks is None:
        return
    asks = decided.asks
    for what, code, name, measure, percent in (
        (IN_FOLLOW_UP, "handoff-follow-up", FOLLOW_UP, decided.follow_up, asks.follow_up_percent),
        (IN_TAGGING, "handoff-tagging", TAGGING, decided.tagging, asks.tagging_percent),
    ):
        is_short = (name, percent) in decided.short_of
        blocker = _short(code, name, decided, measure, percent, url) if is_short else None
        yield Evidence(what, _said(decided, measure, percent), Basis.MEASURED, known, url, blocker, version)


def address(monday: date | None = None) -> str:
    """The weeks on the compliance page, with one of them chosen."""
    return reverse("sla:compliance") + (f"?week={monday.isoformat()}" if monday else "") + "#weeks"


def found_in_words(now: HandoffNow) -> str:
    """Why the gate is open or shut, in a sentence."""
    if now.first is None:
        return "No signed SLA is in force"
    if now.last is None:
        return f"The first full week under the signed SLA is that of {_day(now.first.monday)}"
    shown = [*now.standing.by, now.last] if now.standing.is_open else now.weeks[-NEEDED:]
    by_monday = {week.week.monday: week for week in shown}
    said = "; ".join(
        f"week of {_day(monday)}: {in_words(week)}" for monday, week in sorted(by_monday.items())
    )
    return said[:1].upper() + said[1:]


def in_words(week: JudgedWeek) -> str:
    """What one week comes to, with the reason where that is no figure."""
    if week.verdict == Verdict.UNKNOWN:
        return f"not yet known, because {' and '.join(week.doubts)}"
    if week.verdict == Verdict.TOO_FEW:
        return f"{week.too_few_because}; it neither opens nor closes"
    if week.verdict == Verdict.FAILS:
        return f"fails, because {what_fails(week)}"
    return week.words.lower()


def what_fails(week: JudgedWeek) -> str:
    """ "first follow-up is not above 85% and tagging is not above 90%"; "" of a week that does not fail."""
    said = [f"{name.lower()} is not above {percent}%" for name, percent in week.short_of]
    return " and ".join(said)


def _too_short(now: HandoffNow, url: str) -> Blocker | None:
    """How many of the two weeks are there: one where the last full week passes, else none."""
    if now.standing.is_open:
        return None
    last = now.last
    there = int(last is not None and last.verdict == Verdict.PASSES)
    text = (
        f"{there} of {NEEDED} consecutive full weeks pass. {found_in_words(now)}. A week passes with its first "
        "follow-up and its tagging above what the SLA asks for."
    )
    return Blocker("handoff-weeks", text, Fraction(there), Fraction(NEEDED), url)


def _short(code: str, name: str, week: JudgedWeek, measure: Measure, percent: int, url: str) -> Blocker:
    text = f"{name} was not above {percent}%. {_said(week, measure, percent)}. Two full weeks above it open the gate."
    if measure.held:
        text += f" {measure.held} wait for a ruling and count as unmet until then."
    return Blocker(code, text, measure.share, Fraction(percent, 100), url)


def _said(week: JudgedWeek, measure: Measure, percent: int) -> str:
    """ "Week of 2 November 2026: 85.5% (171 of 200), above 85% asked for"."""
    said = f"Week of {_day(week.week.monday)}: {truncated_share(measure.met, measure.due)}"
    parts = [
        f"{count} {words}"
        for count, words in (
            (measure.restated, "missed and restated"),
            (measure.held, "held by disputes"),
            (measure.set_aside, "set aside by rulings"),
        )
        if count
    ]
    return said + (f", of these {', '.join(parts)}" if parts else "") + f"; asked for: above {percent}%"


def _figures(now: HandoffNow) -> dict[str, Any]:
    """What the answer rests on, for the record of decisions: the weeks that decided and the last one, how far data
    were complete, and the time-zone rules by which weeks were cut."""
    rests_on = {week.week.monday: week for week in (*now.standing.by, *now.weeks[-NEEDED:])}
    return {
        "weeks": [week.to_json() for _, week in sorted(rests_on.items())],
        "known_up_to": now.ground.known_up_to.isoformat(),
        "tzdata": now.ground.tzdata,
    }


def _document(now: HandoffNow) -> ArtifactVersion | None:
    """The signed SLA by whose figures the deciding week was judged."""
    judging = now.version
    if judging is None or judging.agreement.version_id is None:
        return None
    return ArtifactVersion.objects.select_related("artifact").get(pk=judging.agreement.version_id)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
