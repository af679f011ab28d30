"""What training may do to utterances before a model sees them: SpecAugment (arXiv 1904.08779)."""

from bossline.augmentation.spec_augment import AugmentConfig

__all__ = ["AugmentConfig"]
