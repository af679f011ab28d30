"""A trained model on new input."""
