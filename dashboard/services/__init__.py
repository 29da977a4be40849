"""The writers of the top, by subject; import the module that you need."""
