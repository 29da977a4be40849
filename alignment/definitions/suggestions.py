"""Drafts to start from: what such companies usually agree on. Nothing here is in force before it is signed."""

from __future__ import annotations

from typing import Any

from alignment.definitions.content import empty

Rows = list[tuple[str, str, Any]]

_WORDS: dict[str, tuple[str, dict[str, tuple[str, str, Rows]]]] = {
    "lead": (
        "A named person at a company whom we may reach. Whoever we know nothing of but a visit to the website is an "
        "inquiry, not a lead.",
        {"criteria": ("all", "", [("email", "is_filled", None), ("company", "is_filled", None)])},
    ),
    "mql": (
        "A lead of our market, in a role that decides or is heard, who shows an intent to buy and is engaged enough "
        "to be called. From here on sales answers within the agreed time.",
        {
            "firmographic": (
                "all",
                "A company that we can serve: in one of our segments, in a country where we sell.",
                [
                    ("company", "is_filled", None),
                    ("segment", "is_filled", None),
                    ("country", "is_filled", None),
                ],
            ),
            "role": (
                "all",
                "Decides, or is asked before it is decided.",
                [
                    (
                        "title",
                        "contains_any",
                        ["VP", "Vice President", "Head", "Director", "Chief", "Manager", "Lead", "Owner"],
                    )
                ],
            ),
            "intent": (
                "all",
                "Asked for something that buyers ask for.",
                [("intent", "is_one_of", ["demo_request", "pricing", "trial", "contact_sales"])],
            ),
            "engagement": ("all", "The score that both sides trust.", [("score", "at_least", 65)]),
            "disqualifiers": (
                "any",
                "Never handed to sales.",
                [
                    ("title", "contains_any", ["Student", "Intern"]),
                    ("email", "contains_any", ["@example.", "test@"]),
                ],
            ),
        },
    ),
    "sql": (
        "An MQL that sales followed up, found to be real, and took on or turned into an opportunity.",
        {
            "criteria": (
                "all",
                "",
                [
                    ("accepted_at", "is_filled", None),
                    ("first_follow_up_at", "is_filled", None),
                    ("disposition", "is_one_of", ["working", "converted"]),
                ],
            )
        },
    ),
    "opportunity": (
        "A deal that a named owner pursues with an account: sized, staged, and expected to close on a day.",
        {
            "criteria": (
                "all",
                "",
                [
                    ("account", "is_filled", None),
                    ("owner", "is_filled", None),
                    ("stage", "is_filled", None),
                    ("amount", "more_than", "0"),
                    ("close_on", "is_filled", None),
                ],
            )
        },
    ),
    "qualified-pipeline": (
        "Open opportunities that count towards coverage: with an amount, past the first stage, closing within a year.",
        {
            "criteria": (
                "all",
                "",
                [
                    ("is_closed", "is_no", None),
                    ("amount", "more_than", "0"),
                    ("stage", "is_none_of", ["Prospecting", "Discovery"]),
                    ("close_on", "within_next", 365),
                ],
            )
        },
    ),
}


def suggestion(key: str) -> dict[str, Any]:
    """Content of a draft that can be changed and sent."""
    prose, parts = _WORDS[key]
    found = empty(key) | {"prose": prose}
    for part in found["parts"]:
        combine, words, rows = parts[part["name"]]
        part |= {
            "combine": combine,
            "prose": words,
            "rows": [
                {"field": field, "operator": operator, "value": value} for field, operator, value in rows
            ],
        }
    return found
