"""Speech with exact frame labels, made on the spot: bossline runs before you have data."""
