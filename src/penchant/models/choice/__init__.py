"""Who chooses what, whatever the rating: the model of choices and its rows, not yet used by the recommender."""
