"""When known words are said: forced alignment of recordings with their text.

A text becomes a graph of phones (graph), which an explicit-duration Viterbi search lays over the
posteriors of a run (search, and bands where a recording is long); edges are then put between frames
(edges). What a run knows of phones and of its own bias is fitted once (fitting).
"""
