"""From what is said to when: frames are labelled without anybody having labelled any.

`chains` are utterances as states in a row, `trellis` finds which state each frame is likely in,
`mixtures` what frames of a state look like, and `flat_start` goes from nothing to labels.
"""
