"""Are two utterances of one speaker? Trials, error rates, thresholds."""
