from sla.views import agreement, compliance

__all__ = ["agreement", "compliance"]
