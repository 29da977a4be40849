"""Signed artifacts: what a kind of document declares, how its content becomes canonical bytes, a page and a PDF.

Nothing here reads or writes the database; see alignment.services.artifacts for the acts.
"""
