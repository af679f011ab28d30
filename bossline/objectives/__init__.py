"""What is learned: losses."""
