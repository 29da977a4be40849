"""What people enter on the pages of step 1: parsed and checked, never saved here."""
