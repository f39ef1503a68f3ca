"""How good a model is on held-out ratings: errors and top-N lists, beside baselines."""
