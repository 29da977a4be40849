from alignment.views import calendars, deliveries, health, mapping, people, sources, teams

__all__ = ["calendars", "deliveries", "health", "mapping", "people", "sources", "teams"]
