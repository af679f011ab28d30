"""What one step sees: context windows, whole utterances, segments, images, rows."""
