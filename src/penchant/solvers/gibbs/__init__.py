"""The parts of the Bayesian sampler: hyper-parameters, chains of draws, and what is kept of them."""
