"""The questions by which it is found out whether the functions mean the same, in editions that never change.

A question once asked stays as it was asked: a changed list is a new edition. Every question can be answered with
UNKNOWN, which agrees with nothing, another UNKNOWN included: what nobody knows is not agreed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

UNKNOWN = "unknown"
UNKNOWN_LABEL = "Not agreed, or I don't know"


@dataclass(frozen=True)
class Question:
    """`choices`: key → label, without UNKNOWN; `about` groups questions on the sheet."""

    key: str
    about: str
    text: str
    choices: Mapping[str, str]

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """All that can be answered, UNKNOWN last."""
        return (*self.choices.items(), (UNKNOWN, UNKNOWN_LABEL))

    def label_of(self, choice: str) -> str:
        return UNKNOWN_LABEL if choice == UNKNOWN else self.choices.get(choice, choice)


_FIRST = (
    Question("lead", "Lead", "When does a record count as a lead?", {
        "any_contact": "Any contact in the CRM, however it got there",
        "own_action": "Once the person did something: a form, a visit, a reply",
        "identified": "Once person and company are both known",
        "fit": "Once the company fits our market, acted or not",
    }),
    Question("mql_fit", "MQL", "Which companies can be an MQL at all?", {
        "written_profile": "Those of a written profile: size, industry, region",
        "named_accounts": "Those on a list of named accounts only",
        "not_excluded": "Any that is not on an exclusion list",
        "any_company": "Any company",
    }),
    Question("mql_role", "MQL", "Whose interest makes an MQL?", {
        "decides": "Only of people who decide or hold the budget",
        "buying_group": "Of anybody in the buying group, users included",
        "any_employee": "Of anybody who works there",
    }),
    Question("mql_intent", "MQL", "Which act shows intent?", {
        "asks_for_sales": "Only asking for sales: demo, price, call back",
        "late_content": "Asking for sales, or content that buyers read late",
        "any_form": "Any form filled in",
        "score_alone": "No act in particular; the score decides",
    }),
    Question("mql_threshold", "MQL", "When has engagement crossed the line?", {
        "score": "When a score reaches a number that we wrote down",
        "acts": "After a number of acts within some days",
        "stage_field": "When somebody sets the lifecycle stage",
        "one_act": "With one act of intent, whatever the score",
    }),
    Question("mql_disqualifier", "MQL", "What takes a lead out although it crossed?", {
        "written_list": "A written list: competitors, students, free mail, customers …",
        "rep_judges": "The judgement of the rep who gets it",
        "marketing_judges": "The judgement of marketing before it is handed over",
        "nothing": "Nothing",
    }),
    Question("accepted", "Handoff", "When has sales accepted an MQL?", {
        "assigned": "When it is assigned to a rep",
        "attempted": "With the first attempt to reach the person",
        "declared": "When the rep says so in the CRM",
        "spoke": "After a first conversation",
    }),
    Question("follow_up", "Handoff", "Within which time is an MQL followed up?", {
        "minutes": "Minutes for requests, the rest within the day",
        "day": "Within 24 business hours",
        "two_days": "Within 48 business hours",
        "week": "Within the week",
        "no_window": "There is no such time",
    }),
    Question("given_up", "Handoff", "When may sales give a lead up as not answering?", {
        "after_5_to_8": "After five to eight attempts over several channels",
        "after_3": "After three or four attempts",
        "after_time": "After some days, however many attempts",
        "rep_decides": "When the rep decides so",
    }),
    Question("sql", "SQL", "When is a lead an SQL?", {
        "criteria": "When written criteria are confirmed: need, money, time, person",
        "meeting": "When a meeting took place",
        "meeting_booked": "When a meeting is booked",
        "accepted": "When sales accepted it",
    }),
    Question("opportunity", "Opportunity", "When is an opportunity created?", {
        "sql": "With every SQL, at once",
        "next_step": "Once the buyer agreed to a next step with a date",
        "amount": "Once amount and closing date can be named",
        "rep_decides": "When the rep decides so",
    }),
    Question("pipeline", "Pipeline", "Which opportunities count as qualified pipeline?", {
        "all_open": "All that are open",
        "from_stage": "Open ones from a certain stage on",
        "amount_and_close": "Open ones with an amount that close in the period",
        "committed": "Those that sales commits to",
    }),
    Question("sourced", "Pipeline", "Who sourced an opportunity?", {
        "first_touch": "Whoever made the first touch that the CRM recorded",
        "last_touch": "Whoever made the last touch before it was created",
        "created_by": "Whoever created it, or the lead it came from",
        "any_touch": "Everybody with a touch on it",
        "shared": "It is split between the functions",
    }),
    Question("recycled", "Pipeline", "What becomes of a lead that sales sends back?", {
        "nurture_again": "It goes to nurture and can become an MQL again",
        "stays_out": "It stays out for good",
        "with_sales": "It stays with the rep for later",
        "nothing_fixed": "Nothing is fixed",
    }),
)  # fmt: skip
EDITIONS: Mapping[int, tuple[Question, ...]] = {1: _FIRST}
CURRENT = max(EDITIONS)


class IncompleteAnswers(ValueError):
    """Not every question has one of its choices for an answer; `missing` are the keys of those."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        count = len(missing)
        super().__init__(
            f"{count} {'question is' if count == 1 else 'questions are'} not answered yet. "
            f"“{UNKNOWN_LABEL}” is an answer too."
        )
        self.missing = missing


def known_answers(edition: int, given: Mapping[str, object]) -> dict[str, str]:
    """Of what was given the answers that the edition offers; all else is left out."""
    found = {}
    for question in EDITIONS[edition]:
        choice = given.get(question.key)
        if isinstance(choice, str) and (choice == UNKNOWN or choice in question.choices):
            found[question.key] = choice
    return found


def complete_answers(edition: int, given: Mapping[str, object]) -> dict[str, str]:
    """As `known_answers`, with every question answered. Raises IncompleteAnswers."""
    found = known_answers(edition, given)
    if missing := tuple(question.key for question in EDITIONS[edition] if question.key not in found):
        raise IncompleteAnswers(missing)
    return found


@dataclass(frozen=True)
class Compared:
    """A question with both answers. `outcome`: same, different, unknown (one or both do not know)."""

    question: Question
    sales: str
    marketing: str
    outcome: str


def compare(edition: int, sales: Mapping[str, str], marketing: Mapping[str, str]) -> list[Compared]:
    """Answer by answer, in the order of the sheet; both sheets are complete."""
    found = []
    for question in EDITIONS[edition]:
        one, other = sales[question.key], marketing[question.key]
        outcome = "unknown" if UNKNOWN in (one, other) else "same" if one == other else "different"
        found.append(Compared(question, one, other, outcome))
    return found
