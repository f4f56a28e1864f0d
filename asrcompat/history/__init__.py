"""``asrcompat diff``: what changed between two reports."""
