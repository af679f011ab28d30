"""Which phoneme is each 10 ms frame?"""
