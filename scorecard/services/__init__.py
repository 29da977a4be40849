"""The writers of step 1, by subject."""
