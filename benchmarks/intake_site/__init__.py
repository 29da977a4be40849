"""What the intake is measured against: a bare ORM view and a DRF view, served by the same processes."""
