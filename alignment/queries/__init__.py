"""Reading over several models, by subject; import the module that you need."""
