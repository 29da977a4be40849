"""The five dimensions of the diagnosis, in the order in which they are shown and in which ties are broken."""

from __future__ import annotations

from collections.abc import Mapping

DEFINITIONS, HYGIENE, CONVERSION = "definitions", "hygiene", "conversion"
ATTRIBUTION, TRUST = "attribution", "trust"
LABELS: Mapping[str, str] = {
    DEFINITIONS: "Definition agreement",
    HYGIENE: "Handoff hygiene",
    CONVERSION: "Conversion",
    ATTRIBUTION: "Source attribution",
    TRUST: "Trust",
}
ORDER = tuple(LABELS)
ASKS: Mapping[str, str] = {
    DEFINITIONS: "Do both functions mean the same by MQL, SQL and opportunity?",
    HYGIENE: "What share of MQLs is followed up within the stated window?",
    CONVERSION: "Where do leads stall on their way to an opportunity?",
    ATTRIBUTION: "Do both functions agree on who sourced what?",
    TRUST: "What does an anonymous survey of both teams say?",
}
FRACTURE, START = 30, 20
"""Tenths: a score under 3.0 is a fracture, one under 2.0 is where to start; 3.0 and 2.0 themselves are not."""
