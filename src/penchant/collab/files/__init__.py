"""Files of a learner: weights, and the whole learner without code."""
