"""Source distributions and source trees into wheels (PEP 517, 518, 660)."""
