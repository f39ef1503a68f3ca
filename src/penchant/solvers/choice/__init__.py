"""Solvers of choices: who chose what, whatever the rating. The recommender does not use them yet."""
