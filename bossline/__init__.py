"""bossline: from the sample code to past the boss baseline."""

from bossline.version import __version__

__all__ = ["__version__"]
