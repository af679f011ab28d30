"""Timings side by side with the usual way, in the same run, as ratios. Never asserted in tests."""
