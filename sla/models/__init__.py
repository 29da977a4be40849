from sla.models.agreements import Agreement, validate_clauses, validate_terms
from sla.models.calibration import Elapsed, ElapsedCoverage, Opening, Profile, Scenario, StaleCycle
from sla.models.cases import AdoptionCase, AdoptionCaseClosing, KnownWeek
from sla.models.clocks import Breach, Clock, ClockCorrection, ClockKind, ClockQuerySet, ClockRedating, Outcome
from sla.models.compliance import METRIC, ComplianceDay
from sla.models.consequences import (
    ClauseKind,
    ClausePeriod,
    Consequence,
    ConsequenceCycle,
    ConsequenceUndone,
    CycleState,
    RenegotiationCase,
)
from sla.models.disputes import (
    ClockHold,
    Decision,
    Dispute,
    DisputeKind,
    Effect,
    Ending,
    Override,
    Ruling,
)
from sla.models.reports import AdherenceReport
from sla.models.reviews import ReviewTaken

__all__ = [
    "METRIC",
    "AdherenceReport",
    "AdoptionCase",
    "AdoptionCaseClosing",
    "Agreement",
    "Breach",
    "ClauseKind",
    "ClausePeriod",
    "Clock",
    "ClockCorrection",
    "ClockHold",
    "ClockKind",
    "ClockQuerySet",
    "ClockRedating",
    "ComplianceDay",
    "Consequence",
    "ConsequenceCycle",
    "ConsequenceUndone",
    "CycleState",
    "Decision",
    "Dispute",
    "DisputeKind",
    "Effect",
    "Elapsed",
    "ElapsedCoverage",
    "Ending",
    "KnownWeek",
    "Opening",
    "Outcome",
    "Override",
    "Profile",
    "RenegotiationCase",
    "ReviewTaken",
    "Ruling",
    "Scenario",
    "StaleCycle",
    "validate_clauses",
    "validate_terms",
]
