"""Search for the values of a recipe that score best on validation, with Optuna."""
