"""How words are said: text into words, words into phones.

>>> from bossline.data.pronunciation.text import words_of
>>> words_of("The owl, they say, isn't home.")
['the', 'owl', 'they', 'say', "isn't", 'home']
"""
