"""Shape of what people type into the settings pages: parsed and checked here, written by services."""
