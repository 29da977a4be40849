from alignment.models.api import ApiToken, KeptAnswer, RateBucket, TokenScope
from alignment.models.calendars import Calendar, CalendarVersion
from alignment.models.cycles import Disposition, DisqualificationReason, MqlCycle
from alignment.models.erasure import AskedBy, Erasure, ErasureArrival, ErasureMark
from alignment.models.identity import ChangedAccount, DuplicatePair, DuplicateRule, LeadMerge
from alignment.models.imports import Import, ImportPiece, ImportReject, ImportState
from alignment.models.intake import (
    DeadEvent,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointSecret,
    Fact,
    Scheme,
    Source,
    Subject,
)
from alignment.models.leads import (
    Account,
    Campaign,
    Lead,
    MatchRule,
    Opportunity,
    OpportunityStage,
    Touch,
    TouchFunction,
)
from alignment.models.operations import DirtyDay, Heartbeat
from alignment.models.outbox import Destination, DestinationSecret, OutgoingMessage, OutgoingState
from alignment.models.people import Function, Organisation, Person, PersonIdentity, Role, Team, User
from alignment.models.retention import RetentionRun

__all__ = [
    "Account",
    "ApiToken",
    "AskedBy",
    "Calendar",
    "CalendarVersion",
    "Campaign",
    "ChangedAccount",
    "DeadEvent",
    "Delivery",
    "DeliveryState",
    "Destination",
    "DestinationSecret",
    "DirtyDay",
    "Disposition",
    "DisqualificationReason",
    "DuplicatePair",
    "DuplicateRule",
    "Endpoint",
    "EndpointSecret",
    "Erasure",
    "ErasureArrival",
    "ErasureMark",
    "Fact",
    "Function",
    "Heartbeat",
    "Import",
    "ImportPiece",
    "ImportReject",
    "ImportState",
    "KeptAnswer",
    "Lead",
    "LeadMerge",
    "MatchRule",
    "MqlCycle",
    "Opportunity",
    "OpportunityStage",
    "Organisation",
    "OutgoingMessage",
    "OutgoingState",
    "Person",
    "PersonIdentity",
    "RateBucket",
    "RetentionRun",
    "Role",
    "Scheme",
    "Source",
    "Subject",
    "Team",
    "TokenScope",
    "Touch",
    "TouchFunction",
    "User",
]
