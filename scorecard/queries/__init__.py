"""Reading of step 1: what was measured, answered, claimed and published."""
