"""Intake: from a signed request to facts in our own field names."""
