"""The core's writers, by subject."""

from alignment.services import sources

__all__ = ["sources"]
