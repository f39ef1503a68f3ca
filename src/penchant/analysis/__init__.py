"""What a model's arrays say: similarity, vectors of taste, rotated factors, maps, intervals."""
