"""A run is a folder: what stands in it, how it comes about, and what it answers."""
