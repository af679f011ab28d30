"""Models that are fitted by passes over the training data: the ground floor of a ladder."""
