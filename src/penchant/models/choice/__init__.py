"""Who chooses what, whatever the rating: the model of choices, its rows, and the order of lists."""
