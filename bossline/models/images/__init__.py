"""Networks over whole images: a file a model."""
