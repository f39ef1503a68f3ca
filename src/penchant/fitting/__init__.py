"""Training: ratings meet solvers; cross-validation and comparison of solvers."""
