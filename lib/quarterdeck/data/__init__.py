"""Which rows does a run speak of? Only this room opens data."""

COMPANY = "company"  # the region that means all regions together
