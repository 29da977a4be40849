"""The five questions of the trust survey. Their wording is fixed, so that one survey compares with the next."""

from __future__ import annotations

from dataclasses import dataclass

SCALE = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Question:
    """`statement` is what one agrees with: 1 not at all, 5 fully."""

    key: str
    label: str
    statement: str


QUESTIONS = (
    Question(
        "definitions",
        "Definitions",
        "Sales and marketing mean the same when they say lead, MQL and qualified.",
    ),
    Question(
        "follow_up",
        "Follow-up quality",
        "Leads that marketing hands over are followed up in time and with care.",
    ),
    Question(
        "lead_quality",
        "Lead quality",
        "The leads that sales is handed are worth the time they take.",
    ),
    Question(
        "attribution",
        "Attribution fairness",
        "Credit for opportunities goes where it is due.",
    ),
    Question(
        "joint_number",
        "Confidence in the joint number",
        "We can reach the revenue number that both functions are measured by.",
    ),
)
