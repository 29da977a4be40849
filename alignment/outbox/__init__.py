"""Carrying messages of write-back to their destinations: which addresses are fit, one attempt, and when the next."""
