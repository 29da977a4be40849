"""Verifying what was signed: verify.py needs no application and goes into every bundle; the rest asks the database."""
