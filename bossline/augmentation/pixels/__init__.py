"""The parts of an augmentation of images, a file each."""
