"""Models of one row of a table: its columns chosen, standardised, and regressed on."""
