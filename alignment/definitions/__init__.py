"""Shared definitions: rows of field, operator and value that say what a lead, MQL, SQL or opportunity is.

Nothing here asks the database. A definition is evaluated in two ways that a test holds equal: over the values of one
record (`evaluate`), and as a condition of a query (`conditions`).
"""
