"""Inner loops, compiled by numba; each stands beside a readable twin that a test compares it with."""
