"""How a model is learned: solvers are small immutable objects over arrays, never ids."""
