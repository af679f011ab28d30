"""Models whose weights follow from sums over the training data: the ground floor of a ladder."""
