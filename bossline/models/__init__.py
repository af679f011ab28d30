"""A file a model, or a family of small ones; a config builds its model."""
