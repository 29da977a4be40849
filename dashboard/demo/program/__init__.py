"""Two programs of the demo company: one that has been run, one in the middle of its life."""
