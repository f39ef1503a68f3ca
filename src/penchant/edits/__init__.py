"""A trained recommender with a row or ratings more, or a user less (incremental update and unlearning)."""
