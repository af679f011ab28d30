"""From what lies on a disk to a packed corpus: features, readers, the pack and its splits."""
