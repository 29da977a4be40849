"""Pages of the shared definitions: reading and writing them, incomplete MQLs, drift."""
