"""What share of tests will be positive? A table."""
