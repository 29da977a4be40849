"""The scorecard's own page: six steps, the scores with all behind them, and measuring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.artifacts.document import shown_score
from alignment.asked import posted, read_number
from alignment.blockers import Blocker
from alignment.business_time import NoOpenTime
from alignment.gates import waivable_blockers
from alignment.models import ArtifactVersion, Function, Role, Step, User, VersionState
from alignment.queries import programs
from alignment.queries.artifacts import stale_grounds, waiting_for, who_is_missing
from alignment.queries.renditions import title_of
from alignment.services.artifacts import ChangedMeanwhile
from alignment.services.artifacts.telling import address_of
from scorecard import kinds
from scorecard.dimensions import ASKS, ATTRIBUTION, CONVERSION, LABELS
from scorecard.leverage import MOST
from scorecard.measures import CLASSES
from scorecard.page import change, left_out, money, no_fracture, verdict
from scorecard.queries.conversion import STATES
from scorecard.queries.overview import Overview, of_closed_programs, overview
from scorecard.queries.rows import GROUPS
from scorecard.queries.window import NoCalendar
from scorecard.services import scorecards
from scorecard.views.common import READERS, READS_ROWS, no_program, program_or_404

_ROWS_OF = tuple((name, str(LABELS[name]).lower()) for name in GROUPS)


@dataclass(frozen=True)
class WorkStep:
    """One of the six: what it is, where it stands (a kind of badge with its words), what to do next and where."""

    number: int
    name: str
    look: str
    state: str
    said: str
    action: str = ""
    url: str = ""


@roles(*READERS)
def page(request: HttpRequest) -> HttpResponse:
    """Step by step to the signed page, and the scores as they were measured last."""
    user, now = viewer(request), timezone.now()
    is_revops, program = user.has_role(Role.REVOPS), programs.current()
    if program is None:
        return no_program(request, is_revops=is_revops)
    found = overview(program, sees_drafts=is_revops, at=now)
    blockers = kinds.scorecard_blockers(found.draft, at=now) if is_revops and found.draft is not None else []
    scores = _scores(found, sees_rows=user.has_role(*READS_ROWS))
    return render(
        request,
        "scorecard/scorecard.html",
        {
            "now": now,
            "is_revops": is_revops,
            "program": program,
            "found": found,
            "content": found.content,
            "steps": _steps(found, blockers, is_revops=is_revops, signs=_signs(user, found.shown, at=now)),
            "scores": scores,
            "fractures": _fractures(found),
            "left_out": left_out(found.content),
            "no_fracture": no_fracture(
                {entry["key"]: entry["score"] for entry in found.content.get("dimensions", [])}
            ),
            "more_fractures": [LABELS[one["key"]] for one in found.content.get("fractures", [])[MOST:]],
            "blockers": blockers,
            "may_be_waived": bool(blockers) and bool(waivable_blockers(Step.PREREQUISITES, program, at=now)),
            "stale": _stale(found, at=now),
            "shown_url": address(found.shown),
            "earlier": [(version, address(version)) for version in found.versions if version != found.shown],
            "before": [(of, version, address(version)) for of, version in of_closed_programs()],
            "rows_of": _ROWS_OF if user.has_role(*READS_ROWS) else (),
            "measured_at": datetime.fromisoformat(found.content["as_of"]) if scores else None,
            "exports": ("hygiene", "conversion", "attribution", "definitions") if is_revops else (),
        },
    )


@require_POST
@roles(Role.REVOPS)
def measure(request: HttpRequest) -> HttpResponse:
    """Measure all five as of now into the draft."""
    program = program_or_404()
    revision = read_number(posted(request, "revision"))
    try:
        draft = scorecards.measure(program=program, by=viewer(request), at=timezone.now(), expected=revision)
    except (NoCalendar, NoOpenTime) as problem:
        messages.error(request, f"{problem} The follow-up window is declared under “How it is measured”.")
    except (ChangedMeanwhile, scorecards.ProgramClosed) as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"Measured as of now, into the draft of version {draft.number}.")
    return redirect("scorecard:scorecard")


def address(version: ArtifactVersion | None) -> str:
    """The page of a version, with its text, signatures and acts; empty for none."""
    return address_of(version) if version is not None else ""


def _signs(user: User, version: ArtifactVersion | None, *, at: datetime) -> bool:
    return version is not None and any(each.version == version for each in waiting_for(user, at=at))


def _stale(found: Overview, *, at: datetime) -> dict[str, Any] | None:
    """What the signed scorecard rests on that is no longer in force, so that gate 1 is shut."""
    signed = next((version for version in found.versions if version.state == VersionState.IN_FORCE), None)
    grounds = stale_grounds(signed, at=at) if signed is not None and found.program.closed_at is None else []
    if signed is None or not grounds:
        return None
    return {
        "version": signed,
        "url": address(signed),
        "grounds": [(title_of(row.ground), address(row.ground)) for row in grounds],
    }


def _steps(found: Overview, blockers: list[Blocker], *, is_revops: bool, signs: bool) -> list[WorkStep]:
    return [
        _questions(found, is_revops=is_revops),
        _declared(found, is_revops=is_revops),
        _claims(found, is_revops=is_revops),
        _survey(found, is_revops=is_revops),
        _bands(found, is_revops=is_revops),
        _signing(found, blockers, signs=signs),
    ]


def _questions(found: Overview, *, is_revops: bool) -> WorkStep:
    name, url = "Questions answered blind", reverse("scorecard:questions")
    if found.round is None:
        action, url = ("Name who answers", url) if is_revops else ("", "")
        return WorkStep(1, name, "neutral", "Not begun", "Nobody was named to answer yet.", action, url)
    if not found.round.is_complete:
        waiting = " and ".join(str(Function(one).label) for one in found.round.waiting)
        return WorkStep(
            1, name, "running", "Waiting", f"{waiting} still to hand in.", "See who is waited for", url
        )
    done = f"Round {found.round.row.number}: sales and marketing have handed in."
    return WorkStep(1, name, "ok", "Done", done, "Compare the answers", reverse("scorecard:compare"))


def _declared(found: Overview, *, is_revops: bool) -> WorkStep:
    diagnosis = found.diagnosis
    hours = diagnosis.get_follow_up_time_display().lower()
    said = f"{found.window.words}; follow-up within {diagnosis.follow_up_hours} {hours}."
    is_set = diagnosis.pk is not None
    action, url = ("Declare", reverse("scorecard:declarations")) if is_revops else ("", "")
    state = ("ok", "Declared") if is_set else ("neutral", "Defaults")
    return WorkStep(2, "Windows and declarations", *state, said, action, url)


def _claims(found: Overview, *, is_revops: bool) -> WorkStep:
    url = reverse("scorecard:claims")
    if found.has_all_lists:
        return WorkStep(3, "Claimed opportunities", "ok", "Done", "Both lists are in.", "See the lists", url)
    if found.needs_no_lists:
        said = "No opportunity was opened in the window, so there is nothing to claim."
        return WorkStep(3, "Claimed opportunities", "neutral", "Not needed", said)
    has = " and ".join(str(Function(one).label) for one in found.lists)
    said = f"Only {has} has a list so far." if has else "Neither function's list is in."
    look = ("running", "Waiting") if has else ("neutral", "Not begun")
    return WorkStep(3, "Claimed opportunities", *look, said, "Import the lists" if is_revops else "See", url)


def _survey(found: Overview, *, is_revops: bool) -> WorkStep:
    action, url = ("Open the survey", reverse("scorecard:survey")) if is_revops else ("", "")
    if found.trust.mean is not None:
        said = f"Published, {found.trust.answers} answers."
        return WorkStep(4, "Trust survey", "ok", "Done", said, action, url)
    look = ("warning", "Closed") if found.trust.is_closed else ("running", "Waiting")
    return WorkStep(4, "Trust survey", *look, found.trust.why, action, url)


def _bands(found: Overview, *, is_revops: bool) -> WorkStep:
    version = found.bands.next
    url = reverse("scorecard:bands") if is_revops else address(found.bands.in_force or version)
    if found.bands.in_force is not None:
        said = f"Version {found.bands.in_force.number} is signed by both leads."
        return WorkStep(5, "Scoring bands", "ok", "Signed", said, "See the bands", url)
    if version is not None and version.state == VersionState.SENT:
        said = "Both leads have to sign them."
        return WorkStep(5, "Scoring bands", "running", "Waiting", said, "See who signed", address(version))
    said = "Both leads sign what each figure earns before any score rests on it."
    return WorkStep(
        5, "Scoring bands", "neutral", "Not sent", said, "Set the bands" if is_revops else "", url
    )


def _signing(found: Overview, blockers: list[Blocker], *, signs: bool) -> WorkStep:
    name, url = "One page, signed", address(found.shown)
    version = found.shown
    if version is None:
        return WorkStep(6, name, "neutral", "Not measured", "Measure, and the page is made of the figures.")
    if version.is_draft:
        if blockers:
            count = len(blockers)
            said = f"{count} {'thing stands' if count == 1 else 'things stand'} before sending it; see below."
            return WorkStep(6, name, "warning", "Draft", said, "Read the page", url)
        return WorkStep(6, name, "info", "Draft", "It can be sent to both leads.", "Read and send", url)
    if version.state == VersionState.SENT:
        said = f"Version {version.number} waits for {' and '.join(who_is_missing(version))}."
        return WorkStep(6, name, "running", "Sent", said, "Read and sign" if signs else "Read", url)
    return WorkStep(6, name, "ok", "Signed", f"Version {version.number} is in force.", "Read the page", url)


def _scores(found: Overview, *, sees_rows: bool) -> list[dict[str, Any]]:
    """Each dimension with what is shown of it: bar, formula, evidence, the change, and where its rows are."""
    before = found.content.get("compared") or {}
    return [
        entry
        | {
            "label": LABELS[entry["key"]],
            "asks": ASKS[entry["key"]],
            "verdict": verdict(entry["score"]),
            "look": _look(entry["score"]),
            "shown": shown_score(entry["score"]),
            "change": change(before.get("scores", {}).get(entry["key"]), entry["score"]) if before else "",
            "needs_url": reverse(entry["needs"]["url_name"]) if entry["needs"] else "",
            "rows_url": _rows_url(entry["key"], sees_rows=sees_rows),
            "states": _states(entry["figures"]) if entry["key"] == CONVERSION else [],
            "classes": _classes(entry["figures"]) if entry["key"] == ATTRIBUTION else [],
        }
        for entry in found.content.get("dimensions", [])
    ]


def _states(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The demand states with how many leads reached each, and how many fewer than the known state before."""
    found, before = [], None
    for key, (label, evidence) in STATES.items():
        reached = figures["states"].get(key)
        lost = before - reached if before is not None and reached is not None else 0
        before = reached if reached is not None else before
        found.append({"label": label, "evidence": evidence, "reached": reached, "lost": lost})
    return found if found[0]["reached"] else []


def _classes(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Claims against the first touch: count and amounts, one per currency, of each outcome."""
    if not any(figures["counts"].values()):
        return []
    return [
        {
            "label": label,
            "count": figures["counts"][key],
            "money": [money(amount, currency) for currency, amount in figures["money"][key].items()],
        }
        for key, label in CLASSES.items()
    ]


def _rows_url(key: str, *, sees_rows: bool) -> str:
    if key == "definitions":
        return reverse("scorecard:compare")
    return reverse("scorecard:rows", args=[key]) if key in GROUPS and sees_rows else ""


def _look(tenths: int | None) -> str:
    if tenths is None:
        return "neutral"
    return "danger" if tenths < 20 else "warning" if tenths < 30 else "ok"


def _fractures(found: Overview) -> list[dict[str, Any]]:
    return [
        one
        | {
            "label": LABELS[one["key"]],
            "severity_shown": shown_score(one["severity"]),
            "stake_shown": money(one["stake"], one["currency"]),
            "leverage_shown": money(one["leverage"], one["currency"]),
        }
        for one in found.content.get("fractures", [])[:MOST]
    ]
