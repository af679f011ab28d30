"""What training may do to utterances or images before a model sees them."""
