"""The joint revenue SLA as a document of at most two pages: everything that is signed, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from alignment.artifacts.document import Block, Bullets, Document, Facts, Heading, Paragraph, Table
from alignment.artifacts.kinds import Content
from alignment.business_time import Schedule
from alignment.models.cycles import Disposition, DisqualificationReason
from alignment.queries.working_days import WEEKDAY_NAMES, WorkingDay, windows_text, working_day
from alignment.wording import in_words
from sla.clauses import PERIODS, Clauses, Named
from sla.content import Sla, missing
from sla.terms import Terms, Window
from sla.wording import meanings, who

Days = list[tuple[str, WorkingDay]]


TITLE = "Joint revenue SLA"


def render(content: Content) -> Document:
    """An incomplete draft as what it leaves open and the terms it has. Raises InvalidContent where a part cannot be
    read; the page then says so."""
    if left_open := missing(content):
        return Document(TITLE, "An incomplete draft", tuple(_incomplete(content, left_open)))
    sla = Sla.from_json(content)
    return Document(TITLE, _subtitle(sla), tuple(_blocks(sla, content)))


def _incomplete(content: Content, left_open: list[str]) -> Iterator[Block]:
    yield Paragraph("This draft is not complete. What it leaves open:", "warning")
    yield Bullets(tuple(left_open))
    if content.get("terms"):
        hours = {pk: Schedule.from_json(_schedule_of(entry)) for pk, entry in content["hours"].items()}
        days = [(content["hours"][pk]["name"], working_day(hours[pk])) for pk in sorted(hours, key=int)]
        yield from _sales(Terms.from_json(content["terms"]), content["clauses"]["channels"], days)


def _schedule_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Of a calendar's entry what is its schedule."""
    return {"zone": entry["zone"], "weekly": entry["weekly"]}


def day(found: date) -> str:
    return f"{found.day} {found:%B %Y}"


def _subtitle(sla: Sla) -> str:
    begins = f"from {day(sla.begins_on)} on" if sla.begins_on else "from the last signature on"
    return f"Judges every MQL that crosses {begins} · review on {day(sla.clauses.review_on)}"


def _blocks(sla: Sla, content: Content) -> Iterator[Block]:
    names = {int(key): entry["name"] for key, entry in content["hours"].items()}
    days = [(names[pk], working_day(sla.hours[pk])) for pk in sorted(names)]
    yield from _marketing(sla.terms, sla.clauses)
    yield from _sales(sla.terms, sla.clauses.channels, days)
    yield from _consequences(sla.clauses)
    yield from _arbitration(sla.clauses)
    yield from _hours(sla, content, names)
    yield from _grounds(content)


def _marketing(terms: Terms, clauses: Clauses) -> Iterator[Block]:
    owed = clauses.marketing
    number, digest = owed.definition
    yield Heading("What marketing owes")
    yield Paragraph(
        f"A lead becomes an MQL when its {terms.trigger}. What an MQL is, fit included, says its signed definition, "
        f"version {number} ({digest[:12]}…). At least {owed.completeness_percent}% of the MQLs of a month have every "
        "field that it requires."
    )
    rows = [(in_words(volume.segment) or _others(clauses), f"{volume.mqls:,}") for volume in owed.volumes]
    if len(rows) > 1:
        rows.append(("Together", f"{owed.mqls:,}"))
    yield Table(("Segment", "MQLs a month"), tuple(rows), frozenset({1}))


def _others(clauses: Clauses) -> str:
    return "All other segments" if len(clauses.marketing.volumes) > 1 else "All segments"


def _sales(terms: Terms, channels: int, days: Days) -> Iterator[Block]:
    yield Heading("What sales owes")
    yield Paragraph(
        f"A named owner within {terms.assign_within} of crossing, day and night. From then on, by the first tier that "
        "takes the lead:"
    )
    rows = [
        (
            f"{tier.label}: {who(tier)}",
            _with_meaning(tier.follow_up_within, days),
            _with_meaning(tier.disposition_within, days),
        )
        for tier in terms.tiers
    ]
    yield Table(("Tier", "First follow-up within", "Disposition within"), tuple(rows))
    dispositions = ", ".join(str(choice.label).lower() for choice in Disposition)
    reasons = ", ".join(str(choice.label).lower() for choice in DisqualificationReason)
    over = f" over at least {channels} channels" if channels > 1 else ""
    yield Paragraph(
        f"{terms.attempts} attempts{over}, each within {_with_meaning(terms.attempt_gap, days)} of the one before, "
        f"until two-way contact comes about or the MQL is closed. Dispositions: {dispositions}. Disqualified and "
        f"recycled need a reason: {reasons}; “no response” only after all of these attempts. A clock warns at "
        f"{terms.warn_at_percent}% of its window."
    )


