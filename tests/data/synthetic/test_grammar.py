from __future__ import annotations

import numpy as np

from bossline.data.synthetic.grammar import sentence, vocabulary


def test_sentences_are_varied_and_of_speakable_length() -> None:
    said = [sentence(np.random.default_rng(seed)) for seed in range(2000)]
    assert len(set(said)) > 1900
    words = [len(text.split()) for text in said]
    assert min(words) >= 10
    assert max(words) <= 26
    assert all("_" not in text and not any(w.isupper() for w in text.split()) for text in said)


def test_the_vocabulary_is_what_sentences_use() -> None:
    words = set(vocabulary())
    assert len(words) > 400
    for seed in range(300):
        text = sentence(np.random.default_rng(seed)).replace(",", "").replace(".", "")
        assert set(text.split()) <= words
