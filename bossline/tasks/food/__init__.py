"""Which dish is this? Images."""
