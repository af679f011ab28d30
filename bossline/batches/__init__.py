"""What one step sees."""
