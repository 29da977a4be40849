"""What the demo company agreed on: definitions, sponsorship, answers to the questions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from alignment.definitions.suggestions import suggestion

DEFINITIONS = ("lead", "mql", "sql", "opportunity", "qualified-pipeline")
SPONSORED = (Decimal(2_400_000), Decimal(2_650_000), Decimal(2_800_000), Decimal(3_000_000))
REVISED = (Decimal(2_700_000), Decimal(2_900_000), Decimal(3_100_000), Decimal(3_300_000))
_ROLES = ["Head", "VP", "COO", "Director", "Manager", "Engineer"]
_NO_BUYERS = ["Student", "Intern", "Consultant"]
_CALLED_MQL = ["mql", "sal", "opportunity", "customer"]  # lifecycle stages from the MQL on
_INTENTS = ["demo_request", "pricing"]

# question: (what sales answers, what marketing answers); None: as the other one
_AT_FIRST: dict[str, tuple[str, str | None]] = {
    "lead": ("identified", "own_action"),
    "mql_fit": ("written_profile", "any_company"),
    "mql_role": ("decides", "buying_group"),
    "mql_intent": ("asks_for_sales", "late_content"),
    "mql_threshold": ("score", None),
    "mql_disqualifier": ("rep_judges", "unknown"),
    "accepted": ("declared", "assigned"),
    "follow_up": ("minutes", None),  # "… the rest within the day": the working day that is declared
    "given_up": ("rep_decides", "after_5_to_8"),
    "sql": ("meeting", "accepted"),
    "opportunity": ("next_step", None),
    "pipeline": ("from_stage", "all_open"),
    "sourced": ("created_by", "first_touch"),
    "recycled": ("nurture_again", None),
}
_BY_NOW: dict[str, tuple[str, str | None]] = _AT_FIRST | {
    "lead": ("identified", None),
    "mql_fit": ("written_profile", None),
    "mql_intent": ("late_content", None),
    "mql_disqualifier": ("written_list", None),
    "given_up": ("after_5_to_8", None),
    "sql": ("criteria", None),
    "sourced": ("first_touch", "any_touch"),
}


def definition(key: str, *, is_revised: bool = False) -> dict[str, Any]:
    """As first signed; `is_revised`: with what the second program changed, which acts show intent."""
    content = suggestion(key)
    if key == "sql":
        content["parts"][0]["rows"] = [
            {"field": field, "operator": "is_filled", "value": None}
            for field in ("accepted_at", "first_follow_up_at")
        ]
    if key == "mql":
        intents = [*_INTENTS, "webinar"] if is_revised else _INTENTS
        rows = {
            "role": ("title", "contains_any", _ROLES),
            "intent": ("intent", "is_one_of", intents),
            "disqualifiers": ("title", "contains_any", _NO_BUYERS),
        }
        for part in content["parts"]:
            if part["name"] in rows:
                field, operator, value = rows[part["name"]]
                part["rows"] = [{"field": field, "operator": operator, "value": value}]
        content["crm_status"] = {"field": "lifecycle", "values": _CALLED_MQL}
        if is_revised:
            content["prose"] += " Who comes to a webinar of ours shows intent as well."
    return content


def answers(function: str, *, is_second: bool) -> dict[str, str]:
    """What sales, or marketing, answers in the first and in the second program."""
    told = _BY_NOW if is_second else _AT_FIRST
    if function == "sales":
        return {question: sales for question, (sales, _) in told.items()}
    return {question: marketing or sales for question, (sales, marketing) in told.items()}
