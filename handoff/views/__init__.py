from handoff.views import acts, cycles, leads, queue, routing

__all__ = ["acts", "cycles", "leads", "queue", "routing"]
