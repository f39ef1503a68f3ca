"""What is predicted: models are frozen sets of arrays that know row numbers, never ids."""
