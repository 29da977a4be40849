"""What tests of several apps share: a small company, and senders of events."""
