"""What the report shows of transcription.

One utterance with its alignment, where a decoder looked, errors by phone, by length, and whether
the confidence of phones is right.
"""
