from sla.models.agreements import Agreement, validate_clauses, validate_terms
from sla.models.clocks import Breach, Clock, ClockCorrection, ClockKind, ClockQuerySet, ClockRedating, Outcome
from sla.models.compliance import METRIC, ComplianceDay
from sla.models.reviews import ReviewTaken

__all__ = [
    "METRIC",
    "Agreement",
    "Breach",
    "Clock",
    "ClockCorrection",
    "ClockKind",
    "ClockQuerySet",
    "ClockRedating",
    "ComplianceDay",
    "Outcome",
    "ReviewTaken",
    "validate_clauses",
    "validate_terms",
]
