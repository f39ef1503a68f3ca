"""The recommender: a trained model with the caller's ids at its door, and every question that people ask."""
