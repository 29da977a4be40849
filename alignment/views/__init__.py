from alignment.views import health

__all__ = ["health"]
