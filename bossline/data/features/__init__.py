"""From a waveform to frames, and what the numbers of a frame, row or image are."""
