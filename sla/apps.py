from django.apps import AppConfig


class SlaConfig(AppConfig):
    name = "sla"
    verbose_name = "Step 2: revenue SLA"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from alignment.business_days import default_calendar
        from alignment.merging import import_step
        from alignment.pipeline import drain_step
        from alignment.ruled_sources import ruled_sources_provider
        from alignment.services.organisation import on_zone_change
        from alignment.target_notes import target_note_provider
        from sla import gates, kinds  # noqa: F401 - register the gates of two steps and the document
        from sla.queries.agreements import default_calendar_at
        from sla.queries.renegotiation import target_note
        from sla.queries.sourcing import sources_by_ruling
        from sla.services import cross, mark_all_days_dirty
        from sla.services.history_rows import merge_cycles

        drain_step(order=10, name="crossing")(cross)
        import_step(order=10, name="cycles of history")(merge_cycles)
        on_zone_change(mark_all_days_dirty)
        default_calendar(default_calendar_at)
        target_note_provider(target_note)
        ruled_sources_provider(sources_by_ruling)
