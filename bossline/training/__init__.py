"""The loop, what it steps with, and the folder that it fills."""
