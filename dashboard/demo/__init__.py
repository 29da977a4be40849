"""The demo company: people, five weeks of history through the real pipeline, and a stream of live events."""
