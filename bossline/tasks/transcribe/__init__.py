"""Phoneme transcription: which phones were said, in order?"""
