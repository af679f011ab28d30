"""What the verbs print: tables for the terminal, a file a subject."""