def _with_meaning(window: Window, days: Days) -> str:
    """ "24 business hours (3 working days …)": the length in working days wherever hours are business hours."""
    if not window.is_business:
        return f"{window} by the clock"
    found = [text.rstrip(".") for text in meanings(window, days)]
    said = [text.removeprefix(f"{window} are ").removeprefix(f"{window} is ") for text in found]
    return f"{window} ({'; '.join(_within_a_sentence(text) for text in said)})" if said else str(window)


def _within_a_sentence(text: str) -> str:
    return text[:1].lower() + text[1:] if text.startswith("Less ") else text


def _consequences(clauses: Clauses) -> Iterator[Block]:
    found, handoff = clauses.consequences, clauses.handoff
    months = (
        "one calendar month" if found.volume_months == 1 else f"{found.volume_months} calendar months running"
    )
    yield Heading("Consequences, which execute themselves")
    yield Bullets(
        (
            f"Marketing misses the MQL volume {months}: a renegotiation opens, and the pipeline target shows as under "
            "renegotiation until it is settled.",
            f"Sales misses the first follow-up on more than {found.missed_percent}% of the MQLs due in a "
            f"{PERIODS[found.period]}: missed MQLs that are still untouched and open are recycled by this clause, and "
            "every missed one leaves marketing's conversion, numerator and denominator, shown beside the raw rate.",
            f"The handoff passes when first follow-up is above {handoff.follow_up_percent}% and disposition tagging "
            f"above {handoff.tagging_percent}% in each of two consecutive full weeks with at least "
            f"{handoff.weekly_minimum} MQLs due.",
        )
    )


def _arbitration(clauses: Clauses) -> Iterator[Block]:
    owners = clauses.owners
    yield Heading("Owners, arbitration and review")
    yield Facts(
        (
            ("What sales owes", said(owners["sales"])),
            ("What marketing owes", said(owners["marketing"])),
            (
                "Arbitration",
                f"{said(owners['arbitration'])} rules on disputes about definitions, breaches and attribution within "
                f"{clauses.ruling_within_days} days. A ruling stands beside the records and changes none.",
            ),
            ("Escalation", f"{said(owners['escalation'])}, where no ruling came in time"),
            (
                "Review",
                f"{day(clauses.review_on)}; adherence is reported to both sides each "
                f"{WEEKDAY_NAMES[clauses.report_on]}",
            ),
        )
    )


def said(person: Named) -> str:
    return f"{person.name}, {person.title}" if person.title else person.name


def _hours(sla: Sla, content: Content, names: Mapping[int, str]) -> Iterator[Block]:
    yield Heading("Business hours")
    rows = []
    for pk in sorted(names, key=lambda pk: (pk != sla.terms.default_calendar, names[pk])):
        entry, schedule = content["hours"][str(pk)], sla.hours[pk]
        teams = [
            content["teams"][str(team)]
            for team, calendar in sla.terms.team_calendars.items()
            if calendar == pk
        ]
        whose = ", ".join(sorted(teams))
        if pk == sla.terms.default_calendar:
            whose = (
                f"{whose}, and all others" if whose else "All teams" if len(names) == 1 else "All other teams"
            )
        rows.append(
            (names[pk], whose, weekly_text(schedule), schedule.zone, entry["holidays"] or "Entered by hand")
        )
    yield Table(("Calendar", "Teams", "Open", "Zone", "Holidays"), tuple(rows))
    yield Paragraph(
        "Exceptions entered later act only on hours after they are entered. An MQL is judged to its end by the version "
        "under which it crossed.",
        "small",
    )


def weekly_text(schedule: Schedule) -> str:
    """ "Mon–Fri 09:00–17:00; Sat closed, Sun closed" in few words: runs of equal days are joined."""
    runs: list[tuple[int, int, str]] = []
    for number in range(7):
        text = windows_text(schedule.weekly[number]) if schedule.weekly.get(number) else ""
        if runs and runs[-1][2] == text:
            runs[-1] = (runs[-1][0], number, text)
        else:
            runs.append((number, number, text))
    return "; ".join(f"{_span(first, last)} {text}" for first, last, text in runs if text)


def _span(first: int, last: int) -> str:
    names = [name[:3] for name in WEEKDAY_NAMES]
    return names[first] if first == last else f"{names[first]}–{names[last]}"


def _grounds(content: Content) -> Iterator[Block]:
    if content["evidence"]:
        yield Heading("Calibrated against our own history")
        yield Bullets(tuple(_scenario(entry) for entry in content["evidence"]))
    if content["note"]:
        yield Paragraph(f"What changes, and why: {content['note']}")


def _scenario(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']}: {' '.join(entry['said'])}"
