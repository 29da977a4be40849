"""The demo company: people, four quarters of history through the import, five weeks through the
real pipeline, and a stream of live events."""
