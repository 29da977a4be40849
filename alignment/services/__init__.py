"""The core's writers, by subject."""
