"""Speaker verification: are two recordings of one speaker?"""
