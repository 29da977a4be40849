"""Measured against a baseline in the same run, one command each."""
