"""One reader a format, one packed corpus that everything else reads."""
