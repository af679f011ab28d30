"""The state of a trained network: slope, curvature, surface, units, calibration."""
