"""What other programs get: the numbers that score items, as plain JSON."""
