"""Drawing: the style of all pictures, and those that several tasks share."""
