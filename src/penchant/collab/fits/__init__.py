"""Training in `penchant.collab`: the loop, callbacks, optimiser, learning-rate finder."""
