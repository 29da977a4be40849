"""Pages of signed artifacts: the list, the versions of one, the page on which it is signed, and verifying."""
